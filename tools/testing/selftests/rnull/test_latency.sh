#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Latencies that vary from request to request, with irqmode=2: by operation, at random, and
# with a tail. The latencies are long, so that a slow machine cannot be mistaken for them.

. "$(dirname "$0")/rnull_lib.sh"

[[ $DRIVER == rnull ]] || skip "null_blk has one latency for all requests"

READS=24
[[ ${FULL:-} != 1 ]] || READS=200
MS=000000

# disk SETTING=VALUE...: make /dev/l.
disk() {
	local change
	load nr_devices=0
	make_device l
	for change in size=4 irqmode=2 no_sched=1 "$@"; do
		set_attr l "${change%%=*}" "${change#*=}"
	done
	power_on l
}

# tries FUNCTION ARGS...: it may fail twice, as the host may stop the guest for a moment.
# It must print why it fails.
tries() {
	local try
	for try in 1 2 3; do
		! "$@" || return 0
		printf 'try %s failed\n' "$try"
	done
	return 1
}

# between WHAT VALUE LEAST MOST
between() {
	(($3 <= $2 && $2 <= $4)) || { printf '%s: %s, want %s to %s\n' "$@"; return 1; }
}

# Each operation takes its own latency at least, and not much more in the middle.
measured() {
	local times
	must call latency by_operation /dev/l 7
	printf 'least and median of reads, writes and flushes: %s\n' "$RET"
	read -ra times <<<"$RET"
	between "the least read" "${times[0]}" "$1" 1000 &&
		between "the median read" "${times[1]}" "$1" $(($1 + 40)) &&
		between "the least write" "${times[2]}" "$2" 1000 &&
		between "the median write" "${times[3]}" "$2" $(($2 + 40)) &&
		between "the least flush" "${times[4]}" "$3" 1000 &&
		between "the median flush" "${times[5]}" "$3" $(($3 + 40))
}

# by_operation READ WRITE FLUSH SETTINGS...: in milliseconds
by_operation() {
	disk "${@:4}"
	tries measured "$1" "$2" "$3"
}

# as_parameters: the module parameters set the same.
as_parameters() {
	load gb=1 irqmode=2 completion_nsec="5$MS" completion_read_nsec="60$MS" seed=7 \
		completion_spread_nsec=1 completion_tail_nsec=2 completion_tail_ratio=3
	tries parameters_measured
	make_device new
	want_attr new completion_read_nsec "60$MS"
	want_attr new completion_write_nsec 0
	want_attr new completion_flush_nsec 0
	want_attr new completion_spread_nsec 1
	want_attr new completion_tail_nsec 2
	want_attr new completion_tail_ratio 3
	want_attr new seed 7
}

parameters_measured() {
	local times
	must call latency by_operation "/dev/${DISK}0" 5
	read -ra times <<<"$RET"
	between "the least read" "${times[0]}" 60 1000 &&
		between "the median read" "${times[1]}" 60 100 &&
		between "the median write" "${times[3]}" 5 45
}

# Reads take 10 to 90 ms, and a quarter of them is in each quarter of that, more or less.
spread_measured() {
	local times
	must call latency quartiles /dev/l "$READS"
	printf 'quartiles: %s\n' "$RET"
	read -ra times <<<"$RET"
	between "the least" "${times[0]}" 10 30 &&
		between "the first quartile" "${times[1]}" 15 55 &&
		between "the median" "${times[2]}" 25 75 &&
		between "the third quartile" "${times[3]}" 45 95 &&
		between "the longest" "${times[4]}" 70 130
}

spread() {
	disk completion_nsec="10$MS" completion_spread_nsec="80$MS" seed=1 "$@"
	tries spread_measured
}

# tail_of SEED: set TAIL to the numbers of the reads in the tail, from power-on on.
tail_of() {
	set_attr l seed "$1"
	power_on l
	must call latency tail /dev/l "$READS" 200
	TAIL=$RET
	power_off l
	printf 'seed %s: %s\n' "$1" "$TAIL"
}

# seeds_measured: the tail is at the same places after each power cycle with the same seed,
# and at other places with another seed.
seeds_measured() {
	local first count
	tail_of 1
	first=$TAIL
	count=$(wc -w <<<"$first")
	between "reads in the tail" "$count" 1 $((READS / 2)) || return 1
	tail_of 1
	want "the same seed" "$TAIL" "$first" || return 1
	tail_of 2
	[[ $TAIL != "$first" ]] || { printf 'another seed has the same tail\n'; return 1; }
	tail_of 1
	want "the first seed again" "$TAIL" "$first"
}

seeds() {
	disk completion_nsec="5$MS" completion_tail_nsec="200$MS" completion_tail_ratio=5 "$@"
	power_off l
	tries seeds_measured
}

# All requests are in the tail with a ratio of 1, and none without a tail.
ratios() {
	disk completion_nsec="5$MS" completion_tail_nsec="200$MS" completion_tail_ratio=1
	must call latency tail /dev/l 8 205
	want "the tail" "$RET" "0 1 2 3 4 5 6 7"
	power_off l
	set_attr l completion_tail_nsec 0
	power_on l
	tries no_tail
}

no_tail() {
	must call latency tail /dev/l 8 200
	want "the tail" "$RET" ""
}

# batch_measured: requests of a batch take 10 to 210 ms, each by itself. If they all took as
# long as the longest one, the mean would be near 200 ms.
batch_measured() {
	local report
	# fio takes each completion as it comes, and refills the queue when it is empty.
	fio_job "$WORK/fio" l --rw=randread --iodepth=16 --iodepth_low=1 \
		--iodepth_batch_submit=16 --iodepth_batch_complete_min=1 \
		--iodepth_batch_complete_max=16 --number_ios=160 --size=4m
	must fio_report "$WORK/fio"
	read -ra report <<<"$RET"
	printf 'errors, reads, bytes, writes, bytes, least, mean: %s\n' "$RET"
	want "errors" "${report[0]}" 0
	want "reads" "${report[1]}" 160
	between "the least" "${report[5]}" "10$MS" "60$MS" &&
		between "the mean" "${report[6]}" "60$MS" "160$MS"
}

batches() {
	disk completion_nsec="10$MS" completion_spread_nsec="200$MS" "$@"
	count_io l
	tries batch_measured
	statistic l batches
	printf '%s batches\n' "$RET"
	((RET >= 5))
	statistic l timed_out
	want "timeouts" "$RET" 0
	want "in flight" "$(xargs </sys/block/l/inflight)" "0 0"
}

# Many short latencies at once, with verified data.
verified() {
	disk memory_backed=1 completion_nsec=1000 completion_read_nsec=500 \
		completion_spread_nsec=100000 completion_tail_nsec="3$MS" \
		completion_tail_ratio=50 "$@"
	fio --name=job --filename=/dev/l --thread --ioengine=io_uring --direct=1 --iodepth=32 \
		--iodepth_batch_submit=8 --rw=randwrite --bsrange=512-32k --size=4m \
		--verify=crc32c --end_fsync=1 --output="$WORK/fio" ||
		{ cat "$WORK/fio"; return 1; }
}

# Power-off waits for requests that wait for their timers.
power_off_waits() {
	local from took report
	disk completion_write_nsec="2000$MS"
	from=$EPOCHREALTIME
	fio --name=job --filename=/dev/l --ioengine=io_uring --direct=1 --iodepth=8 --bs=4k \
		--rw=randwrite --number_ios=8 --size=4m --output-format=json \
		--output="$WORK/fio" &
	wait_for 10 grep -q '[1-9]' /sys/block/l/inflight
	power_off l
	took=$(((${EPOCHREALTIME/./} - ${from/./}) / 1000))
	no_disk l
	wait "$!"
	must fio_report "$WORK/fio"
	printf 'after %s ms: %s\n' "$took" "$RET"
	read -ra report <<<"$RET"
	want "errors and writes" "${report[0]} ${report[3]}" "0 8"
	between "power-off after" "$took" 2000 10000
}

# Only requests whose latency is longer than the timeout fail.
timeouts() {
	local late
	disk completion_nsec="5$MS" completion_tail_nsec="3000$MS" completion_tail_ratio=4 seed=5
	must write /sys/block/l/queue/io_timeout "500\n"
	must call latency timeouts /dev/l 8
	late=$RET
	printf 'timed out: %s\n' "$late"
	between "timeouts" "$(wc -w <<<"$late")" 1 7
	statistic l timed_out
	between "counted timeouts" "$RET" "$(wc -w <<<"$late")" 100
	power_off l
	set_attr l completion_tail_nsec "200$MS"
	power_on l
	must call latency tail /dev/l 8 200
	want "the tail of the same seed" "$RET" "$late"
}

LATENCIES=("completion_read_nsec=5$MS" "completion_write_nsec=60$MS"
	"completion_flush_nsec=150$MS")
tap_case "each operation has its latency" by_operation 5 60 150 memory_backed=1 cache_size=1 \
	"${LATENCIES[@]}"
tap_case "each operation has its latency, shared_tags=1" by_operation 5 60 150 memory_backed=1 \
	cache_size=1 shared_tags=1 "${LATENCIES[@]}"
tap_case "without a latency of its own, an operation takes completion_nsec" \
	by_operation 100 5 100 memory_backed=1 cache_size=1 completion_nsec="100$MS" \
	completion_write_nsec="5$MS"
tap_case "without memory" by_operation 60 5 0 completion_nsec="5$MS" \
	completion_read_nsec="60$MS" completion_flush_nsec="150$MS"
tap_case "module parameters" as_parameters
tap_case "the spread" spread
tap_case "the spread, with a bandwidth limit" spread mbps=10000
tap_case "the seed determines the tail" seeds
tap_case "the seed determines the tail, memory_backed=1" seeds memory_backed=1 blocksize=4096
tap_case "a tail of all and of none" ratios
tap_case "requests of a batch end one by one" batches
tap_case "requests of a batch end one by one, memory_backed=1" batches memory_backed=1
tap_case "verified data" verified
tap_case "verified data, two queues" verified submit_queues=2 cache_size=1
tap_case "verified data, shared_tags=1" verified shared_tags=1
tap_case "power-off waits for timers" power_off_waits
tap_case "a latency longer than the timeout" timeouts
tap_run
