#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measure rnull, C null_blk and drivers that do nothing, and say what came of it:
#
#	bench.sh		the parts that PARTS names; default: all of them,
#				"features" with FULL=1 only
#
# CELLS is a regular expression for the names of the cells to measure, other than
# those of "native"; default: all of them. With it no devices are made and removed.
#
# The result is a directory in the cache with result.json, which has every
# sample, table.md, and plots. FULL=1 measures the whole matrix. How it is done
# is in Documentation/block/rnull-performance.rst.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
case ${FULL:-} in '' | 0) FULL='' ;; 1) ;; *) die -2 "FULL=$FULL: want 0 or 1" ;; esac
read -ra parts <<< "${PARTS:-counted devices queues smp native path${FULL:+ features}}"
for part in "${parts[@]}"; do
	case $part in
	counted | devices | queues | smp | native | path | features) ;;
	*) die -2 "no part $part" ;;
	esac
done
kind() { [[ $1 == counted ]] && echo icount || echo "$1"; }
for part in "${parts[@]}"; do
	[[ $part == native ]] ||
		python3 -B "$REPO/tools/testing/bench/plan.py" "$(kind "$part")" \
			${FULL:+--full} --cells="${CELLS:-}" > /dev/null ||
		die -2 "CELLS=$CELLS: no such cell in $part; PARTS says which parts to run"
done
export RNULL_STEPS=$(( 5 + ${#parts[@]} + 1 )) STEPS=$(( 5 + ${#parts[@]} + 1 ))

BENCH=$REPO/tools/testing/bench
RESULT=$CACHE/bench/$(date -u +%Y%m%d-%H%M%S)
RECORDS=$RESULT/records.jsonl
FROM=$SECONDS
mkdir -p "$RESULT"

python() { run "$REPO/scripts/enter.sh" env PYTHONDONTWRITEBYTECODE=1 python3 "$@"; }

# measured PART COMMAND...: and record what else went on at the time.
measured() {
	local part=$1
	shift
	python "$BENCH/host.py" snapshot > "$RESULT/snapshot"
	"$@"
	python "$BENCH/host.py" interference "$part" "$RESULT/snapshot" >> "$RECORDS"
	rm -f "$RESULT/snapshot"
}

# in_guest PART TIMEOUT OPTION...: what there is of this part, in a guest.
in_guest() {
	local part=$1 kind timeout=$2 plan
	kind=$(kind "$1")
	plan=$RESULT/$kind.plan
	shift 2
	python "$BENCH/plan.py" "$kind" ${FULL:+--full} --cells="${CELLS:-}" > "$plan"
	python "$BENCH/host.py" cells "$plan" >> "$RECORDS"
	run "$REPO/scripts/guest.sh" --kernel "$KERNEL" --name "bench-$part" \
		--timeout "$timeout" --share "$BENCH=bench" --share "$RESULT=result" "$@" -- \
		env PYTHONDONTWRITEBYTECODE=1 python3 /run/rnull/bench/guest.py \
		"/run/rnull/result/$kind.plan" "/run/rnull/result/records.jsonl"
}

part_counted() {
	step "count instructions"
	in_guest counted "$(( FULL ? 18000 : 900 ))" --icount
}

part_devices() {
	step "count instructions with many devices"
	in_guest devices 1800 --icount
}

part_queues() {
	step "count instructions with many hardware queues"
	# A device has as many as there may be processors, though one is online. Each
	# of them makes the emulator slower: 32 take four minutes to boot.
	in_guest queues 3600 --icount --smp "$(( FULL ? 32 : 8 ))"
}

part_smp() {
	step "compare by time on several processors, and make and remove devices"
	measured smp in_guest smp 3600 --smp 2
}

part_native() {
	local NATIVE
	step "compare by time in user-mode Linux"
	output NATIVE env RNULL_STEPS=5 "$REPO/scripts/kernel.sh" native
	NATIVE=${NATIVE##*$'\n'}
	measured native native_cells
}

native_cells() {
	local irqmode
	# Not irqmode 2: how soon a signal comes for a timer is the host's affair.
	for irqmode in 0 1; do
		native_cell "irqmode $irqmode, one at a time" blk_submit.batch=1 blk_submit.plugged=0
		native_cell "irqmode $irqmode, one under a plug" blk_submit.batch=1
		native_cell "irqmode $irqmode, 16 under a plug" blk_submit.batch=16
	done
}

native_cell() {			# NAME PARAMETER...
	local name=$1 log=$RESULT/native.log
	shift
	say "      $name"
	# Short turns, so that few are disturbed, and many of them.
	run "$REPO/scripts/enter.sh" timeout 600 "$NATIVE/linux" mem=256M loglevel=7 \
		"null_blk.irqmode=$irqmode" "rnull_mod.irqmode=$irqmode" \
		null_blk.poll_queues=0 rnull_mod.poll_queues=0 \
		blk_submit.devices=/dev/floor0,/dev/floorb0,/dev/nullb0,/dev/rnullb0 \
		blk_submit.ios=4096 "blk_submit.turns=$(( FULL ? 2000 : 400 ))" "$@" \
		blk_submit.halt=1 > "$log" 2>&1 < /dev/null || true
	python "$BENCH/host.py" native "$name" "$log" >> "$RECORDS" ||
		fail_log "measuring in user-mode Linux" "$log" "The whole log is $log"
}

part_path() {
	step "trace the path of a request, instruction by instruction"
	traced path "$KERNEL"
}

part_features() {
	local kernel
	step "trace it again with all options of the drivers built in"
	output kernel env RNULL_STEPS=5 CONFIG_EXTRA="$REPO/configs/features.config" \
		"$REPO/scripts/kernel.sh" lean
	traced features "${kernel##*$'\n'}"
}

# traced KIND KERNEL
traced() {
	local KERNEL=$2 monitor status=0 tracer
	monitor=$(mktemp -u "$CACHE/run/monitor.XXXXXX")
	at_exit "rm -f '$monitor'"
	start "$REPO/scripts/enter.sh" env PYTHONDONTWRITEBYTECODE=1 \
		python3 "$BENCH/trace.py" "$monitor" "$RESULT" 60000000
	tracer=$CHILD
	in_guest "$1" 1800 --icount --monitor "$monitor" || status=$?
	kill -TERM -- "-$tracer" 2>/dev/null || true
	reap "$tracer" || true
	(( ! status )) || exit "$status"
	python "$BENCH/path.py" "$RESULT" "$KERNEL" > "$RESULT/path.jsonl"
	cat "$RESULT/path.jsonl" >> "$RECORDS"
	rm -f "$RESULT/path.jsonl" "$RESULT/kallsyms"
}

say "bench: results go to $RESULT"
output KERNEL "$REPO/scripts/kernel.sh" lean
KERNEL=${KERNEL##*$'\n'}
STEP=5
python "$BENCH/host.py" environment "$KERNEL" > "$RECORDS"
for part in "${parts[@]}"; do
	"part_$part"
done
step "table and plots"
python "$BENCH/report.py" "$RESULT"
ln -sfn "$(basename "$RESULT")" "$CACHE/bench/latest"
say "bench: in $(elapsed $(( SECONDS - FROM ))): $RESULT/table.md, result.json, *.svg, *.png"
