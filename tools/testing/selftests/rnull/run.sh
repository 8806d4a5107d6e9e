#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the test files and check their results: run.sh [-d DIRECTORY] [PATTERN...]
#
# A pattern selects test files by name ("configfs", "io_*"). A file passes if it ran the
# planned cases, every case is ok, and it exited with success; none of these alone proves
# that it ran to its end. The last line has the totals. The exit status is 0 only if no
# case failed and at least one passed.
#
# kselftest's runner judges a file by its exit status only. kunit_parser.py accepts output
# without a plan, with more cases than planned, and with "Bail out!". So this script has
# a parser of its own. The host reads only the totals.

set -euo pipefail

DIR=$(cd "$(dirname "$0")" && pwd)
TIMEOUT=$(sed -n 's/^timeout=//p' "$DIR/settings")
# With FULL=1 the tests do many more I/Os.
[[ ${FULL:-} != 1 ]] || TIMEOUT=$((TIMEOUT * 8))

[[ ${1:-} != -d ]] || { DIR=$(cd "$2" && pwd); shift 2; }

PASS=0
FAIL=0
SKIP=0

chosen() {
	local pattern
	(($# > 1)) || return 0
	for pattern in "${@:2}"; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ $1 != *$pattern* ]] || return 0
	done
	return 1
}

# judge NAME STATUS LOG SECONDS: count the cases of a file, and check the file as a whole.
judge() {
	local plan planned results failed=0 skipped=0
	plan=$(grep -m1 -E '^1\.\.[0-9]+' "$3" || true)
	results=$(grep -cE '^(not )?ok ' "$3" || true)
	failed=$(grep -c '^not ok ' "$3" || true)
	skipped=$(grep -cE '^ok .* # SKIP' "$3" || true)
	PASS=$((PASS + results - failed - skipped))
	FAIL=$((FAIL + failed))
	SKIP=$((SKIP + skipped))
	planned=${plan#1..}
	planned=${planned%% *}
	if (($2 == 124 || $2 == 137)); then
		wrong "$1" "took more than $TIMEOUT s"
	elif [[ ! $plan ]]; then
		wrong "$1" "has no plan"
	elif ((planned == 0)) && [[ $plan == *"# SKIP"* ]] && (($2 == 4)); then
		SKIP=$((SKIP + 1))
		printf 'ok - %s # SKIP %s\n' "$1" "${plan#*# SKIP }"
		return
	elif ((planned == 0)); then
		wrong "$1" "planned nothing"
	elif ((planned != results)); then
		wrong "$1" "planned $planned cases, had $results"
	elif grep -q '^Bail out!' "$3"; then
		wrong "$1" "gave up"
	elif (($2 != 0 && failed == 0)); then
		wrong "$1" "exited with $2 although no case failed"
	elif (($2 == 0 && failed != 0)); then
		wrong "$1" "exited with success although a case failed"
	elif ((failed == 0)); then
		printf '# %s: %d cases, %d skipped, %d s\n' "$1" "$results" "$skipped" "$4"
	else
		printf '# %s: %d of %d cases failed\n' "$1" "$failed" "$results"
	fi
}

wrong() {
	FAIL=$((FAIL + 1))
	printf 'not ok - %s %s\n' "$1" "$2"
}

run_test() {
	local name status=0 pid from=$SECONDS
	name=$(basename "$1" .sh)
	printf '# ---- %s\n' "$name"
	: >"$LOG"
	# Not through a pipe: a process that a test leaves behind could keep it open.
	timeout -k 10 "$TIMEOUT" bash "$1" >"$LOG" 2>&1 </dev/null &
	pid=$!
	tail -n +1 -s 0.2 --pid="$pid" -f "$LOG" 2>/dev/null
	wait "$pid" || status=$?
	judge "$name" "$status" "$LOG" $((SECONDS - from))
}

LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

# The *_unremovable tests leak tags, and a CPU whose hardware queue has a leaked tag
# cannot go offline. So these run last.
shopt -s nullglob extglob
for test in "$DIR"/test_!(*_unremovable).sh "$DIR"/test_*_unremovable.sh; do
	chosen "$(basename "$test" .sh)" "$@" || continue
	run_test "$test"
done

printf '# Totals: pass:%d fail:%d xfail:0 xpass:0 skip:%d error:0\n' "$PASS" "$FAIL" "$SKIP"
((FAIL == 0 && PASS > 0))
