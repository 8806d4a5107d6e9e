#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The owner ends the request while a reference from a look-up exists. So that reference is
# the last one, and dropping it frees the request.
#
# A probe at the entry of __blk_mq_free_request() finds the caller by the return address.
# The test waits for calls from rust_helper_blk_mq_put_request(), which drops all
# references in kernels without inlined helpers. If the compiler has turned that call into
# a jump, the return address is that of the helper's caller. A return probe of the helper
# replaces it by its trampoline, so the probe recognises it.
#
# More probes on the helper only take time, and so extend the life of the reference: a
# completion by tag drops it some ten instructions after it has taken it.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

TRACEFS=/sys/kernel/tracing
PROBES=$TRACEFS/events/last_drop
DROP=rust_helper_blk_mq_put_request
# The trampolines of the two implementations of return probes.
TRAMPOLINES="arch_rethook_trampoline __kretprobe_trampoline"
SLOW_PROBES=20
PATIENCE=60

# probe: make the kernel record each request that a dropped reference frees.
probe() {
	local i name filter="caller.function == $DROP"
	mountpoint -q "$TRACEFS" || mount -t tracefs none "$TRACEFS"
	unprobe
	echo "r:last_drop/drop $DROP" >>"$TRACEFS/kprobe_events"
	# shellcheck disable=SC2016 # it is not a variable of the shell
	echo 'p:last_drop/free __blk_mq_free_request caller=$stack0:symbol' \
		>>"$TRACEFS/kprobe_events"
	for ((i = 0; i < SLOW_PROBES; i++)); do
		echo "p:last_drop/slow$i $DROP" >>"$TRACEFS/kprobe_events"
	done
	for name in $TRAMPOLINES; do
		! grep -qw "$name" /proc/kallsyms || filter+=" || caller.function == $name"
	done
	echo "$filter" >"$PROBES/free/filter"
	# Do not record the other probes.
	echo "__probe_func == 0" >"$PROBES/drop/filter"
	for ((i = 0; i < SLOW_PROBES; i++)); do
		echo "__probe_ip == 0" >"$PROBES/slow$i/filter"
	done
	echo >"$TRACEFS/trace"
	echo 1 >"$PROBES/enable"
}

unprobe() {
	[[ ! -d $PROBES ]] || echo 0 >"$PROBES/enable"
	[[ ! -e $TRACEFS/kprobe_events ]] || echo >"$TRACEFS/kprobe_events"
}

# until_freed COMMAND...: repeat the command until a dropped reference frees a request.
until_freed() {
	local frees=0 end=$((SECONDS + PATIENCE))
	while ((frees == 0)); do
		((SECONDS < end)) || {
			printf 'no request was freed by a reference from a look-up in %s s\n' \
				$PATIENCE
			return 1
		}
		"$@"
		frees=$(grep -c ' free: ' "$TRACEFS/trace") || true
	done
	printf '%s requests were freed by references from look-ups\n' "$frees"
	grep -m 3 ' free: ' "$TRACEFS/trace"
}

# The driver holds references from look-ups for a while, and ends requests in queue_rq()
# and in interrupts.
held() {
	abuse_load "$1 hold" lookups=32
	trap 'unprobe; abuse_unload' EXIT
	probe
	until_freed verified rbabuse0
	happened held
}

# The handler of a completion ring looks up requests while their timeouts end them.
timed_out() {
	load nr_devices=0
	make_device f
	set_attr f irqmode 3
	set_attr f submit_queues 2
	set_attr f completion_nsec 12000000
	power_on f
	count_io f
	must write /sys/block/f/queue/io_timeout "8\n"
	[[ -d $SUBSYS/f/tag_inject ]]
	must write "$SUBSYS/f/tag_inject/verbose" "0\n"
	must write "$SUBSYS/f/tag_inject/times" "-1\n"
	must write "$SUBSYS/f/tag_inject/probability" "5\n"
	# The driver logs each timeout, and the console is slow.
	read -r LEVEL _ </proc/sys/kernel/printk
	trap 'unprobe; dmesg -n "$LEVEL"' EXIT
	dmesg -n notice
	probe
	ERRORS=0
	until_freed random_reads
	((ERRORS > 0))
	wait_for 20 grep -q '^ *0 *0$' /sys/block/f/inflight
	statistic f injected
	printf '%s injected, ' "$RET"
	((RET > 0))
	statistic f completed
	printf '%s completed\n' "$RET"
	((RET > 0))
}

# Errors other than those of timeouts are fatal.
random_reads() {
	fio --name=job --filename=/dev/f --thread --ioengine=io_uring --direct=1 --bs=4k \
		--rw=randread --norandommap --iodepth=64 --numjobs=2 --time_based --runtime=3 \
		--continue_on_error=io --error_dump=0 --ignore_error=110:5,110:5 \
		--group_reporting --output-format=json --output="$WORK/fio" ||
		{ grep -v '^[ {}]' "$WORK/fio"; return 1; }
	must fio_errors "$WORK/fio"
	printf '%s errors\n' "$RET"
	ERRORS=$((ERRORS + RET))
}

tap_case "a held reference frees the request" held "inline"
tap_case "a held reference frees the request, others end in batches" held "inline batch"
tap_case "a completion by tag frees a request that has timed out" timed_out
tap_run
