#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run every test, and continue after a failure. Each part writes "passed failed" to the
# file that RNULL_COUNTS names (see results in lib.sh). The last line is "N passed, M
# failed".
#
# The two checks take longest, but an emulated guest uses little more than one processor.
# So they overlap, and the other parts, none of which measures time, run beside them at
# idle priority.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
case ${FULL:-} in '' | 0 | 1) ;; *) die -2 "FULL=$FULL: want 0 or 1" ;; esac

from=$SECONDS
passed=0
failed=0
summary=()
WORK=$(mktemp -d "$CACHE/run/test.XXXXXX")
at_exit "rm -rf '$WORK'"
export RNULL_MATRIX=$WORK/matrix
: > "$RNULL_MATRIX"

# A single processor is never idle beside a guest.
IDLE=()
(( $(nproc) == 1 )) || IDLE=(chrt --idle 0)

# script NAME: print the path of a part's script.
script() {
	case $1 in
	bench | deb | harness | stories) printf '%s' "$REPO/tools/testing/$1/run.sh" ;;
	check-*) printf '%s' "$REPO/scripts/check.sh" ;;
	*) printf '%s' "$REPO/scripts/$1.sh" ;;
	esac
}

# count NAME STATUS SECONDS: add the results of a part that has ended.
count() {
	local good='' bad=''
	read -r good bad < "$WORK/$1" || true
	[[ $good =~ ^[0-9]+$ ]] || good=0
	[[ $bad =~ ^[0-9]+$ ]] || bad=0
	# A part that failed without counting a failure, or that tested nothing, counts
	# as one failure.
	if (( bad == 0 && ($2 || good == 0) )); then
		bad=1
	fi
	passed=$(( passed + good ))
	failed=$(( failed + bad ))
	summary+=("$(printf '%-14s %4d passed %4d failed  %s' "$1" "$good" "$bad" "$(elapsed "$3")")")
}

# begin TEXT: announce the next part and its number.
PARTS=11
[[ ${FULL:-} != 1 ]] || PARTS=14
begun=0
begin() {
	begun=$(( begun + 1 ))
	say "==== $begun/$PARTS $1"
}

# part NAME: run it at idle priority, and count its results.
part() {
	local part_from=$SECONDS status=0
	begin "$1"
	: > "$WORK/$1"
	run env RNULL_COUNTS="$WORK/$1" "${IDLE[@]}" "$(script "$1")" || status=$?
	count "$1" "$status" $(( SECONDS - part_from ))
}

# behind CHECK FLAVOUR...: start a check in the background.
declare -A PID FROM
behind() {
	begin "$1 starts in the background"
	: > "$WORK/$1"
	start env RNULL_COUNTS="$WORK/$1" "$(script "$1")" "${@:2}" \
		> "$WORK/$1.output" 2>&1
	PID[$1]=$CHILD
	FROM[$1]=$EPOCHSECONDS
	# Lint locks the work tree until it ends, so the check must get the tree first.
	until grep -q '^check: ' "$WORK/$1.output" || ! kill -0 "$CHILD" 2> /dev/null; do
		sleep 0.3 & wait $! || true
	done
}

# join CHECK: show its output until it ends, and count its results.
join() {
	local shown status=0
	say "==== output of $1"
	start tail -n +1 -q -s 0.2 --pid="${PID[$1]}" -f "$WORK/$1.output" >&2
	shown=$CHILD
	reap "${PID[$1]}" || status=$?
	reap "$shown" || true
	# The check writes its counts when it ends.
	count "$1" "$status" $(( $(stat -c %Y "$WORK/$1") - FROM[$1] ))
}

others=(lean)
[[ ${FULL:-} != 1 ]] || others+=(unzoned kcsan rt backports)

say "==== build the kernels"
# If a build fails, the check of that kernel reports it.
for flavour in debug lean; do
	run "$REPO/scripts/kernel.sh" "$flavour" > /dev/null || true
done
behind check-debug debug
# The harness boots guests of its own, so only one check runs beside it.
for name in lint litmus series-check compile-fail kunit harness bench; do
	part "$name"
done
# These mails are not kept, so any sender will do.
OUT=$WORK/mails GIT_COMMITTER_NAME=Tester GIT_COMMITTER_EMAIL=tester@example.org part series
# With several processors, both checks run at the same time.
(( $(nproc) > 1 )) || join check-debug
behind check-others "${others[@]}"
(( $(nproc) == 1 )) || join check-debug
part stories
join check-others
if [[ ${FULL:-} == 1 ]]; then
	ARCH=arm64 part check-arm64
	part deb
	part doc
fi

say "==== kernels: passed, failed and skipped cases, times of the build and the tests"
cat "$RNULL_MATRIX" >&2
say "==== in $(elapsed $(( SECONDS - from )))"
printf '%s\n' "${summary[@]}" >&2
printf '%d passed, %d failed\n' "$passed" "$failed"
(( failed == 0 && passed > 0 ))
