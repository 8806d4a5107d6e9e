#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The driver keeps, drops, requeues and refuses owners, and keeps needless references.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

# The block layer checks for timeouts once per second.
timeouts() {
	abuse_load "$1" lookups=0 timeout_ms=40 interval_us="$2"
	verified rbabuse0 --size=256k --loops=1
	happened timed_out
}

# The list of references is full after a few I/Os, and the driver seldom empties it.
kept_for_seconds() {
	abuse_load "inline clones" lookups=0 interval_us=300000 queue_depth=40
	verified rbabuse0 --size=256k --loops=1
	sleep 3
	verified rbabuse0 --size=256k --loops=1
}

tap_case "references are kept" does "inline softirq clones" "ended" "elevator nr_requests"
tap_case "references are kept, CPUs go offline and online" does "softirq park clones" "claimed" \
	hotplug
tap_case "references are kept for seconds" kept_for_seconds
tap_case "requests end in batches" does "batch inline clones" "ended" ""
tap_case "requests are executed late" does "late inline softirq" "kept" "freeze elevator"
tap_case "requests are requeued" does "requeue inline park" "requeued" elevator
tap_case "requests are refused" does "late refuse inline clones" "refused" elevator
tap_case "references from look-ups are held" does "hold inline softirq batch" "held" elevator
tap_case "dropped owners end with I/O errors" fails_some "drop inline softirq clones"
tap_case "refused requests end with I/O errors" fails_some "refuse_hard late inline"
tap_case "timeouts end requests that the driver does not look up" timeouts "park" 500
tap_case "timeouts race with timers" timeouts "park watch" 1000000
tap_case "timeouts race with batches" timeouts "batch" 300000
tap_run
