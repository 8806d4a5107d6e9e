#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Data is read back as it was written, in every dispatch and completion mode: by fio's
# verification, and by random I/O compared with a model.

. "$(dirname "$0")/rnull_lib.sh"

# MiB of each device, and operations of each run of the model.
SIZE=4
OPERATIONS=600
SECONDS_EACH=2
if [[ ${FULL:-} == 1 ]]; then
	SIZE=16
	OPERATIONS=4000
	SECONDS_EACH=3
fi

# ------------------------------------------------------------------- fio

# Devices that store data: names and settings. null_blk takes irqmode 3 as 2, a timer.
DEVICES=(
	"v-inline irqmode=0"
	"v-softirq irqmode=1"
	"v-timer irqmode=2"
	"v-tag irqmode=3"
	"v-cache irqmode=1 cache_size=1"
	"v-cache4k irqmode=3 cache_size=1 blocksize=4096 discard=1"
	"v-discard irqmode=0 discard=1"
	"v-queues irqmode=3 submit_queues=2 discard=1 no_sched=1"
	"v-bitmap irqmode=1 submit_queues=2 shared_tag_bitmap=1 hw_queue_depth=8"
	"v-shared1 shared_tags=1 irqmode=2"
	"v-shared2 shared_tags=1 irqmode=3 blocksize=4096"
	"v-polled irqmode=2 poll_queues=1 no_sched=1"
	"v-limited irqmode=3 mbps=1000 max_sectors=64"
)

make_devices() {
	local words device change
	for words in "${DEVICES[@]}"; do
		read -ra words <<<"$words"
		device=${words[0]}
		make_device "$device"
		set_attr "$device" size "$SIZE"
		set_attr "$device" memory_backed 1
		for change in "${words[@]:1}"; do
			set_attr "$device" "${change%%=*}" "${change#*=}"
		done
		power_on "$device"
	done
}

# cycle_devices: power all devices off and on again.
cycle_devices() {
	local words
	for words in "${DEVICES[@]}"; do
		power_off "${words%% *}"
		power_on "${words%% *}"
	done
}

# job_file OPTIONS...: write fio's job file, with a job for each device; all run at once.
job_file() {
	local words device
	printf '%s\n' "[global]" thread=1 ioengine=io_uring direct=1 iodepth=16 verify=crc32c \
		verify_fatal=1 "size=${SIZE}m" "$@"
	for words in "${DEVICES[@]}"; do
		device=${words%% *}
		printf '%s\n' "[$device]" "filename=/dev/$device"
		[[ $words != *blocksize=4096* ]] || printf '%s\n' "${LARGE_BLOCKS[@]}"
		# io_uring cannot flush on a ring for polling.
		[[ $device != v-polled ]] || printf '%s\n' hipri=1 fsync=0 end_fsync=0
	done
}

# verified OPTIONS...: run fio, and fail on any error.
verified() {
	job_file "$@" >"$WORK/job"
	fio --output-format=json --output="$WORK/fio" "$WORK/job" || {
		# Print fio's messages, without its report.
		grep -v '^[ {}]' "$WORK/fio"
		return 1
	}
	must fio_report "$WORK/fio"
	read -ra REPORT <<<"$RET"
	want "errors" "${REPORT[0]}" 0
	((REPORT[1] + REPORT[3] > 0))
}

SPLIT=512/30:1k/10:4k/30:64k/20:1m/10
LARGE_BLOCKS=(bssplit=4k/60:64k/30:1m/10)

random_writes() {
	make_devices
	verified rw=randwrite "bssplit=$SPLIT"
	want "bytes" "${REPORT[4]}" $((${#DEVICES[@]} * SIZE << 20))
}

sequential_writes() {
	make_devices
	verified rw=write "bssplit=$SPLIT" fsync=32
	want "bytes" "${REPORT[4]}" $((${#DEVICES[@]} * SIZE << 20))
}

# Data survives a power cycle, except for unflushed data in the cache.
power_cycle() {
	make_devices
	verified rw=randwrite bs=64k do_verify=0 end_fsync=1
	cycle_devices
	verified rw=randwrite bs=64k verify_only=1
}

# Trim each block before writing it. The model checks that trimmed blocks read as zeroes.
trims() {
	local all=("${DEVICES[@]}") device
	DEVICES=()
	for device in "${all[@]}"; do
		[[ $device != *discard=1* ]] || DEVICES+=("$device")
	done
	make_devices
	verified rw=randtrimwrite "bssplit=$SPLIT"
}

# Read and write at the same time, and verify each read.
mixed() {
	make_devices
	verified rw=randrw bs=4k verify_backlog=64 verify_backlog_batch=32
}

# polled_durably SETTINGS...: polled writes with RWF_DSYNC survive a power cycle. Only
# io_uring can poll for them.
polled_durably() {
	local change
	[[ $DRIVER != null_blk ]] || skip "null_blk sleeps where it must not"
	make_device durable
	for change in size=1 memory_backed=1 cache_size=1 poll_queues=1 "$@"; do
		set_attr durable "${change%%=*}" "${change#*=}"
	done
	power_on durable
	fio --name=durable --filename=/dev/durable --ioengine=io_uring --hipri=1 --direct=1 \
		--sync=dsync --rw=write --bs=4k --size=64k --buffer_pattern=0x5a
	power_off durable
	power_on durable
	must read_at /dev/durable 0 128
	want "data" "$RET" "5a*65536"
}

# ----------------------------------------------------------------- model

# model SETTINGS...: do random I/O. A failure prints the seed.
model() {
	python model run "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$OPERATIONS" "" "$@"
}

# In null_blk, I/O to a device with blocksize 0 never ends.
default_blocks() {
	[[ $DRIVER != null_blk ]] || skip "null_blk hangs"
	model blocksize=0
}

# beside SETTINGS...: as model, in one half of the device, while another process uses the
# other half.
beside() {
	python model run_beside "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$OPERATIONS" "$@"
}

# starved KIND SETTINGS...: as model, while some allocations fail. The data must stay right.
starved() {
	local failures
	[[ -d /sys/kernel/debug/$1 ]] || skip "no $1 in this kernel"
	must call model run "$SUBSYS" "${RNULL_SEED:-$RANDOM}" "$OPERATIONS" "$1" \
		no_sched=1 "${@:2}"
	failures=$RET
	printf '%s operations failed\n' "$failures"
	((failures > 0))
}

bad_io() { python model bad_io "$SUBSYS" "$@"; }
lost_cache() { python model lost_cache "$SUBSYS" "$@"; }

# -------------------------------------------------------------- bandwidth

# bandwidth MBPS SETTINGS...: the bandwidth is at most a tenth above the limit, and at most
# a tenth below it, if the host gives the emulator enough processor time.
bandwidth() {
	local try
	for try in {1..5}; do
		must call throttle limited "$SUBSYS" "$1" "$SECONDS_EACH" "${@:2}"
		printf 'try %s: %s MiB/s\n' "$try" "$RET"
		((RET <= $1 * 11 / 10))
		((RET < $1 * 9 / 10)) || return 0
	done
	return 1
}

# A limit that is removed while the device is off has no effect. In null_blk it causes an
# oops.
limit_goes() {
	local limited free again
	[[ $DRIVER != null_blk ]] || skip "null_blk crashes"
	must call throttle freed "$SUBSYS" 20
	printf 'MiB/s: %s\n' "$RET"
	read -r limited free again <<<"$RET"
	((limited <= 22 && free > 40 && again <= 22))
}

load_both nr_devices=0

tap_case "fio: random writes of 512 bytes to 1 MiB" random_writes
tap_case "fio: sequential writes of 512 bytes to 1 MiB" sequential_writes
tap_case "fio: data survives power-off" power_cycle
tap_case "fio: mixed with trims" trims
tap_case "fio: mixed with reads" mixed
tap_case "fio: FUA writes, polled" polled_durably
tap_case "fio: writes with a flush instead of FUA, polled" polled_durably fua=0

while read -r settings; do
	# shellcheck disable=SC2086 # several words
	tap_case "model: ${settings:-no cache}" model $settings
done <<-END

	discard=1 irqmode=0
	discard=1 irqmode=3 blocksize=4096
	discard=1 irqmode=2 blocksize=1024 max_sectors=64
	cache_size=1
	cache_size=1 discard=1 irqmode=0
	cache_size=1 discard=1 irqmode=3 blocksize=4096 fua=0
	cache_size=1 discard=1 irqmode=3 submit_queues=2 completion_nsec=0
	cache_size=8 discard=1 virt_boundary=1 blocksize=2048 mbps=2000
	shared_tags=1 discard=1 irqmode=3
END

tap_case "model: blocksize=0" default_blocks
tap_case "model beside another process" beside submit_queues=2
tap_case "model beside another process, cache" beside submit_queues=2 cache_size=1 discard=1

for settings in "" "cache_size=1 discard=1"; do
	for kind in failslab fail_page_alloc; do
		# shellcheck disable=SC2086 # several words
		tap_case "model with $kind${settings:+, $settings}" starved $kind $settings
	done
done

for settings in "" fua=0 "discard=1 irqmode=0"; do
	# shellcheck disable=SC2086 # several words
	tap_case "an unflushed cache is lost${settings:+, $settings}" \
		parity lost_cache cache_size=1 $settings
done

# Without FULL=1, test only both options or none.
for once in 0 1; do
	for partial in 0 1; do
		[[ $once == "$partial" || ${FULL:-} == 1 ]] || continue
		for settings in "irqmode=2 blocksize=1024" "memory_backed=1 blocksize=4096" \
			"memory_backed=1 irqmode=0 poll_queues=0" \
			"memory_backed=1 irqmode=3 cache_size=1"; do
			# shellcheck disable=SC2086 # several words
			tap_case "bad blocks, once=$once partial=$partial $settings" \
				parity bad_io badblocks_once=$once \
				badblocks_partial_io=$partial $settings
		done
	done
done

tap_case "20 MiB/s" bandwidth 20
tap_case "100 MiB/s" bandwidth 100 irqmode=0 no_sched=1
tap_case "50 MiB/s with data" bandwidth 50 memory_backed=1 irqmode=3
tap_case "the bandwidth limit is removed" limit_goes
tap_run
