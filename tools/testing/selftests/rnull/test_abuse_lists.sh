#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Requests that are dispatched in lists, completed in lists, or polled for. The driver takes
# some requests of a list and returns the others, in another order. A completed list has
# requests of several disks. Polling ends requests of other submitters.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

# fio submits many I/Os at once, so that the block layer dispatches them in lists.
OPTIONS="--iodepth_batch_submit=8 --iodepth_batch_complete_min=8"

two_disks() {
	DISKS="rbabuse0 rbabuse1"
	does "$@" disks=2
}

# Each change reinitialises the I/O scheduler of the first disk. Without a fix, this takes
# locks in the wrong order while the second disk is frozen.
resized() {
	needs_fixes block-fixes
	two_disks "$@"
}

dropped() {
	fails_some "$1"
	happened listed batched dropped
}

polled() {
	OPTIONS+=" --hipri"
	two_disks "$1" "polled $2" "$3" poll_queues=1
}

tap_case "lists, of which the driver takes a part" does "lists inline clones" listed ""
tap_case "lists of two disks, requests are refused and requeued" two_disks \
	"lists late refuse requeue inline park" "listed refused requeued claimed kept" ""
tap_case "lists, the I/O scheduler changes" two_disks \
	"lists late softirq batch" listed "elevator nr_requests freeze"
tap_case "requests are completed in lists" does "batch together inline clones" \
	"together batched removed" ""
tap_case "completed lists of two disks, the number of hardware queues changes" resized \
	"lists batch together park softirq requeue" "listed together" "hw_queues elevator"
tap_case "completed lists, CPUs go offline and online" two_disks "lists batch together" \
	"listed together" hotplug
tap_case "dropped lists end with I/O errors" dropped "drop batch together lists clones"
tap_case "requests are polled for" polled "inline batch together" "" ""
tap_case "requests are polled for, and executed late" polled \
	"lists late requeue batch park clones" "listed requeued" "elevator freeze"
tap_run
