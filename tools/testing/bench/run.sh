#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Count instructions in some cells of `make bench', and fail if they miss their
# thresholds. Times depend on the machine and its load; counts do not, so they can be
# tested.
#
#	run.sh [PATTERN]	only the thresholds whose text has PATTERN in it

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"
settings

PATTERN=${1:-}
WORK=$(mktemp -d "$CACHE/run/bench-test.XXXXXX")
at_exit "rm -rf '$WORK'"
LOG=$WORK/log

# threshold TEXT: one test; it fails if the log has no such threshold, or it was missed.
threshold() {
	local line
	[[ $1 == *"$PATTERN"* ]] || return 0
	line=$(grep -F -- "  $1" "$LOG") || line="not in the report"
	if [[ $line == met\ * ]]; then
		pass "$1"
	else
		fail "$1: ${line%%  *}"
	fi
}

cells=(
	'irqmode [01], randread, 4k, 1 deep'
	'irqmode [0-3], randread, 4k, 64 deep, 16 at once'
	'irqmode 2, randread, 4k, 32 deep'
	'irqmode 0, (randread, 4k|randwrite, 64k), 1 deep, memory-backed, blocksize 4096'
	'irqmode 0, randread, 4k, 64 deep, 16 at once, polled'
)
wanted=$(IFS='|'; printf '^(%s)$' "${cells[*]}")
say "bench: counting instructions in ${#cells[@]} kinds of cells"
progress "$LOG" 0 env FULL='' PARTS=counted CELLS="$wanted" RNULL_RESULT="$WORK/result" \
	"$REPO/scripts/bench.sh" ||
	tail -n 25 "$LOG" >&2

threshold "irqmode 0, one at a time: own cost at most 0.30 of null_blk's"
threshold "irqmode 1: own cost at most 0.5 of null_blk's"
threshold "irqmode 0, batches of 16 and more: within 30 of the batched floor"
threshold "irqmode 2: own cost at most 0.9 of null_blk's"
threshold "irqmode 3, batches of 16: own cost at most null_blk's in irqmode 1"
threshold "memory-backed, 4k and 64k: own cost less the bytes copied at most 0.6 of null_blk's"
threshold "compared with brd: own cost not above brd's"
threshold "polled, 64 deep in batches of 16: below null_blk's"
threshold ".text of rnull_mod.ko: at most 100 KB"
(( ! FAILED )) || grep -F '| MISSED |' "$WORK/result/table.md" >&2 || true

results bench
