#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The limits of a device: their defaults, the queue limits that follow from them, I/O that
# keeps to them, and refusals of limits that do not fit together.

. "$(dirname "$0")/rnull_lib.sh"

[[ $DRIVER == rnull ]] || skip "null_blk has no such settings"

OPERATIONS=150
[[ ${FULL:-} != 1 ]] || OPERATIONS=5000

# set_all DEVICE SETTING=VALUE...
set_all() {
	local change
	for change in "${@:2}"; do
		set_attr "$1" "${change%%=*}" "${change#*=}"
	done
}

# want_queue DISK FILE=VALUE...: check the limits of a queue in sysfs.
want_queue() {
	local file
	for file in "${@:2}"; do
		want "$1: ${file%%=*}" "$(disk_field "$1" "queue/${file%%=*}")" "${file#*=}"
	done
}

# setting NAME DEFAULT VALUE: the setting has a default, takes a value, keeps it while the
# device is on and after that, and can be changed only while the device is off.
setting() {
	load nr_devices=0
	make_device v
	set_all v size=4 blocking=1 memory_backed=1 discard=1
	case $1 in
	atomic_write_unit_min | atomic_write_boundary) set_attr v atomic_write_unit_max 16384 ;;
	esac
	want_attr v "$1" "$2"
	set_attr v "$1" "$3"
	want_attr v "$1" "$3"
	refused EINVAL write "$SUBSYS/v/$1" "-1\n"
	refused EINVAL write "$SUBSYS/v/$1" "x\n"
	if [[ $1 != write_zeroes ]]; then
		refused ERANGE write "$SUBSYS/v/$1" "4294967296\n"
	fi
	power_on v
	refused EBUSY write "$SUBSYS/v/$1" "$3\n"
	refused EBUSY write "$SUBSYS/v/$1" "$2\n"
	want_attr v "$1" "$3"
	power_off v
	want_attr v "$1" "$3"
	set_attr v "$1" "$2"
	want_attr v "$1" "$2"
	make_device new
	want_attr new "$1" "$2"
}

# effect "SETTING=VALUE..." "FILE=VALUE...": by configfs, and by module parameters.
effect() {
	local settings files change
	read -ra settings <<<"$1"
	read -ra files <<<"$2"
	load nr_devices=0
	make_device v
	set_all v size=4 "${settings[@]}"
	power_on v
	want_queue v "${files[@]}"
	remove_device v
	unload

	load gb=1 "${settings[@]/#blocksize=/bs=}"
	want_queue "${DISK}0" "${files[@]}"
	make_device new
	for change in "${settings[@]}"; do
		want_attr new "${change%%=*}" "${change#*=}"
	done
}

# refusal "SETTING=VALUE..." REASON: power-on fails, logs the reason and nothing else, and
# changes no setting. With all set to their first values, it succeeds.
refusal() {
	local settings before change
	read -ra settings <<<"$1"
	load nr_devices=0
	make_device v
	# Power-on implies this, even if it fails.
	set_all v size=4 blocking=1 "${settings[@]}"
	before=$(python limits everything "$SUBSYS" v)
	dmesg -C
	refused EINVAL write "$SUBSYS/v/power" "1\n"
	want "messages" "$(dmesg -t)" "rnull_mod: $2"
	want "settings" "$(python limits everything "$SUBSYS" v)" "$before"
	no_disk v
	make_device new
	for change in "${settings[@]}"; do
		get_attr new "${change%%=*}"
		set_attr v "${change%%=*}" "$RET"
	done
	power_on v
	has_disk v
}

# A refused parameter has the same message, and the module is not loaded.
refused_parameter() {
	dmesg -C
	refused EINVAL insmod "$MODULE_FILE" "gb=1 $1"
	want "messages" "$(dmesg -t | grep -cx "rnull_mod: $2")" 1
	fails loaded
	load nr_devices=0 "$1"
	make_device v
	set_attr v size 4
	refused EINVAL write "$SUBSYS/v/power" "1\n"
}

# starts_at SETTING ALIGNMENT: memory may start at multiples of ALIGNMENT, and not of half
# of it.
starts_at() {
	load nr_devices=0
	make_device v
	set_all v size=4 "${@:2}"
	power_on v
	want "alignment" "$(python limits alignment /dev/v)" "$1"
}

# requests COUNT SETTINGS...: a read into 8 separate pages takes this many requests.
requests() {
	load nr_devices=0
	make_device v
	set_all v size=4 no_sched=1 poll_queues=0 "${@:2}"
	power_on v
	count_io v
	want "bytes" "$(python limits read_pieces /dev/v 8)" 32768
	statistic v submitted
	want "requests" "$RET" "$1"
}

# data SETTINGS...: random I/O returns the data that was written. The memory of an I/O is
# large, in several pieces, and as unaligned as the device takes it.
data() {
	load nr_devices=0
	python model run "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$OPERATIONS" "" "$@"
}

# The page cache, too, keeps to the limits.
buffered_data() {
	load nr_devices=0
	make_device v
	set_all v size=4 memory_backed=1 "$@"
	power_on v
	fio --name=job --filename=/dev/v --thread --ioengine=psync --rw=randwrite --size=4m \
		--bssplit=4k/60:64k/30:1m/10 --verify=crc32c --end_fsync=1 --invalidate=1 \
		--output="$WORK/fio" || { cat "$WORK/fio"; return 1; }
}

while read -r name default value; do
	tap_case "$name: $default by default, and it can be $value" \
		setting "$name" "$default" "$value"
done <<-END
	max_segments 0 7
	max_segment_size 0 8192
	dma_alignment 1 511
	io_min 0 8192
	io_opt 0 65536
	physical_blocksize 0 4096
	discard_granularity 0 65536
	write_zeroes 0 1
	atomic_write_unit_min 0 4096
	atomic_write_unit_max 0 32768
	atomic_write_boundary 0 65536
END

NO_ATOMIC="atomic_write_unit_min_bytes=0 atomic_write_unit_max_bytes=0 \
atomic_write_max_bytes=0 atomic_write_boundary_bytes=0"
NO_ZEROES="write_zeroes_max_bytes=0 write_zeroes_unmap_max_hw_bytes=0 \
write_zeroes_unmap_max_bytes=0"
while IFS='|' read -r settings files; do
	tap_case "limits of $settings" effect "$settings" "$files"
done <<-END
	blocksize=512|max_segments=128 max_segment_size=65536 dma_alignment=1 \
	minimum_io_size=512 optimal_io_size=0 physical_block_size=512 discard_granularity=0 \
	$NO_ZEROES $NO_ATOMIC
	max_segments=1|max_segments=1 max_segment_size=65536
	max_segments=65535|max_segments=65535
	max_segment_size=4096|max_segment_size=4096 max_segments=128
	max_segment_size=4294967295|max_segment_size=4294967295
	virt_boundary=1|max_segment_size=4294967295 virt_boundary_mask=4095
	max_segment_size=512 virt_boundary=1|max_segment_size=512 virt_boundary_mask=4095
	dma_alignment=0|dma_alignment=511
	dma_alignment=3|dma_alignment=3
	blocksize=4096 dma_alignment=4095|dma_alignment=4095
	io_min=8192|minimum_io_size=8192 optimal_io_size=0 physical_block_size=512
	io_opt=1048576|optimal_io_size=1048576 minimum_io_size=512
	physical_blocksize=4096|physical_block_size=4096 logical_block_size=512 \
	minimum_io_size=4096
	blocksize=4096 physical_blocksize=16384 io_min=32768 io_opt=49152|\
	logical_block_size=4096 physical_block_size=16384 minimum_io_size=32768 \
	optimal_io_size=49152
	memory_backed=1 discard=1|discard_granularity=512
	memory_backed=1 discard=1 physical_blocksize=4096|discard_granularity=4096
	memory_backed=1 discard=1 discard_granularity=65536|discard_granularity=65536
	write_zeroes=1|write_zeroes_max_bytes=33554432 \
	write_zeroes_unmap_max_hw_bytes=33554432 write_zeroes_unmap_max_bytes=33554432
	memory_backed=1 write_zeroes=1|write_zeroes_max_bytes=33554432
	atomic_write_unit_max=32768|atomic_write_unit_min_bytes=512 \
	atomic_write_unit_max_bytes=32768 atomic_write_max_bytes=32768 \
	atomic_write_boundary_bytes=0
	atomic_write_unit_max=65536 atomic_write_unit_min=4096 atomic_write_boundary=1048576|\
	atomic_write_unit_min_bytes=4096 atomic_write_unit_max_bytes=65536 \
	atomic_write_max_bytes=65536 atomic_write_boundary_bytes=1048576
	atomic_write_unit_max=262144 max_sectors=512|atomic_write_unit_max_bytes=262144
	blocksize=4096 atomic_write_unit_max=4096|atomic_write_unit_min_bytes=4096 \
	atomic_write_unit_max_bytes=4096
END

tap_case "memory starts at even addresses by default" starts_at 2
tap_case "memory starts at any address with dma_alignment=3 that is a multiple of 4" \
	starts_at 4 dma_alignment=3
tap_case "memory starts at sectors with dma_alignment=511" starts_at 512 dma_alignment=511
tap_case "memory starts at sectors with dma_alignment=0" starts_at 512 dma_alignment=0
tap_case "memory starts at pages with dma_alignment=4095" \
	starts_at 4096 dma_alignment=4095 blocksize=4096

tap_case "8 pages are one request" requests 1
tap_case "8 pages are 8 requests with max_segments=1" requests 8 max_segments=1
tap_case "8 pages are 3 requests with max_segments=3" requests 3 max_segments=3
# 64 segments. A request goes on only where a segment ends with its page.
tap_case "8 pages are 57 requests with max_segment_size=512" \
	requests 57 max_segment_size=512 virt_boundary=1

while read -r settings; do
	# shellcheck disable=SC2086 # several words
	tap_case "data with $settings" data $settings
done <<-END
	max_segments=1 discard=1
	max_segments=1 blocksize=4096 cache_size=1
	max_segments=2 irqmode=2
	max_segments=2 max_segment_size=4096 blocksize=4096 irqmode=3
	max_segment_size=4096 virt_boundary=0
	max_segment_size=512 virt_boundary=1
	max_segment_size=512 virt_boundary=1 max_segments=2 irqmode=0
	dma_alignment=511
	dma_alignment=3 max_segments=3 submit_queues=2
	dma_alignment=4095 blocksize=4096 cache_size=1
	discard=1 physical_blocksize=4096 io_min=8192 io_opt=65536 discard_granularity=8192
END
for settings in "max_segments=1" "max_segment_size=512 virt_boundary=1" "dma_alignment=511"; do
	# shellcheck disable=SC2086 # several words
	tap_case "data through the page cache with $settings" buffered_data $settings
done

ATOMIC_UNITS="atomic_write_unit_min and atomic_write_unit_max must be powers of two, at least a \
block, and the minimum no more than the maximum"
ATOMIC_BOUNDARY="atomic_write_boundary must be a power of two, and at least atomic_write_unit_max"
ATOMIC_NEEDS="atomic_write_unit_min and atomic_write_boundary need atomic_write_unit_max"
PHYSICAL="physical_blocksize must be a power of two, and at least blocksize"
GRANULARITY="discard_granularity must be a power of two, and at least a physical block"
SEGMENT="max_segments and max_segment_size allow less than a block"
ALIGNMENT="dma_alignment must be a power of two less one, and less than a block and a page"
ATOMIC_SIZE="atomic_write_unit_max is more than max_sectors and max_segments allow"
ATOMIC_REQUEST="atomic writes need a max_sectors of less than 4 GiB"
VARIES="only irqmode 2 has latencies by operation, a spread and a tail"
LONGEST="the longest latency is more than 2^63 - 1 ns"
while IFS='|' read -r settings reason; do
	tap_case "refused: $settings" refusal "$settings" "$reason"
done <<-END
	max_sectors=7|max_sectors is less than a page or a block
	physical_blocksize=3072|$PHYSICAL
	physical_blocksize=256|$PHYSICAL
	blocksize=4096 physical_blocksize=512|$PHYSICAL
	io_min=511|io_min is less than a physical block
	physical_blocksize=4096 io_min=2048|io_min is less than a physical block
	io_opt=100|io_opt must be a multiple of a physical block
	physical_blocksize=4096 io_opt=6144|io_opt must be a multiple of a physical block
	memory_backed=1 discard=1 discard_granularity=100|$GRANULARITY
	memory_backed=1 discard=1 discard_granularity=12288|$GRANULARITY
	physical_blocksize=4096 discard_granularity=512|$GRANULARITY
	max_segments=65536|max_segments is more than 65535
	max_segments=4294967295|max_segments is more than 65535
	zoned=1 zone_size=1 write_zeroes=1 max_segments=65536|max_segments is more than 65535
	max_segment_size=4095|max_segment_size is less than 4096, and virt_boundary is not set
	max_segment_size=511 virt_boundary=1|$SEGMENT
	max_segments=8 max_segment_size=2048 virt_boundary=1 blocksize=4096|$SEGMENT
	dma_alignment=2|$ALIGNMENT
	dma_alignment=1023|$ALIGNMENT
	dma_alignment=4096|$ALIGNMENT
	dma_alignment=8191|$ALIGNMENT
	dma_alignment=4294967295|$ALIGNMENT
	atomic_write_unit_min=4096|$ATOMIC_NEEDS
	atomic_write_boundary=4096|$ATOMIC_NEEDS
	atomic_write_unit_max=12288|$ATOMIC_UNITS
	atomic_write_unit_max=256|$ATOMIC_UNITS
	atomic_write_unit_max=8192 atomic_write_unit_min=16384|$ATOMIC_UNITS
	atomic_write_unit_max=65536 atomic_write_unit_min=12288|$ATOMIC_UNITS
	blocksize=4096 atomic_write_unit_max=8192 atomic_write_unit_min=512|$ATOMIC_UNITS
	atomic_write_unit_max=65536 atomic_write_boundary=32768|$ATOMIC_BOUNDARY
	atomic_write_unit_max=65536 atomic_write_boundary=196608|$ATOMIC_BOUNDARY
	zoned=1 zone_size=1 atomic_write_unit_max=2097152|atomic_write_unit_max is more than a zone
	atomic_write_unit_max=131072|$ATOMIC_SIZE
	max_sectors=128 atomic_write_unit_max=131072|$ATOMIC_SIZE
	max_sectors=4096 atomic_write_unit_max=524288|$ATOMIC_SIZE
	max_segments=3 atomic_write_unit_max=8192|$ATOMIC_SIZE
	max_sectors=8388608 atomic_write_unit_max=4096|$ATOMIC_REQUEST
	irqmode=0 completion_read_nsec=1|$VARIES
	irqmode=1 completion_write_nsec=1|$VARIES
	irqmode=3 completion_flush_nsec=1|$VARIES
	irqmode=0 completion_spread_nsec=1|$VARIES
	irqmode=3 completion_tail_nsec=1 completion_tail_ratio=2|$VARIES
	irqmode=2 completion_tail_nsec=1|completion_tail_nsec needs completion_tail_ratio
	irqmode=2 completion_nsec=9223372036854775807 completion_spread_nsec=1|$LONGEST
	irqmode=2 completion_flush_nsec=18446744073709551615|$LONGEST
END
tap_case "a refused parameter" refused_parameter max_segments=65536 \
	"max_segments is more than 65535"
tap_case "a refused parameter of the latency" refused_parameter completion_spread_nsec=1 "$VARIES"
tap_run
