#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Requests to write zeroes (write_zeroes=1). They keep the memory of their sectors, or free
# it: fallocate() asks for both. Afterwards the sectors read as zeroes in any case.

. "$(dirname "$0")/rnull_lib.sh"

[[ $DRIVER == rnull ]] || skip "null_blk does not support such requests"

OPERATIONS=250
[[ ${FULL:-} != 1 ]] || OPERATIONS=8000

# disk SETTING=VALUE...: make /dev/z.
disk() {
	local change
	load nr_devices=0
	make_device z
	for change in size=4 "$@"; do
		set_attr z "${change%%=*}" "${change#*=}"
	done
	power_on z
}

# written: print the number of completed write requests, and of sectors in them.
written() {
	local field
	read -ra field <"/sys/block/z/stat"
	printf '%s %s' "${field[4]}" "${field[6]}"
}

# reads FIRST SECTORS EXPECTED
reads() {
	must read_at /dev/z "$1" "$2"
	want "sectors $1 + $2" "$RET" "$3"
}

# available: print the memory that is available, in KiB.
available() { awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo; }

# model SETTINGS...: do random I/O. A failure prints the seed.
model() {
	load nr_devices=0
	python model run "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$OPERATIONS" "" write_zeroes=1 "$@"
}

# starved SETTINGS...: as model, while some allocations fail. The data must stay right.
starved() {
	[[ -d /sys/kernel/debug/fail_page_alloc ]] || skip "no fail_page_alloc in this kernel"
	load nr_devices=0
	must call model run "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$OPERATIONS" fail_page_alloc \
		no_sched=1 write_zeroes=1 "$@"
	printf '%s operations failed\n' "$RET"
	((RET > 0))
}

# in_place SETTINGS...: zeroes need no new memory where data are stored.
in_place() {
	[[ -d /sys/kernel/debug/fail_page_alloc ]] || skip "no fail_page_alloc in this kernel"
	load nr_devices=0
	want "data" "$(python model zero_in_place "$SUBSYS" "$@")" "22*1536 00*51200 22*12800"
}

# one_request SETTINGS...: the whole device is one request of each kind. Without
# write_zeroes=1, the block layer would write zeroes as data, in many requests.
one_request() {
	local how before after
	disk write_zeroes=1 size=32 "$@"
	for how in zero-range punch-hole write-zeroes zeroout; do
		read -ra before <<<"$(written)"
		must zero /dev/z "$how" 0 65536
		read -ra after <<<"$(written)"
		want "$how: requests" $((after[0] - before[0])) 1
		want "$how: sectors" $((after[1] - before[1])) 65536
	done
}

# A request is for at most 32 MiB.
large() {
	local how before after
	disk write_zeroes=1 size=1024 "$@"
	for how in zero-range punch-hole; do
		read -ra before <<<"$(written)"
		must zero /dev/z "$how" 0 $((1024 * 2048))
		read -ra after <<<"$(written)"
		want "$how: requests" $((after[0] - before[0])) 32
		want "$how: sectors" $((after[1] - before[1])) $((1024 * 2048))
	done
}

# Sectors beside the range keep their data, in pages that are written in part, too.
parts() {
	local how
	disk memory_backed=1 write_zeroes=1 "$@"
	for how in zero-range punch-hole write-zeroes zeroout; do
		must write_at /dev/z 0 64 '\xaa'
		must zero /dev/z "$how" 3 2
		must zero /dev/z "$how" 15 26
		reads 0 64 "aa*1536 00*1024 aa*5120 00*13312 aa*11776"
		must zero /dev/z "$how" 0 128
		reads 0 128 "00*65536"
		# Never written.
		must zero /dev/z "$how" 1001 20
		must write_at /dev/z 1003 1 '\xbb'
		reads 1000 24 "00*1536 bb*512 00*10240"
		must zero /dev/z "$how" 1003 1
		reads 1000 24 "00*12288"
	done
}

# What was zeroed is not in the cache: it survives power-off without a flush.
past_the_cache() {
	local how
	disk memory_backed=1 write_zeroes=1 cache_size=1
	for how in zero-range punch-hole; do
		must write_at /dev/z 0 16 '\xaa'
		must flush_errors /dev/z 1
		must write_at /dev/z 0 16 '\xbb'
		must zero /dev/z "$how" 2 4
		power_off z
		power_on z
		reads 0 16 "aa*1024 00*2048 aa*5120"
	done
}

# A range that is not of whole blocks is refused, and so is one behind the end.
refusals() {
	local how
	disk memory_backed=1 write_zeroes=1 blocksize=4096
	must write_at /dev/z 0 16 '\xaa'
	for how in zero-range punch-hole write-zeroes zeroout; do
		refused EINVAL zero /dev/z "$how" 1 8
		refused EINVAL zero /dev/z "$how" 0 7
		refused EINVAL zero /dev/z "$how" 8192 8
	done
	reads 0 16 "aa*8192"
}

# bad_blocks PARTIAL EXPECTED SETTINGS...: a range with a bad sector fails, and changes no
# sector, or those in front of the block with the bad one.
bad_blocks() {
	local how
	disk write_zeroes=1 memory_backed=1 badblocks_partial_io="$1" "${@:3}"
	for how in zero-range punch-hole; do
		must write_at /dev/z 0 64 '\xaa'
		set_attr z badblocks +20-20
		refused EIO zero /dev/z "$how" 0 64
		refused EIO zero /dev/z "$how" 16 8
		must zero /dev/z "$how" 24 8
		set_attr z badblocks -20-20
		reads 0 64 "$2"
	done
}

bad_blocks_without_memory() {
	disk write_zeroes=1
	set_attr z badblocks +20-20
	refused EIO zero /dev/z zero-range 0 64
	refused EIO zero /dev/z punch-hole 0 64
	must zero /dev/z punch-hole 24 64
}

bad_blocks_once() {
	disk write_zeroes=1 memory_backed=1 badblocks_once=1
	must write_at /dev/z 0 64 '\xaa'
	set_attr z badblocks +20-20
	refused EIO zero /dev/z zero-range 0 64
	must zero /dev/z zero-range 0 64
	reads 0 64 "00*32768"
}

# The setting is ignored, with a message.
zoned() {
	load nr_devices=0
	make_device z
	set_attr z size 4
	set_attr z zone_size 1
	set_attr z zoned 1
	set_attr z write_zeroes 1
	dmesg -C
	sys write "$SUBSYS/z/power" "1\n"
	[[ $ERR == 0 ]] || skip "this kernel has no zones"
	want "messages" \
		"$(dmesg -t | grep -cx 'rnull_mod: write_zeroes option is ignored in zoned mode')" 1
	want_attr z write_zeroes 0
	want "largest request" "$(disk_field z queue/write_zeroes_max_bytes)" 0
	refused ENOTSUP zero /dev/z punch-hole 0 8
}

# Without the setting, only zeroes written as data are possible.
without() {
	disk memory_backed=1
	must write_at /dev/z 0 64 '\xaa'
	refused ENOTSUP zero /dev/z punch-hole 0 64
	refused ENOTSUP zero /dev/z write-zeroes 0 64
	reads 0 64 "aa*32768"
	must zero /dev/z zero-range 0 32
	must zero /dev/z zeroout 32 8
	reads 0 64 "00*20480 aa*12288"
}

# used FROM TO: whether from FROM to TO KiB of memory are used, more than at first.
used() {
	USED=$((BEFORE - $(available)))
	((USED >= $1 && USED <= $2))
}

# takes FROM TO: wait until so much memory is used. Pages are freed after a grace period.
takes() {
	wait_for 60 used "$@" || { printf '%s KiB are used\n' "$USED"; return 1; }
}

# A zero range of 128 MiB takes as much memory, or keeps it; a hole frees it.
memory() {
	local how
	disk memory_backed=1 write_zeroes=1 size=256 "$@"
	BEFORE=$(available)
	must zero /dev/z punch-hole 0 262144
	takes -32768 32768
	for how in punch-hole write-zeroes; do
		must zero /dev/z zero-range 0 262144
		takes 98304 163840
		must zero /dev/z zero-range 0 262144
		takes 98304 163840
		must zero /dev/z "$how" 0 262144
		takes -32768 32768
	done
}

while read -r settings; do
	# shellcheck disable=SC2086 # several words
	tap_case "model: ${settings:-no cache}" model $settings
done <<-END

	blocksize=4096 discard=1 irqmode=0
	irqmode=2 blocksize=1024 max_sectors=64 shared_tags=1
	cache_size=1
	cache_size=1 discard=1 irqmode=3 submit_queues=2 blocksize=4096 fua=0
END
tap_case "model with fail_page_alloc" starved
tap_case "model with fail_page_alloc, cache_size=1" starved cache_size=1

tap_case "a range with data needs no new memory" in_place
tap_case "a range with data needs no new memory, cache_size=1" in_place cache_size=1
tap_case "a range is one request" one_request
tap_case "a range is one request, memory_backed=1" one_request memory_backed=1
tap_case "a range of 1 GiB is 32 requests" large
tap_case "a range of 1 GiB is 32 requests, blocksize=4096" large blocksize=4096
for settings in "" cache_size=1 discard=1; do
	# shellcheck disable=SC2086 # several words
	tap_case "parts of pages${settings:+, $settings}" parts $settings
done
tap_case "zeroes bypass the cache" past_the_cache
tap_case "ranges that are not of blocks" refusals
for settings in "" cache_size=1; do
	# shellcheck disable=SC2086 # several words
	tap_case "bad blocks${settings:+, $settings}" bad_blocks 0 \
		"aa*12288 00*4096 aa*16384" $settings
	# shellcheck disable=SC2086 # several words
	tap_case "bad blocks, badblocks_partial_io=1${settings:+, $settings}" bad_blocks 1 \
		"00*10240 aa*2048 00*4096 aa*16384" $settings
done
tap_case "bad blocks, badblocks_partial_io=1, blocksize=4096" bad_blocks 1 \
	"00*8192 aa*4096 00*4096 aa*16384" blocksize=4096
tap_case "bad blocks without memory" bad_blocks_without_memory
tap_case "bad blocks, badblocks_once=1" bad_blocks_once
tap_case "a zoned device ignores the setting" zoned
tap_case "without the setting there are no holes" without
tap_case "memory of zeroes" memory
tap_case "memory of zeroes, cache_size=1" memory cache_size=1
tap_run
