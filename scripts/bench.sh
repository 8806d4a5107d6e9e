#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Measure rnull, C null_blk, brd and the floor, and write a report:
#
#	bench.sh		the parts that PARTS names; default: all of them,
#				"features" with FULL=1 only
#
# CELLS is a regular expression that selects cells by name, except those of "native";
# default: all of them. With CELLS, the creation of devices is not measured.
# SAMPLES is the number of samples of a counted cell; default: 5, with FULL=1: 3.
#
# The result is a directory with result.json (every sample), table.md, and plots. It is
# in the cache, or where RNULL_RESULT says. FULL=1 measures the whole matrix.
# Documentation/block/rnull-performance.rst describes the method.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
case ${FULL:-} in '' | 0) FULL='' ;; 1) ;; *) die -2 "FULL=$FULL: want 0 or 1" ;; esac
[[ ! ${SAMPLES:-} ]] || positive SAMPLES "$SAMPLES" 1000
read -ra parts <<< "${PARTS:-counted devices queues smp scaling native path${FULL:+ features}}"
for part in "${parts[@]}"; do
	case $part in
	counted | devices | queues | smp | scaling | native | path | features) ;;
	*) die -2 "PARTS: no part $part; make help lists them" ;;
	esac
done

# plan PART: print its plan. Fails if the plan has no cells.
plan() {
	python3 -B "$REPO/tools/testing/bench/plan.py" "$1" ${FULL:+--full} --cells="${CELLS:-}" \
		${SAMPLES:+--samples="$SAMPLES"}
}

for part in "${parts[@]}"; do
	[[ $part == native ]] || plan "$part" > /dev/null ||
		die -2 "CELLS=$CELLS: matches no cell of $part; choose other parts by PARTS="
done

# The make command that repeats this run.
command="make bench${FULL:+ FULL=1}${SAMPLES:+ SAMPLES=$SAMPLES}"
[[ ! ${PARTS:-} ]] || command+=" PARTS='$PARTS'"
[[ ! ${CELLS:-} ]] || command+=" CELLS='${CELLS//\$/\$\$}'"

BENCH=$REPO/tools/testing/bench
RESULT=${RNULL_RESULT:-$CACHE/bench/$(date -u +%Y%m%d-%H%M%S)}
FROM=$SECONDS
mkdir -p "$RESULT"
python() { run "$REPO/scripts/enter.sh" env PYTHONDONTWRITEBYTECODE=1 python3 "$@"; }

# Parts that count instructions run in parallel, as the machine's load does not change
# their counts. Parts that measure time run alone.
counting=()
timing=()
for part in "${parts[@]}"; do
	case $part in
	smp | native) timing+=("$part") ;;
	scaling)
		timing+=(scaling)
		# The same cells once more, on a kernel with statistics of locks.
		! plan contention > /dev/null || timing+=(contention) ;;
	counted)
		# The whole matrix takes longest, so it is split in two.
		if [[ ! $FULL ]]; then counting+=(counted); continue; fi
		for half in counted-reads counted-writes; do
			! plan "$half" > /dev/null || counting+=("$half")
		done ;;
	features) counting+=(features bare) ;;
	*) counting+=("$part") ;;
	esac
done
for part in "${counting[@]}" "${timing[@]}"; do
	mkdir "$RESULT/$part"
	[[ $part == native ]] || plan "$part" > "$RESULT/$part/plan"
done
export FULL RNULL_STEPS=$(( 5 + (${#counting[@]} > 0) + ${#timing[@]} + 1 ))
STEPS=$RNULL_STEPS

say "bench: results go to $RESULT"
output KERNEL "$REPO/scripts/kernel.sh" lean
KERNEL=${KERNEL##*$'\n'}
STEP=5
python "$BENCH/host.py" environment "$KERNEL" "$command" > "$RESULT/records.jsonl"
measure=("$REPO/scripts/bench-part.sh" "$RESULT" "$KERNEL")
if (( ${#counting[@]} )); then
	step "count instructions: ${counting[*]}"
	run xargs -P "$JOBS" -n 1 "${measure[@]}" < <(printf '%s\n' "${counting[@]}") ||
		die "a part failed, see above for the reason; $RESULT has the results of the others"
fi
for part in "${timing[@]}"; do
	step "compare by time: $part"
	run "${measure[@]}" "$part"
done
for part in "${counting[@]}" "${timing[@]}"; do
	cat "$RESULT/$part/records.jsonl"
done >> "$RESULT/records.jsonl"
step "table and plots"
python "$BENCH/report.py" "$RESULT"
[[ ${RNULL_RESULT:-} ]] || ln -sfn "$(basename "$RESULT")" "$CACHE/bench/latest"
say "bench: in $(elapsed $(( SECONDS - FROM ))): $RESULT/table.md, result.json, *.svg, *.png"
