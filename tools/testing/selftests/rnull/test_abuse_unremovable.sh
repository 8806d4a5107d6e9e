#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Leaked references, and with FULL=1 more of them to one request than can be counted. The
# driver can't be unloaded after that, as documented, and stays to the end of the system.
# So this is the last of its tests.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

leaked() {
	abuse_load "inline softirq clones watch leak" leaks=24
	trap - EXIT
	verified rbabuse0
	happened leaked
	verified rbabuse0
}

# As often as the count can be increased, and a little more.
cloned() {
	[[ ${FULL:-} == 1 ]] || skip "takes minutes, run with FULL=1"
	# So that there are references.
	fio --name=job --filename=/dev/rbabuse0 --ioengine=io_uring --direct=1 --bs=4k --size=4m \
		--thread --rw=randread --time_based --runtime=5 --output="$WORK/busy" &
	must write "$ABUSE_DEBUG/clones" $((1 << 31))
	wait $!
	dmesg | grep 'reference count of a request saturated; leaking it'
	verified rbabuse0
}

tap_case "I/O goes on with what is left" leaked
tap_case "a reference is cloned more often than can be counted" cloned
tap_case "at least $ABUSE_LEAST I/Os in all" total_at_least
tap_run
