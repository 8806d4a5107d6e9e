#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Atomic writes (RWF_ATOMIC): a read that overlaps one returns the old data or the new, and
# a write that fails has written nothing.

. "$(dirname "$0")/rnull_lib.sh"

[[ $DRIVER == rnull ]] || skip "null_blk does not support atomic writes"

SECONDS_EACH=4
TRIES=100
if [[ ${FULL:-} == 1 ]]; then
	SECONDS_EACH=40
	TRIES=1000
fi

# disk SETTING=VALUE...: make /dev/a, with atomic writes of up to 64 KiB.
disk() {
	local change
	load nr_devices=0
	make_device a
	for change in size=4 memory_backed=1 atomic_write_unit_max=65536 "$@"; do
		set_attr a "${change%%=*}" "${change#*=}"
	done
	power_on a
}

# atomically ERRNO OFFSET LENGTH BYTE [PIECES]: ERRNO is 0, or that of the refusal.
atomically() {
	sys call atomic write /dev/a "${@:2}"
	want "write of $3 bytes at $2" "$ERR" "$1"
	[[ $ERR != 0 ]] || want "bytes" "$RET" "$3"
}

# reads FIRST SECTORS EXPECTED
reads() {
	must read_at /dev/a "$1" "$2"
	want "sectors $1 + $2" "$RET" "$3"
}

# race SETTINGS...: writers, readers, and another writer beside them.
race() {
	local counts
	# A read of two units must be one request.
	disk max_sectors=1024 "$@"
	python3 "$LIB_DIR/atomic.py" /dev/a "$SECONDS_EACH" >"$WORK/race" 2>&1 || {
		cat "$WORK/race"
		return 1
	}
	cat "$WORK/race"
	read -ra counts <"$WORK/race"
	# All of them took turns.
	((counts[0] > 5 && counts[1] > 5 && counts[2] > 5 && counts[3] > 5 && counts[4] > 5))
}

# Ordinary writes are seen in part. So the race can fail.
ordinary_race() {
	local try
	disk max_sectors=1024 submit_queues=2
	for try in {1..10}; do
		python3 "$LIB_DIR/atomic.py" /dev/a 2 ordinary >"$WORK/race" 2>&1 || {
			cat "$WORK/race"
			grep -q '^unit . is torn' "$WORK/race"
			printf 'torn in try %s\n' "$try"
			return
		}
	done
	printf 'no reader saw a part of a write\n'
	return 1
}

sizes() {
	disk atomic_write_unit_min=4096
	atomically 0 0 65536 11
	atomically 0 65536 4096 22
	atomically 0 131072 32768 33
	# No power of two
	atomically EINVAL 0 12288 ee
	atomically EINVAL 0 61440 ee
	# Not aligned to its size
	atomically EINVAL 4096 8192 ee
	atomically EINVAL 32768 65536 ee
	# Above the maximum, and below the minimum
	atomically EINVAL 0 131072 ee
	atomically EINVAL 0 2048 ee
	# In pieces
	atomically EINVAL 0 8192 ee 2
	refused ENOTSUP call atomic write_buffered /dev/a
	reads 0 320 "11*65536 22*4096 00*61440 33*32768"
}

# The smallest unit is a block by default.
smallest() {
	disk blocksize="$1"
	atomically 0 0 "$1" 11
	atomically 0 65536 65536 22
	reads 0 8 "11*$1$([[ $1 == 4096 ]] || printf ' 00*%s' $((4096 - $1)))"
	reads 128 128 "22*65536"
}

without() {
	disk atomic_write_unit_max=0
	atomically ENOTSUP 0 4096 ee
	reads 0 8 "00*4096"
}

without_memory() {
	disk memory_backed=0
	atomically 0 0 65536 11
	atomically EINVAL 4096 65536 11
	set_attr a badblocks +64-64
	atomically EIO 0 65536 11
	atomically 0 65536 65536 11
}

# bad_block SETTINGS...: an atomic write to a bad block writes nothing.
bad_block() {
	disk "$@"
	atomically 0 0 65536 11
	set_attr a badblocks +64-64
	atomically EIO 0 65536 22
	atomically EIO 32768 32768 22
	atomically 0 0 32768 33
	set_attr a badblocks -0-100000
	reads 0 128 "33*32768 11*32768"
}

# An ordinary write to the same bad block writes a part.
ordinary_at_bad_block() {
	disk badblocks_partial_io=1
	must write_at /dev/a 0 128 '\x11'
	set_attr a badblocks +64-64
	refused EIO write_at /dev/a 0 128 '\x22'
	set_attr a badblocks -0-100000
	reads 0 128 "22*32768 11*32768"
}

# Atomic writes bypass the cache, and replace what it holds.
past_the_cache() {
	disk cache_size=1
	must write_at /dev/a 0 256 '\x11'
	atomically 0 0 65536 22
	reads 0 256 "22*65536 11*65536"
	power_off a
	power_on a
	reads 0 256 "22*65536 00*65536"
}

# An atomic write to a zone moves its write pointer.
zoned() {
	load nr_devices=0
	make_device a
	set_attr a size 4
	set_attr a memory_backed 1
	set_attr a zone_size 1
	set_attr a zoned 1
	set_attr a atomic_write_unit_max 65536
	sys write "$SUBSYS/a/power" "1\n"
	[[ $ERR == 0 ]] || skip "this kernel has no zones"
	atomically 0 0 65536 11
	atomically 0 65536 65536 22
	atomically EIO 262144 65536 ee
	reads 0 384 "11*65536 22*65536 ff*65536"
}

starved() {
	local failed succeeded
	[[ -d /sys/kernel/debug/fail_page_alloc ]] || skip "no fail_page_alloc in this kernel"
	load nr_devices=0
	must call atomic starved "$SUBSYS" "$TRIES" "$@"
	printf 'failed and succeeded: %s\n' "$RET"
	read -r failed succeeded <<<"$RET"
	((failed > 0 && succeeded > 0))
}

while read -r settings; do
	# shellcheck disable=SC2086 # several words
	tap_case "atomic writes are seen as a whole: ${settings:-blocks of 512}" race $settings
done <<-END

	blocksize=4096 submit_queues=2 irqmode=0
	irqmode=3 submit_queues=2 discard=1
	cache_size=1
	cache_size=1 blocksize=4096 submit_queues=2 irqmode=2
	shared_tags=1 mbps=20000
END
tap_case "ordinary writes are seen in part" ordinary_race
tap_case "sizes and places" sizes
tap_case "the smallest atomic write, blocksize=512" smallest 512
tap_case "the smallest atomic write, blocksize=4096" smallest 4096
tap_case "without the setting there are none" without
tap_case "without memory" without_memory
for settings in "" badblocks_partial_io=1 "badblocks_partial_io=1 cache_size=1 blocksize=4096"; do
	# shellcheck disable=SC2086 # several words
	tap_case "a bad block${settings:+, $settings}" bad_block $settings
done
tap_case "an ordinary write at a bad block, badblocks_partial_io=1" ordinary_at_bad_block
tap_case "atomic writes bypass the cache" past_the_cache
tap_case "zones" zoned
tap_case "a write without memory has written nothing" starved
tap_case "a write without memory has written nothing, cache_size=1" starved cache_size=1
tap_run
