#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measure one part of `make bench':
#
#	bench-part.sh RESULT KERNEL PART
#
# PART is a part of bench.sh's, one half of it (such as counted-reads), "bare", the
# baseline of "features", or "contention", the locks of "scaling". The script reads
# RESULT/PART/plan, and writes one record per line to RESULT/PART/records.jsonl. KERNEL is
# a published lean kernel.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
: "${FULL:=}"
RESULT=$1/$3 KERNEL=$2 PART=$3
BENCH=$REPO/tools/testing/bench
RECORDS=$RESULT/records.jsonl

# Other parts may run at the same time, so each line names its part.
exec > >(sed -u "s/^/$PART: /" >&2) 2>&1

python() { run "$REPO/scripts/enter.sh" env PYTHONDONTWRITEBYTECODE=1 python3 "$@"; }

# built FLAVOUR [SETTING...]: build that kernel if need be, set BUILT to its directory,
# and record its environment.
built() {
	output BUILT env RNULL_STEPS=5 "${@:2}" "$REPO/scripts/kernel.sh" "$1"
	BUILT=${BUILT##*$'\n'}
	python "$BENCH/host.py" environment "$BUILT" >> "$RECORDS"
}

# measured COMMAND...: run it, and record how much other programs disturbed it.
measured() {
	python "$BENCH/host.py" snapshot > "$RESULT/snapshot"
	"$@"
	python "$BENCH/host.py" interference "$PART" "$RESULT/snapshot" >> "$RECORDS"
	rm -f "$RESULT/snapshot"
}

# in_guest TIMEOUT OPTION...: execute the plan in a guest.
in_guest() {
	python "$BENCH/host.py" cells "$RESULT/plan" >> "$RECORDS"
	run "$REPO/scripts/guest.sh" --kernel "$KERNEL" --name "bench-$PART" \
		--timeout "$1" --share "$BENCH=bench" --share "$RESULT=result" "${@:2}" -- \
		env PYTHONDONTWRITEBYTECODE=1 python3 /run/rnull/bench/guest.py \
		/run/rnull/result/plan /run/rnull/result/records.jsonl
}

# traced: execute the plan in a guest, and have QEMU log its instructions.
traced() {
	local monitor status=0 tracer
	monitor=$(mktemp -u "$CACHE/run/monitor.XXXXXX")
	at_exit "rm -f '$monitor'"
	start "$REPO/scripts/enter.sh" env PYTHONDONTWRITEBYTECODE=1 \
		python3 "$BENCH/trace.py" "$monitor" "$RESULT" 60000000
	tracer=$CHILD
	in_guest 1800 --icount --monitor "$monitor" || status=$?
	kill -TERM -- "-$tracer" 2>/dev/null || true
	reap "$tracer" || true
	(( ! status )) || exit "$status"
	run "$REPO/scripts/enter.sh" --with elf env PYTHONDONTWRITEBYTECODE=1 \
		python3 "$BENCH/path.py" "$RESULT" "$KERNEL" > "$RESULT/path.jsonl"
	cat "$RESULT/path.jsonl" >> "$RECORDS"
	rm -f "$RESULT/path.jsonl" "$RESULT/kallsyms"
}

native_cells() {
	local irqmode
	# Not irqmode 2: the host decides how soon a timer's signal arrives.
	for irqmode in 0 1; do
		native_cell "irqmode $irqmode, one at a time" blk_submit.batch=1 blk_submit.plugged=0
		native_cell "irqmode $irqmode, one under a plug" blk_submit.batch=1
		native_cell "irqmode $irqmode, 16 under a plug" blk_submit.batch=16
	done
}

native_cell() {			# NAME PARAMETER...
	local name=$1 log=$RESULT/log
	shift
	say "$name"
	# Many short turns: a disturbance spoils few of them.
	run "$REPO/scripts/enter.sh" timeout 600 "$BUILT/linux" mem=256M loglevel=7 \
		"null_blk.irqmode=$irqmode" "rnull_mod.irqmode=$irqmode" \
		null_blk.poll_queues=0 rnull_mod.poll_queues=0 \
		blk_submit.devices=/dev/floor0,/dev/floorb0,/dev/nullb0,/dev/rnullb0 \
		blk_submit.ios=4096 "blk_submit.turns=$(( FULL ? 2000 : 400 ))" "$@" \
		blk_submit.halt=1 > "$log" 2>&1 < /dev/null || true
	python "$BENCH/host.py" native "$name" "$log" >> "$RECORDS" ||
		fail_log "measuring in user-mode Linux" "$log" "The whole log is $log"
}

case $PART in
counted | counted-*)
	# 128 I/Os of 16 MiB have buffers of 2 GiB.
	in_guest "$(( FULL ? 18000 : 1800 ))" --icount \
		--mem "$(( FULL && MEM < 4096 ? 4096 : MEM ))" ;;
devices)
	in_guest 1800 --icount ;;
queues)
	# The number of possible processors limits the hardware queues of a device, even
	# if one is online. Each slows the emulator down: 32 take four minutes to boot.
	in_guest 3600 --icount --smp "$(( FULL ? 32 : 8 ))" ;;
path)
	traced ;;
features)
	built lean CONFIG_EXTRA="$REPO/configs/features.config"
	KERNEL=$BUILT
	traced ;;
bare)
	built lean CONFIG_EXTRA="$REPO/configs/unzoned.config"
	KERNEL=$BUILT
	traced ;;
smp | scaling)
	measured in_guest 3600 --smp 2 ;;
contention)
	built lean CONFIG_EXTRA="$REPO/configs/lock_stat.config"
	KERNEL=$BUILT
	in_guest 1800 --smp 2 ;;
native)
	built native
	measured native_cells ;;
*)
	die -2 "no part $PART; see the top of $0" ;;
esac
