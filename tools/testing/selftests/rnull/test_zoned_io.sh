#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# I/O to zoned devices: fio's zoned mode in every completion mode, with verification on
# memory-backed devices; reads beyond the write pointer; and zone reports during removal.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

need_zones

need_feature() { has_feature "$1" || skip "$MODULE has no $1"; }

# zone_fio RW OPTIONS...: run fio in its zoned mode on /dev/z.
zone_fio() {
	fio --name=zones --filename=/dev/z --zonemode=zbd --direct=1 --ioengine=io_uring \
		--bs=4k --rw="$1" --group_reporting --output-format=json --output="$WORK/fio" \
		"${@:2}"
	fio_report "$WORK/fio"
}

fio_report() {
	must fio_report "$1"
	read -ra REPORT <<<"$RET"
	want "errors" "${REPORT[0]}" 0
}

# without_data IRQMODE RW OPTIONS...: run fio on a device that is not memory-backed. More
# attributes may follow IRQMODE, in the same word.
without_data() {
	load nr_devices=0
	# shellcheck disable=SC2086 # several words
	zoned z irqmode=$1 completion_nsec=20000 size=64 zone_size=4 zone_capacity=3 \
		zone_nr_conv=1
	zone_fio "$2" --number_ios="${RNULL_IOS:-4000}" --size=64m --iodepth=16 "${@:3}"
	((REPORT[1] + REPORT[3] > 0))
	grep -q '^ *0 *0$' /sys/block/z/inflight
}

# limits_hold OPEN ACTIVE: two jobs of fio write within the limits. Then as many zones can
# be opened as before, so the device has counted correctly.
limits_hold() {
	local zone
	load nr_devices=0
	zoned z size=64 zone_size=4 zone_max_open="$1" zone_max_active="$2"
	zone_fio randwrite --number_ios="${RNULL_IOS:-4000}" --size=64m --iodepth=8 \
		--numjobs=2 --thread --max_open_zones="$1" --job_max_open_zones=$(($1 / 2))
	must zone /dev/z reset 0 $((64 * MIB))
	for ((zone = 0; zone < $1; zone++)); do
		must zone /dev/z open $((zone * 4 * MIB)) $((4 * MIB))
	done
	refused ETOOMANYREFS zone /dev/z open $((zone * 4 * MIB)) $((4 * MIB))
}

# verified IRQMODE RW OPTIONS...: as without_data, but memory-backed and with verification.
verified() {
	load nr_devices=0
	need_feature memory_backed
	# shellcheck disable=SC2086 # several words
	zoned z memory_backed=1 completion_nsec=20000 size=32 zone_size=4 zone_capacity=3 \
		zone_nr_conv=2 irqmode=$1
	zone_fio "$2" --size=16m --iodepth=8 --verify=crc32c --do_verify=1 --verify_fatal=1 "${@:3}"
	((REPORT[3] > 0))
}

# polled RW: polling ends I/Os long before their timers would, and the write pointers are
# at the ends of the writes. The block layer does not poll for a zone write that may not
# wait, or that waits for another write. So a worker issues one write at a time.
polled() {
	local nsec=1000000000 written
	[[ $DRIVER != null_blk ]] || skip "null_blk sleeps where it must not"
	verified "2 completion_nsec=$nsec poll_queues=1 zone_nr_conv=0" "$1" --hipri=1 \
		--force_async=1 --iodepth=1 --bs=64k --io_size=4m
	printf 'mean latency: %s\n' "${REPORT[6]}"
	# If only reads were polled, the mean latency would be half of nsec.
	((REPORT[6] < nsec / 4))
	written=$(look | awk -F '[+/@:]' '{ n += $4 - $1 } END { print n * 512 }')
	want "bytes in front of the write pointers" "$written" "${REPORT[4]}"
}

# beyond_the_pointer: sectors that were not written since the reset read as 0xff; in
# conventional and finished zones they read as 0.
beyond_the_pointer() {
	local z=$((4 * MIB))
	load nr_devices=0
	need_feature memory_backed
	zoned z memory_backed=1 size=16 zone_size=4 zone_nr_conv=1
	must write_at /dev/z $z 8 Z
	must read_at /dev/z $z 16
	want "half written" "$RET" "5a*4096 ff*4096"
	must read_at /dev/z $((z + 7)) 3
	want "around the pointer" "$RET" "5a*512 ff*1024"
	must read_at /dev/z $((2 * z)) 8
	want "not written" "$RET" "ff*4096"
	must read_at /dev/z 8 8
	want "conventional" "$RET" "00*4096"
	must zone /dev/z finish $z $z
	must read_at /dev/z $z 16
	want "finished" "$RET" "5a*4096 00*4096"
	must zone /dev/z reset $z $z
	must read_at /dev/z $z 16
	want "reset" "$RET" "ff*8192"
	must write_at /dev/z $z 8 X
	must zone /dev/z finish $z $z
	must read_at /dev/z $z 16
	want "no old data" "$RET" "58*4096 00*4096"
	set_attr z zone_readonly $z
	must read_at /dev/z $z 16
	want "read only" "$RET" "58*4096 00*4096"
	set_attr z zone_offline $z
	refused EIO read_at /dev/z $z 16
	set_attr z zone_offline $z
	must read_at /dev/z $z 16
	want "made anew" "$RET" "ff*8192"
}

# bad_blocks: write to a bad block in a zone, as with null_blk.
bad_blocks() {
	load nr_devices=0
	need_feature badblocks
	zoned z memory_backed=1 badblocks_partial_io="$1" size=16 zone_size=4
	set_attr z badblocks "+16-17"
	for sector in 0 8 16 24 8; do
		io write_at "$sector" 8
		must zones /dev/z 0 1
		printf '%s\n' "$RET"
	done
	io write_at 8 16
	must zones /dev/z 0 1
	printf '%s\n' "$RET"
	io read_at 0 8
	io read_at 8 16
}

# bad_block_counts_once: writes to a bad block open a zone once, however often they fail. So
# another zone can be opened within the limits, and two after a reset.
bad_block_counts_once() {
	local z=$((4 * MIB))
	load nr_devices=0
	need_feature badblocks
	zoned z size=32 zone_size=4 zone_max_open=2 zone_max_active=2 "$@"
	set_attr z badblocks "+8-15"
	must write_at /dev/z 0 8
	for _ in 1 2 3; do
		refused EIO write_at /dev/z 8 8
	done
	look
	must zone /dev/z open $z $z
	io zone open $((2 * z)) $z
	must zone /dev/z reset 0 $z
	for _ in 1 2 3; do
		refused EIO write_at /dev/z 0 16
	done
	io zone open $((2 * z)) $z
	must zone /dev/z reset 0 $z
	must zone /dev/z open $((2 * z)) $z
	io zone open $((3 * z)) $z
	io write_at 0 8
	look
	must zone /dev/z reset 0 $((8 * z))
	must write_at /dev/z $((6 * z)) 8
	must write_at /dev/z $((7 * z)) 8
	io write_at $((5 * z)) 8
	look
}

# report_and_removal: remove the device during a zone report, which pages its memory in
# from a slow device.
report_and_removal() {
	load nr_devices=0
	need_feature memory_backed
	make_device slow
	set_attr slow size 16
	set_attr slow memory_backed 1
	set_attr slow irqmode 2
	set_attr slow completion_nsec 2000000000
	power_on slow
	zoned z size=64 zone_size=1
	python3 "$LIB_DIR/slow_report.py" /dev/z /dev/slow >"$WORK/report" &
	wait_for 60 grep -q '^begun$' "$WORK/report"
	sleep 0.5
	power_off z
	wait "$!"
	# The report has begun, but not ended.
	want "report" "$(tail -n 1 "$WORK/report")" ENODEV
}

for irqmode in "${IRQMODES[@]}"; do
	for rw in write randwrite randrw; do
		tap_case "fio $rw, irqmode $irqmode" without_data "$irqmode" "$rw"
	done
	tap_case "fio, two jobs, irqmode $irqmode" without_data "$irqmode" randwrite \
		--numjobs=2 --thread --max_open_zones=4 --job_max_open_zones=2
	for rw in write randwrite; do
		tap_case "fio $rw with verification, irqmode $irqmode" verified "$irqmode" "$rw"
	done
done
tap_case "fio, a queue that may sleep" without_data "0 blocking=1" randrw
tap_case "fio, two queues that may sleep" without_data "1 blocking=1 submit_queues=2" randwrite
tap_case "fio write of 64 KiB with verification" verified 0 write --bs=64k
tap_case "fio randwrite of 512 bytes with verification" verified 0 randwrite --bs=512 --io_size=2m
for rw in write randwrite; do
	tap_case "fio $rw with verification, polled" polled "$rw"
done
tap_case "limits hold: four open" limits_hold 4 0
tap_case "limits hold: four open, eight active" limits_hold 4 8
tap_case "reading beyond the write pointer" beyond_the_pointer
tap_case "bad blocks in a zone" parity bad_blocks 0
tap_case "bad blocks in a zone, partial I/O" parity bad_blocks 1
tap_case "a zone with a bad block counts once" parity bad_block_counts_once memory_backed=1
tap_case "a zone with a bad block counts once, without data" parity bad_block_counts_once
tap_case "a report of zones that ends after the device is removed" report_and_removal
tap_run
