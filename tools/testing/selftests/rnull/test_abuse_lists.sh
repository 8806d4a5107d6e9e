#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Requests that come in lists, are completed in chains, and are polled for: some of a
# list are taken, what is in a chain belongs to several disks, and who is polled ends
# what was not asked for.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

# fio submits so many I/Os at once that the block layer hands them over together.
OPTIONS="--iodepth_batch_submit=8 --iodepth_batch_complete_min=8"

two_disks() {
	DISKS="rbabuse0 rbabuse1"
	does "$@" disks=2
}

dropped() {
	fails_some "$1"
	happened listed chained dropped
}

polled() {
	OPTIONS+=" --hipri"
	two_disks "$1" "polled $2" "$3" poll_queues=1
}

tap_case "lists are taken in part" does "lists inline clones" listed ""
tap_case "lists of two disks, requests come late and go to the other" two_disks \
	"lists late refuse requeue inline park" "listed refused requeued claimed" ""
tap_case "lists, the I/O scheduler changes" two_disks \
	"lists late softirq batch" listed "elevator nr_requests freeze"
tap_case "requests are completed in chains" does "batch chain inline clones" chained ""
tap_case "chains of two disks, hardware queues come and go" two_disks \
	"lists batch chain park softirq requeue" "listed chained" "hw_queues elevator"
tap_case "chains, CPUs go and come" two_disks "lists batch chain" "listed chained" hotplug
tap_case "dropped chains are I/O errors" dropped "drop batch chain lists clones"
tap_case "requests are polled for" polled "inline batch chain" "" ""
tap_case "requests are polled for, and come late" polled \
	"lists late requeue batch park clones" "listed requeued" "elevator freeze"
tap_run
