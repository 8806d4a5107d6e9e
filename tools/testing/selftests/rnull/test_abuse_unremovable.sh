#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The driver leaks references; with FULL=1, more to one request than its count can hold.
# As documented, the driver cannot be unloaded after that. So these tests run last.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

leaked() {
	abuse_load "inline softirq clones watch leak" leaks=24
	trap - EXIT
	verified rbabuse0
	happened leaked
	verified rbabuse0
}

# A few more than the count can hold.
cloned() {
	[[ ${FULL:-} == 1 ]] || skip "takes minutes, run with FULL=1"
	# So that references exist.
	fio --name=job --filename=/dev/rbabuse0 --ioengine=io_uring --direct=1 --bs=4k --size=4m \
		--thread --rw=randread --time_based --runtime=5 --output="$WORK/busy" &
	must write "$ABUSE_DEBUG/clones" $((1 << 31))
	wait $!
	dmesg | grep 'reference count of a request saturated; leaking it'
	verified rbabuse0
}

tap_case "I/O continues with the tags that are not leaked" leaked
tap_case "a reference is cloned more often than its count can hold" cloned
tap_case "at least $ABUSE_LEAST I/Os in all" total_at_least
tap_run
