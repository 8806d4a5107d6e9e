#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Disks are removed while I/O and references exist, or leaked.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

ALL="park softirq batch late watch clones requeue refuse hold lists together"
ROUNDS=3
[[ ${FULL:-} != 1 ]] || ROUNDS=8

come_and_go() {
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		abuse_load "$1" disks=2 lookups=32 mib=1
		head -c 256k /dev/zero >/dev/rbabuse0
		head -c 256k /dev/rbabuse1 >"$WORK/read"
		abuse_unload
	done
}

busy() {
	abuse_load "$1"
	fio --name=job --filename=/dev/rbabuse0 --ioengine=io_uring --direct=1 --bs=4k --size=4m \
		--thread --iodepth=32 --rw=randwrite --time_based --runtime=60 \
		--output="$WORK/fio" &
	wait_for 30 written
	refused EAGAIN rmmod "$ABUSE_MODULE"
	# I/O in flight ends although its submitter was killed.
	kill -KILL $!
	wait $! || true
	wait_for 30 must rmmod "$ABUSE_MODULE"
}
written() {
	counts
	((COUNT[ended] > 200))
}

left_behind() {
	abuse_load "$1 leak_disk" mib=1 disks=2
	verified rbabuse0 --size=512k --offset_increment=512k
	abuse_unload
	[[ ! -e /sys/block/rbabuse0 && ! -e /sys/block/rbabuse1 ]]
	[[ ! -e /dev/rbabuse0 ]]
}

# fails_while_open "WHAT...": loading the module fails, but the kernel must not free it
# before its disk is closed. Without a fix, the loading task itself has the disk open, and
# waits for ever.
fails_while_open() {
	local loading
	needs_fixes block-fixes
	insmod "$abuse_file" "$(abuse_bits "$1 fail_load")" 2>"$WORK/insmod" &
	loading=$!
	# The device node appears a little earlier than the disk.
	wait_for 30 opens 2>"$WORK/opens"
	exec 9</dev/rbabuse0
	wait_for 30 test ! -e /dev/rbabuse0
	sleep 2
	kill -0 "$loading"
	exec 9<&-
	if wait "$loading"; then return 1; fi
	grep -q 'Input/output error' "$WORK/insmod"
	[[ ! -d /sys/module/$ABUSE_MODULE ]]
}

opens() { : </dev/rbabuse0; }

tap_case "disks are added and removed" come_and_go "inline softirq clones"
tap_case "disks are added and removed, all abuses at once" come_and_go "$ALL"
tap_case "disks are added and removed, timers own requests" come_and_go "timer clones late requeue"
tap_case "unload after the submitter is killed" busy "inline softirq"
tap_case "unload after the submitter is killed, all abuses at once" busy "$ALL"
tap_case "unload after the submitter is killed, timers own requests" busy "timer clones"
tap_case "a disk is open when loading fails" fails_while_open "inline"
tap_case "a leaked disk is open when loading fails" fails_while_open "inline leak_disk"
tap_case "leaked disks are removed" left_behind "inline softirq"
tap_case "leaked disks are removed, references are kept" left_behind "inline clones"
tap_run
