#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Timers that hold a reference and are never stopped, and timers that own requests.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

# The request ends, and its timer keeps running.
forgotten() {
	abuse_load "$1 watch"
	storm rbabuse0 elevator nr_requests
	verified rbabuse0
	calm
	happened watched watched_in_vain unwatched
}

# The timer fires half a second late, while other I/Os use the tag.
forgotten_long() {
	abuse_load "inline watch" interval_us=500000
	verified rbabuse0 --loops=1 --size=64k --rate_iops=16
	happened watched_in_vain
}

# The timer owns the request, unless an interrupt removes it first.
owning() {
	abuse_load "timer $1" lookups="$2"
	storm rbabuse0 elevator
	verified rbabuse0
	calm
}

# Without these options, fio may submit one by one on a slow machine.
EIGHT="--iodepth_batch_submit=8 --iodepth_batch_complete_min=8"

# The timer of the first request owns a list, unless an interrupt removes all of it.
lists() {
	DISKS="rbabuse0 rbabuse1"
	OPTIONS=$EIGHT
	does "timer batch together lists $1" "listed $2" "$3" disks=2 lookups="$4"
}

# Some requests of a list time out before the timer of the first expires. The block layer
# checks once per second, so this takes several tries.
lists_time_out() {
	local try
	abuse_load "timer batch together" lookups=0 timeout_ms=40 interval_us=300000
	for try in {1..20}; do
		printf 'try %d\n' "$try"
		# shellcheck disable=SC2086 # a list
		verified rbabuse0 --size=64k --loops=1 $EIGHT
		! happened timed_out timed_others || return 0
	done
	return 1
}

# The timer claims its parked request, or an interrupt does.
fight() {
	abuse_load "park watch" interval_us=100
	verified rbabuse0
	happened watched watched_in_vain claimed
}

tap_case "a timer fires after its request has ended" forgotten inline
tap_case "a timer fires while its request is completed" forgotten softirq
tap_case "a timer fires half a second after its request has ended" forgotten_long
tap_case "a timer owns the request" owning "" 0
tap_case "a timer owns the request, and is cancelled by others" owning "" 16
tap_case "a timer owns the request, which is requeued" owning "requeue softirq" 16
tap_case "a timer owns a list" lists "" timed elevator 0
tap_case "a timer owns a list, and is cancelled by others" lists "clones late" \
	"timed timed_others claimed" "hw_queues nr_requests" 32
tap_case "a timer owns a list, and some of its requests are requeued" lists \
	"requeue refuse park softirq" "timed timed_others together requeued" freeze 32
tap_case "a timer owns a list that times out" lists_time_out
tap_case "a timer and interrupts race for a request" fight
tap_run
