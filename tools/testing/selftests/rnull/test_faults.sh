#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Faults under I/O: requests are never completed, requeued, or met by spurious
# completions; devices change their queues, are powered off, or lose a CPU. Data must
# stay right, each request must end, and there must be no other errors.

. "$(dirname "$0")/rnull_lib.sh"

CYCLES=20
SECONDS_EACH=3
SECONDS_CONFIGFS=8
SIZE=4
if [[ ${FULL:-} == 1 ]]; then
	CYCLES=200
	SECONDS_EACH=30
	SECONDS_CONFIGFS=120
	SIZE=256
fi

# The timeout in ms; the driver's default is 5 s.
TIMEOUT=300

# disk SETTINGS...: make /dev/f, which stores data.
disk() {
	local change
	make_device f
	set_attr f memory_backed 1
	set_attr f size "$SIZE"
	for change in "$@"; do
		set_attr f "${change%%=*}" "${change#*=}"
	done
	power_on f
	must write /sys/block/f/queue/io_timeout "$TIMEOUT\n"
}

# fault KIND PERCENT [TIMES]
fault() {
	local group=$SUBSYS/f/$1
	[[ -d $group ]] || no_fault "$1"
	must write "$group/verbose" "0\n"
	must write "$group/times" "${3:--1}\n"
	must write "$group/probability" "$2\n"
}

# no_fault KIND: skip the case, or fail it if null_blk has fault injection: then rnull
# must have it, too.
no_fault() {
	if [[ $DRIVER == null_blk ]] || ! have_faults; then
		skip "no $1 in this kernel"
	fi
	printf 'null_blk can inject faults here, and %s has no %s\n' "$DRIVER" "$1"
	return 1
}

# requeue PERCENT: as fault, but such that requeued can count the requeues.
MANY=1000000
requeue() { fault requeue_inject "$1" "$MANY"; }

# requeued: check that requests were requeued. The kernel counts the remaining faults down.
requeued() {
	must read "$SUBSYS/f/requeue_inject/times"
	printf '%s requeues\n' $((MANY - ${RET%\\n}))
	((${RET%\\n} < MANY))
}

# verified: write at random, read back and verify. Errors of reads and writes are
# counted; a failed verification is fatal.
verified() {
	fio --name=job --filename=/dev/f --thread --ioengine=io_uring --direct=1 --iodepth=32 \
		--rw=randwrite --bsrange=512-32k --size="${SIZE}m" \
		--verify=crc32c --continue_on_error=io --error_dump=0 \
		--ignore_error=110:5,110:5 --verify_header_seed=0 --output-format=json \
		--output="$WORK/fio" || { grep -v '^[ {}]' "$WORK/fio"; return 1; }
	must fio_report "$WORK/fio"
	read -ra REPORT <<<"$RET"
	must fio_errors "$WORK/fio"
	ERRORS=$RET
	((REPORT[1] > 0 && REPORT[3] > 0))
	idle
}

# idle: check that each request has ended.
idle() { wait_for 20 grep -q '^ *0 *0$' /sys/block/f/inflight; }

# completions_agree: check that as many completions were spurious as were injected. An
# injected one may end a request; then the request's own completion is spurious, and may
# come later.
completions_agree() {
	statistic f injected
	INJECTED=$RET
	statistic f spurious
	((RET == INJECTED))
}

show_completions() {
	printf '%s completions injected, %s spurious\n' "$INJECTED" "$RET"
	return 1
}

# timeouts SETTINGS...: requests that time out fail, and no others do.
timeouts() {
	disk "$@"
	fault timeout_inject 2
	dmesg -C
	verified
	printf '%s errors\n' "$ERRORS"
	((ERRORS > 0))
	# The driver logged each of them.
	(($(dmesg -t | grep -c ' timed out$') >= ERRORS))
	fault timeout_inject 0
	verified
	want "errors" "$ERRORS" 0
}

# io_timeout_fail SETTINGS...: the same by the block layer's own fault injection.
io_timeout_fail() {
	local dir=/sys/kernel/debug/fail_io_timeout
	[[ -d $dir ]] || skip "no fail_io_timeout in this kernel"
	disk "$@"
	trap 'echo 0 >/sys/kernel/debug/fail_io_timeout/probability' EXIT
	must write $dir/verbose "0\n"
	must write $dir/times "-1\n"
	must write $dir/probability "1\n"
	must write /sys/block/f/io-timeout-fail "1\n"
	verified
	printf '%s errors\n' "$ERRORS"
	((ERRORS > 0))
	must write /sys/block/f/io-timeout-fail "0\n"
	verified
	want "errors" "$ERRORS" 0
}

requeues() {
	disk "$@"
	requeue 5
	verified
	want "errors" "$ERRORS" 0
	requeued
}

# Spurious completions do no harm.
spurious() {
	disk irqmode=3 "$@"
	count_io f
	fault tag_inject 5
	verified
	want "errors" "$ERRORS" 0
	wait_for 10 completions_agree || show_completions
	((INJECTED > 0))
	statistic f completed
	printf '%s completed, %s reads, %s writes\n' "$RET" "${REPORT[1]}" "${REPORT[3]}"
	# The block layer splits some of the I/Os.
	((RET >= REPORT[1] + REPORT[3]))
}

# ring_fills: check that requests whose entries never come time out, until their entries
# fill the ring of twice the queue depth. Further requests end at once.
ring_fills() {
	make_device f
	set_attr f irqmode 3
	set_attr f completion_nsec 600000000000
	set_attr f hw_queue_depth 4
	power_on f
	must write /sys/block/f/queue/io_timeout "$TIMEOUT\n"
	fio_job "$WORK/fio" f --rw=randread --iodepth=4 --number_ios=40 --continue_on_error=io \
		--error_dump=0 --ignore_error=110:5
	must fio_errors "$WORK/fio"
	ERRORS=$RET
	statistic f timed_out
	want "timed out" "$RET" 8
	# The others were reads of partition tables.
	printf '%s errors\n' "$ERRORS"
	((ERRORS > 0 && ERRORS <= 8))
	idle
	power_off f
}

all_together() {
	disk irqmode=3 "$@"
	fault tag_inject 5
	requeue 2
	fault timeout_inject 2
	verified
	requeued
	((ERRORS > 0))
	fault timeout_inject 0
	verified
	want "errors" "$ERRORS" 0
}

# hctx: print the state of a device after the setup of hardware queues has failed.
hctx() {
	make_device f
	set_attr f size 4
	fault init_hctx_fault_inject 100 1
	sys write "$SUBSYS/f/power" "1\n"
	printf 'power %s\n' "$ERR"
	get_attr f power
	printf 'power %s\n' "$RET"
	power_on f
	for queues in 2 1 2; do
		fault init_hctx_fault_inject 100 1
		sys write "$SUBSYS/f/submit_queues" "$queues\n"
		printf '%s queues: %s' "$queues" "$ERR"
		get_attr f submit_queues
		printf ' %s\n' "$RET"
		must write_at /dev/f 0 8
	done
	fault init_hctx_fault_inject 0
	set_attr f submit_queues 2
	must write_at /dev/f 0 8
}

# busy SECONDS: start I/O in the background.
busy() {
	python3 "$LIB_DIR/stress.py" io /dev/f "$1" "${RNULL_SEED:-$RANDOM}" >"$WORK/busy" &
	BUSY=$!
}

# not_busy: wait for the I/O to end.
not_busy() {
	wait "$BUSY"
	printf '%s I/Os\n' "$(<"$WORK/busy")"
	idle
}

# still_busy: whether the I/O has not ended.
still_busy() { kill -0 "$BUSY" 2>/dev/null; }

power_cycles() {
	disk "$@"
	python3 "$LIB_DIR/stress.py" cycle /dev/f "$CYCLES" "${RNULL_SEED:-$RANDOM}" \
		"$SUBSYS/f/power" >"$WORK/busy"
	printf '%s I/Os\n' "$(<"$WORK/busy")"
	idle
}

# change_queues: add and remove queues during I/O.
change_queues() {
	busy "$SECONDS_EACH"
	while still_busy; do
		set_attr f submit_queues $((RANDOM % 2 + 1))
		set_attr f poll_queues $((RANDOM % 2))
	done
	not_busy
}

resizes() {
	disk submit_queues=2 "$@"
	change_queues
}

# Look tags up while other hardware queues are added and removed.
resizes_and_spurious() {
	disk irqmode=3 submit_queues=2
	fault tag_inject 20
	change_queues
	wait_for 10 completions_agree || show_completions
	((INJECTED > 0))
}

# hotplug: take CPUs offline and online during I/O.
hotplug() {
	local cpu=/sys/devices/system/cpu/cpu1/online
	[[ -e $cpu ]] || skip "no CPU to switch off"
	disk submit_queues=2 "$@"
	trap 'echo 1 >/sys/devices/system/cpu/cpu1/online' EXIT
	busy "$SECONDS_EACH"
	while still_busy; do
		must write $cpu "0\n"
		must write $cpu "1\n"
	done
	not_busy
}

random_configfs() {
	python3 "$LIB_DIR/stress.py" configfs "$SUBSYS" "$SECONDS_CONFIGFS" \
		"${RNULL_SEED:-$RANDOM}" >"$WORK/calls"
	printf '%s calls\n' "$(<"$WORK/calls")"
}

load_both nr_devices=0
while read -r what settings; do
	# shellcheck disable=SC2086 # several words
	tap_case "$what, $settings" $what $settings
done <<-END
	timeouts irqmode=0
	timeouts irqmode=2 discard=1
	timeouts irqmode=3 submit_queues=2
	requeues irqmode=0
	requeues irqmode=1 submit_queues=2
	requeues irqmode=2 cache_size=1
	requeues irqmode=3
	power_cycles irqmode=0
	power_cycles irqmode=2
	power_cycles irqmode=3 submit_queues=2
	resizes irqmode=1
	resizes irqmode=2
	resizes irqmode=3 shared_tag_bitmap=1
END
tap_case "queue changes and spurious completions" resizes_and_spurious
tap_case "requests that the block layer times out" io_timeout_fail irqmode=1
tap_case "requests that the block layer times out, completion by tag" io_timeout_fail irqmode=3
tap_case "spurious completions" spurious
tap_case "spurious completions, two queues" spurious submit_queues=2 hw_queue_depth=8 \
	completion_nsec=0
tap_case "completions that never come fill the ring" ring_fills
tap_case "all faults at once" all_together submit_queues=2
tap_case "the setup of hardware queues fails" parity hctx
tap_case "CPUs go offline and online" hotplug irqmode=1
tap_case "CPUs go offline and online, completion by tag" hotplug irqmode=3
tap_case "random writes to configfs" random_configfs
tap_run
