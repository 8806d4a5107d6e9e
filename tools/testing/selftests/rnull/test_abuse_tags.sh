#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The driver looks up invented tags in interrupts, while schedulers, queues and CPUs change,
# and claims requests by the keys of other I/Os.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

lookups() {
	local what
	abuse_load "$1" lookups=32
	read -ra what <<<"$2"
	storm rbabuse0 "${what[@]}"
	verified rbabuse0
	calm
	happened looked_up found
	((COUNT[looked_up] > COUNT[found]))
}

# Two disks share one tag set.
shared() {
	abuse_load "park inline softirq late refuse clones" disks=2 lookups=16
	storm rbabuse1 elevator freeze hw_queues
	verified "rbabuse0 rbabuse1"
	calm
	happened claimed refused
}

# Each I/O has its own key, and an earlier key claims nothing.
keys() {
	abuse_load "park requeue" lookups=32 queue_depth=16
	storm rbabuse0 elevator
	verified rbabuse0
	calm
	happened claimed keyed
}

tap_case "invented tags" lookups "park" ""
tap_case "invented tags, requests are not parked" lookups "inline softirq" ""
tap_case "invented tags, the I/O scheduler changes" lookups "park inline" elevator
tap_case "invented tags, nr_requests changes" lookups \
	"park inline" "elevator nr_requests"
tap_case "invented tags, the queue is frozen" lookups "park softirq" freeze
tap_case "invented tags, the number of hardware queues changes" lookups "park inline" hw_queues
tap_case "invented tags, CPUs go offline and online" lookups "park softirq" hotplug
tap_case "invented tags, all changes and all abuses at once" lookups \
	"park inline softirq batch late watch clones requeue refuse hold" \
	"elevator nr_requests freeze hw_queues hotplug"
tap_case "invented tags of two disks" shared
tap_case "claims by the key of this I/O, of an earlier I/O, and of none" keys
tap_run
