#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The sample block drivers work: samples/rust/rust_blk_*.rs.

. "$(dirname "$0")/rnull_lib.sh"

# sample NAME PARAMS...: load a sample until the case ends.
sample() {
	local file
	file=$(modinfo -n "$1" 2>/dev/null) || skip "no module $1 for this kernel"
	SAMPLE=$1
	trap unload_sample EXIT
	must insmod "$file" "${*:2}"
}

unload_sample() { must rmmod "$SAMPLE"; }

# not_zero ARGUMENT...: print how many bytes that dd reads with these arguments are not
# zero.
not_zero() { dd "$@" bs=4k iflag=direct 2>/dev/null | tr -d '\0' | wc -c; }

minimal() {
	sample rust_blk_minimal
	has_disk rblkmin
	want "sectors" "$(disk_field rblkmin size)" 2048
	want "bytes that are not zero" "$(not_zero if=/dev/rblkmin)" 0
	dd if=/dev/urandom of=/dev/rblkmin bs=4k count=4 oflag=direct 2>/dev/null
	want "bytes that were kept" "$(not_zero if=/dev/rblkmin count=4)" 0
}

ram() {
	sample rust_blk_ram mib=4
	want "sectors" "$(disk_field rblkram size)" 8192
	fio --name=verify --filename=/dev/rblkram --ioengine=io_uring --direct=1 --size=4m \
		--bsrange=512-64k --rw=randwrite --iodepth=32 \
		--iodepth_batch_submit=8 --verify=crc32c --verify_fatal=1 --loops=2 \
		--clocksource=clock_gettime --output="$WORK/fio" || { cat "$WORK/fio"; return 1; }
}

# Discard a range that starts and ends within pages.
discards() {
	local kept
	sample rust_blk_ram mib=1
	for command in "blkdiscard" "blkdiscard -z"; do
		head -c 1M /dev/zero | tr '\0' x |
			dd of=/dev/rblkram bs=64k iflag=fullblock oflag=direct 2>/dev/null
		$command -o 4608 -l 20480 /dev/rblkram
		kept=$(dd if=/dev/rblkram bs=512 iflag=direct 2>/dev/null | tr -d '\0' | wc -c)
		want "bytes that $command left" "$kept" $((1048576 - 20480))
	done
}

tap_case "the minimal driver returns zeroes, and ignores writes" minimal
tap_case "the RAM disk returns the data written" ram
tap_case "the RAM disk loses discarded data, and no other data" discards
tap_run
