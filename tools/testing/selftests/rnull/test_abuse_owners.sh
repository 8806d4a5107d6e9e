#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Owners that are kept, dropped, given back and refused, and references that are
# kept for no reason.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

does() {
	local storm
	abuse_load "$1" "${@:4}"
	read -ra storm <<<"$3"
	storm rbabuse0 "${storm[@]}"
	verified rbabuse0
	calm
	# shellcheck disable=SC2086 # a list
	happened $2
}

# fails_some WHAT...: every I/O that the driver fails, and no other, fails.
fails_some() {
	local before report total
	abuse_load "$1" "${@:2}"
	before=$((COUNT[failed] + COUNT[dropped]))
	total=${COUNT[ended]}
	fio --name=job --filename=/dev/rbabuse0 --ioengine=io_uring --direct=1 --bs=4k --size=4m \
		--thread --iodepth=16 --rw=randrw --norandommap --number_ios=4000 \
		--continue_on_error=all --output-format=json --output="$WORK/fio" || true
	must fio_report "$WORK/fio"
	read -ra report <<<"$RET"
	must fio_errors "$WORK/fio"
	abuse_at_rest
	show_counts
	printf 'fio: %s reads, %s writes, %s errors\n' "${report[1]}" "${report[3]}" "$RET"
	want "I/Os failed" "$((COUNT[failed] + COUNT[dropped] - before))" "$RET"
	want "I/Os ended" "$((COUNT[ended] - total + RET))" "$((report[1] + report[3]))"
	((RET > 0))
}

# The block layer looks for requests that took too long once in a second.
time_outs() {
	abuse_load "$1" lookups=0 timeout_ms=40 interval_us="$2"
	verified rbabuse0 --size=256k --loops=1
	happened timed_out
}

# The list of references is full after a few I/Os, and seldom emptied.
kept_for_seconds() {
	abuse_load "inline clones" lookups=0 interval_us=300000 queue_depth=40
	verified rbabuse0 --size=256k --loops=1
	sleep 3
	verified rbabuse0 --size=256k --loops=1
}

tap_case "references are kept" does "inline softirq clones" "ended" "elevator nr_requests"
tap_case "references are kept, CPUs go and come" does "softirq park clones" "claimed" hotplug
tap_case "references are kept for seconds" kept_for_seconds
tap_case "requests end in batches" does "batch inline clones" "ended" ""
tap_case "requests are started late" does "late inline softirq" "ended" "freeze elevator"
tap_case "requests are given back" does "requeue inline park" "requeued" elevator
tap_case "requests are refused, or others in their place" does "late refuse inline" "refused" ""
tap_case "dropped owners are I/O errors" fails_some "drop inline softirq clones"
tap_case "refused requests are I/O errors" fails_some "refuse_hard late inline"
tap_case "time-outs end what nobody looks up" time_outs "park" 500
tap_case "time-outs race with timers" time_outs "park watch" 1000000
tap_run
