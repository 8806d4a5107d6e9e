#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Owners that are kept, dropped, given back and refused, and references that are
# kept for no reason.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

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
