#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compare all attributes that null_blk has with its own in the same boot: names, modes,
# defaults, accepted and refused values while the device is off and on, their values
# after power-on, and the resulting disks.

. "$(dirname "$0")/rnull_lib.sh"

# seen FUNCTION WORDS...: print the text of a function of features.py.
seen() { python features "$1" "$SUBSYS" "${@:2}"; }

# Only rnull refuses this value; null_blk warns or crashes.
refused_by_us() {
	[[ $DRIVER != null_blk ]] || skip "null_blk warns or crashes"
	want "power on" "$(seen brief "$@")" "EINVAL ${*} disk none"
}

# Two queues for polling, so that one of them can be removed.
load_both nr_devices=0 poll_queues=2
read -ra ATTRS <<<"$(seen common)"

tap_case "names, modes and defaults" parity seen defaults
for attr in "${ATTRS[@]}"; do
	tap_case "values of $attr" parity seen values "$attr"
done
for attr in "${ATTRS[@]}"; do
	tap_case "values of $attr while the device is on" parity seen values_while_on "$attr"
done
tap_case "bad blocks while the device is off" parity seen bad_blocks 0
tap_case "bad blocks while the device is on" parity seen bad_blocks 1

while read -r changes; do
	# shellcheck disable=SC2086 # several words
	tap_case "power-on with ${changes:-defaults}" parity seen powered $changes
done <<-END

	badblocks=+0-7
	badblocks_once=1 badblocks_partial_io=1 badblocks=+0-7 blocksize=4096
	blocking=1
	blocksize=0
	blocksize=1
	blocksize=511
	blocksize=513
	blocksize=1024
	blocksize=1536
	blocksize=2048
	blocksize=4096
	blocksize=8192
	blocksize=4294967295
	cache_size=1
	cache_size=1 memory_backed=1
	cache_size=1 memory_backed=1 fua=0
	cache_size=17592186044415 memory_backed=1
	cache_size=17592186044416 memory_backed=1
	cache_size=18446744073709551615 memory_backed=1
	completion_nsec=0 irqmode=2
	completion_nsec=1 irqmode=1
	discard=1
	discard=1 memory_backed=1
	discard=1 memory_backed=1 blocksize=4096
	discard=1 memory_backed=1 zoned=1 zone_size=1
	fua=0
	home_node=0
	home_node=4294967295
	hw_queue_depth=0
	hw_queue_depth=1
	hw_queue_depth=128
	hw_queue_depth=10240
	hw_queue_depth=10241
	index=77
	irqmode=0
	irqmode=2
	irqmode=4
	irqmode=4294967295
	max_sectors=8
	max_sectors=9
	max_sectors=255
	max_sectors=255 blocksize=4096
	max_sectors=1024
	max_sectors=65536
	max_sectors=4294967295
	mbps=1
	mbps=40960
	mbps=40961
	mbps=4294967295
	memory_backed=1
	memory_backed=1 blocking=0
	memory_backed=1 blocksize=4096 max_sectors=64
	no_sched=1
	no_sched=1 submit_queues=2
	poll_queues=0
	poll_queues=1
	poll_queues=3
	poll_queues=4294967295 submit_queues=2
	queue_mode=0
	queue_mode=1
	queue_mode=3
	queue_mode=4294967295
	rotational=1
	shared_tag_bitmap=1
	shared_tag_bitmap=1 submit_queues=2 hw_queue_depth=16
	shared_tags=1
	shared_tags=1 submit_queues=2 hw_queue_depth=16 poll_queues=0
	shared_tags=1 blocksize=4096 memory_backed=1 irqmode=2
	size=0
	size=1
	size=8796093022207
	submit_queues=0
	submit_queues=2
	submit_queues=3
	submit_queues=4294967295
	use_per_node_hctx=1
	use_per_node_hctx=1 submit_queues=2
	virt_boundary=1
	virt_boundary=1 max_sectors=64
	zoned=1 zone_size=1 zone_max_open=1 memory_backed=1
	zoned=1 zone_size=1 zone_capacity=1 zone_nr_conv=1 blocksize=4096
	zoned=1 zone_size=3
	zoned=1 queue_mode=0 zone_size=1
	zoned=1 queue_mode=1
END

while read -r changes; do
	# shellcheck disable=SC2086 # several words
	tap_case "refused, then corrected: $changes" parity seen corrected $changes
done <<-END
	discard=1 hw_queue_depth=0 power=1 hw_queue_depth=64 memory_backed=1 power=1
	zoned=1 memory_backed=1 discard=1 zone_size=3 power=1 zoned=0 power=1
END

while read -r changes; do
	# shellcheck disable=SC2086 # several words
	tap_case "changed while it is on: $changes" parity seen resized $changes
done <<-END
	submit_queues=2 submit_queues=1 submit_queues=0 submit_queues=3 submit_queues=2
	poll_queues=0 poll_queues=2 poll_queues=3 poll_queues=4 poll_queues=1 \
	submit_queues=2 poll_queues=0
	shared_tags=1 submit_queues=2 poll_queues=0 submit_queues=1 poll_queues=1
	shared_tag_bitmap=1 submit_queues=2 poll_queues=2 submit_queues=1
	use_per_node_hctx=1 submit_queues=2 submit_queues=1
	zoned=1 zone_size=1 submit_queues=2 poll_queues=0
	memory_backed=1 cache_size=1 mbps=10 submit_queues=2 poll_queues=0 poll_queues=2
	irqmode=2 submit_queues=2 submit_queues=1 poll_queues=0
END

tap_case "bad blocks from sector 2^54 on are refused" \
	differs "badblocks '+18014398509481984-18014398509481985\n': 0 [37] -> '0 2'" \
	"badblocks '+18014398509481984-18014398509481985\n': EINVAL [] -> ''" \
	seen bad_block +18014398509481984-18014398509481985
tap_case "irqmode 3 is completion by tag" differs "0 irqmode=2 disk 8192" \
	"0 irqmode=3 disk 8192" seen brief irqmode=3
tap_case "a size that is negative as a signed number is refused" \
	differs "0 size=8796093022208 disk 18014398509481983" \
	"EINVAL size=8796093022208 disk none" seen brief size=8796093022208
tap_case "a size that wraps around is refused" differs "0 size=17592186044416 disk 0" \
	"EINVAL size=17592186044416 disk none" seen brief size=17592186044416
tap_case "a size that wraps around to another size is refused" \
	differs "0 size=17592186044417 disk 2048" \
	"EINVAL size=17592186044417 disk none" seen brief size=17592186044417
tap_case "a NUMA node that is not online is refused" refused_by_us home_node=1
tap_case "a NUMA node above the maximum is refused" refused_by_us home_node=1000000
tap_case "max_sectors below a page is refused" refused_by_us max_sectors=7
tap_run
