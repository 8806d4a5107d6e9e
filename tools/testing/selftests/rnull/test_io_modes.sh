#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# I/O in every completion mode: the block layer counts each I/O that fio counts, none
# remains in flight, and each mode completes requests in its own way.

. "$(dirname "$0")/rnull_lib.sh"

MODES=(none softirq timer tag)

# poll_queues=0, because queues for polling change how the block layer completes
# requests. Without them, both drivers have one hardware queue.
one_queue() {
	modinfo -p "$MODULE" | grep -q '^poll_queues:' && printf 'poll_queues=0'
	return 0
}

# stats: set READS, READ_SECTORS, WRITES, WRITE_SECTORS. The kernel counts a request
# merged from two I/Os as one completed and one merged, so add both.
stats() {
	local field
	read -ra field <"/sys/block/${DISK}0/stat"
	READS=$((field[0] + field[1])) READ_SECTORS=${field[2]}
	WRITES=$((field[4] + field[5])) WRITE_SECTORS=${field[6]}
}

in_flight() {
	local field
	read -ra field <"/sys/block/$1/inflight"
	printf '%s' "${field[*]}"
}

# fio_report OUTPUT: set REPORT to the number of errors; reads, their bytes; writes,
# their bytes; the least and the mean latency in ns.
fio_report() {
	must fio_report "$1"
	read -ra REPORT <<<"$RET"
}

# accounted OPTIONS...: run fio, and check that the disk's statistics have all its I/Os.
accounted() {
	local before counted
	stats
	before=("$READS" "$READ_SECTORS" "$WRITES" "$WRITE_SECTORS")
	fio_job "$WORK/fio" "${DISK}0" "$@"
	fio_report "$WORK/fio"
	stats
	counted="$((READS - before[0])) $(((READ_SECTORS - before[1]) * 512))"
	counted+=" $((WRITES - before[2])) $(((WRITE_SECTORS - before[3]) * 512))"
	want "errors" "${REPORT[0]}" 0
	want "reads, bytes, writes, bytes" "$counted" "${REPORT[*]:1:4}"
	((REPORT[1] > 0 && REPORT[3] > 0))
	want "in flight" "$(in_flight "${DISK}0")" "0 0"
}

mode() {
	load irqmode="$1" gb=1
	accounted --iodepth="$2"
}

batched() {
	load irqmode="$1" gb=1
	accounted --iodepth=64 --iodepth_batch_submit=16 --iodepth_batch_complete_min=16 \
		--iodepth_batch_complete_max=16 --registerfiles --fixedbufs
}

two_jobs() {
	load irqmode="$1" gb=1
	accounted --iodepth=32 --numjobs=2 --thread
}

big_blocks() {
	load irqmode="$1" gb=1 bs=4096
	accounted --iodepth=8 --bs=64k
}

# timer_waits IRQMODE: no I/O completes before completion_nsec, by the clock of timers.
# With irqmode 1 I/O is faster, so it is the timer that waits, not the emulator.
timer_waits() {
	local nsec
	for nsec in 2000000 40000000; do
		load irqmode="$1" gb=1 completion_nsec="$nsec"
		fio_job "$WORK/fio" "${DISK}0" --iodepth=1 --number_ios=20
		fio_report "$WORK/fio"
		printf 'completion_nsec=%s: least %s, mean %s\n' "$nsec" "${REPORT[@]:5}"
		((REPORT[5] >= nsec))
		unload
	done
	load irqmode=1 gb=1 completion_nsec=40000000
	fio_job "$WORK/fio" "${DISK}0" --iodepth=1 --number_ios=20
	fio_report "$WORK/fio"
	printf 'irqmode=1: mean %s\n' "${REPORT[6]}"
	((REPORT[6] < 40000000))
}

block_softirqs() {
	awk '$1 == "BLOCK:" { for (i = 2; i <= NF; i++) n += $i; print n }' /proc/softirqs
}

# raised IRQMODE: print the number of BLOCK softirqs during $RAISING I/Os of one CPU at
# depth 1.
RAISING=400
raised() {
	local before
	load irqmode="$1" gb=1 "$(one_queue)"
	before=$(block_softirqs)
	fio_job "$WORK/fio" "${DISK}0" --iodepth=1 --number_ios="$RAISING"
	RAISED=$(($(block_softirqs) - before))
	unload
	printf 'irqmode=%s: %s softirqs for %s I/Os\n' "$1" "$RAISED" "$RAISING"
}

softirq_completes() {
	local irqmode
	(($(nproc) > 1)) || skip "the block layer needs no softirq on one CPU"
	for irqmode in "${IRQMODES[@]}"; do
		raised "$irqmode"
		case $irqmode in
		1) ((RAISED >= RAISING)) ;;
		*) ((RAISED < RAISING / 10)) ;;
		esac
	done
}

# counted IRQMODE POLL: check the counters in debugfs, of a device with POLL queues for
# polling.
counted() {
	local submitted counter options=(--iodepth=16 --number_ios=500)
	[[ $DRIVER == rnull ]] || skip "null_blk has no counters"
	load nr_devices=0 poll_queues=1
	make_device f
	set_attr f irqmode "$1"
	set_attr f poll_queues "$2"
	power_on f
	(($2)) && options+=(--ioengine=io_uring --hipri)
	must write /sys/block/f/queue/scheduler "none\n"
	fio_job "$WORK/fio" f "${options[@]}"
	for counter in submitted completed batches; do
		statistic f "$counter"
		want "$counter, while nothing is counted" "$RET" 0
	done
	count_io f
	fio_job "$WORK/fio" f "${options[@]}"
	must write /sys/kernel/debug/rnull/f/statistics_enable "0\n"
	fio_report "$WORK/fio"
	statistic f submitted
	submitted=$RET
	# A request may be made of several I/Os.
	((submitted > 0 && submitted <= REPORT[1] + REPORT[3]))
	statistic f completed
	want "completed" "$RET" "$submitted"
	for counter in requeued dropped timed_out spurious injected; do
		statistic f "$counter"
		want "$counter" "$RET" 0
	done
	fio_job "$WORK/fio" f "${options[@]}"
	statistic f submitted
	want "submitted, after counting has ended" "$RET" "$submitted"
}

# Two devices at once do not disturb each other.
two_disks() {
	local disk
	load nr_devices=2 irqmode="$1" gb=1
	for disk in 0 1; do
		fio_job "$WORK/fio$disk" "$DISK$disk" --iodepth=16 &
	done
	wait -n
	wait -n
	for disk in 0 1; do
		want "in flight" "$(in_flight "$DISK$disk")" "0 0"
		fio_report "$WORK/fio$disk"
		want "errors" "${REPORT[0]}" 0
	done
}

for irqmode in "${IRQMODES[@]}"; do
	for depth in 1 64; do
		tap_case "irqmode ${MODES[irqmode]}, depth $depth: all I/Os accounted for" \
			mode "$irqmode" "$depth"
	done
	tap_case "irqmode ${MODES[irqmode]}, depth 64 in batches: all I/Os accounted for" \
		batched "$irqmode"
	tap_case "irqmode ${MODES[irqmode]}, two jobs: all I/Os accounted for" two_jobs "$irqmode"
	tap_case "irqmode ${MODES[irqmode]}, 64 KiB I/Os on 4 KiB blocks: all accounted for" \
		big_blocks "$irqmode"
	tap_case "irqmode ${MODES[irqmode]}, two devices at once" two_disks "$irqmode"
	tap_case "irqmode ${MODES[irqmode]}: the counters in debugfs" counted "$irqmode" 0
done
tap_case "polled: the counters in debugfs" counted 0 1
for irqmode in "${IRQMODES[@]:2}"; do
	tap_case "irqmode ${MODES[irqmode]} completes no sooner than completion_nsec" \
		timer_waits "$irqmode"
done
tap_case "irqmode softirq completes through the softirq, the others do not" softirq_completes
tap_run
