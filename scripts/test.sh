#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run every test, and go on after a failure. Each part writes "passed failed" to the
# file that RNULL_COUNTS names. The last line is "N passed, N failed".
#
# An emulated guest keeps little more than one processor busy, and the two checks take
# longest. So the second begins before the first has ended, and all that measures no
# time runs beside them, with what they leave of the processors.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
case ${FULL:-} in '' | 0 | 1) ;; *) die -2 "FULL=$FULL: want 0 or 1" ;; esac

from=$SECONDS
passed=0
failed=0
summary=()
WORK=$(mktemp -d "$CACHE/run/test.XXXXXX")
at_exit "rm -rf '$WORK'"

# With one processor there is nothing left beside a guest.
IDLE=()
(( $(nproc) == 1 )) || IDLE=(chrt --idle 0)

# script NAME: where a part's script is.
script() {
	case $1 in
	bench | harness | stories) printf '%s' "$REPO/tools/testing/$1/run.sh" ;;
	check-*) printf '%s' "$REPO/scripts/check.sh" ;;
	*) printf '%s' "$REPO/scripts/$1.sh" ;;
	esac
}

# count NAME STATUS SECONDS: adds a part that has ended to the sums.
count() {
	local good='' bad=''
	read -r good bad < "$WORK/$1" || true
	[[ $good =~ ^[0-9]+$ ]] || good=0
	[[ $bad =~ ^[0-9]+$ ]] || bad=0
	# A part that counted no failure and failed, or that tested nothing,
	# is a failure of its own.
	if (( bad == 0 && ($2 || good == 0) )); then
		bad=1
	fi
	passed=$(( passed + good ))
	failed=$(( failed + bad ))
	summary+=("$(printf '%-14s %4d passed %4d failed  %s' "$1" "$good" "$bad" "$(elapsed "$3")")")
}

# begin TEXT: says what comes now, and which of how many parts it is.
PARTS=10
begun=0
begin() {
	begun=$(( begun + 1 ))
	say "==== $begun/$PARTS $1"
}

# part NAME: runs it, with what the processors have left, and counts.
part() {
	local part_from=$SECONDS status=0
	begin "$1"
	: > "$WORK/$1"
	run env RNULL_COUNTS="$WORK/$1" "${IDLE[@]}" "$(script "$1")" || status=$?
	count "$1" "$status" $(( SECONDS - part_from ))
}

# behind CHECK FLAVOUR...: begins a check, which goes on beside what follows.
declare -A PID FROM
behind() {
	begin "$1 begins, and what follows runs beside it"
	: > "$WORK/$1"
	start env RNULL_COUNTS="$WORK/$1" "$(script "$1")" "${@:2}" \
		> "$WORK/$1.output" 2>&1
	PID[$1]=$CHILD
	FROM[$1]=$EPOCHSECONDS
	# Lint keeps the work tree to its end; the check needs it for a moment first.
	until grep -q '^check: ' "$WORK/$1.output" || ! kill -0 "$CHILD" 2> /dev/null; do
		sleep 0.3 & wait $! || true
	done
}

# join CHECK: shows what it says, and counts.
join() {
	local shown status=0
	say "==== $1, from its beginning"
	start tail -n +1 -q -s 0.2 --pid="${PID[$1]}" -f "$WORK/$1.output" >&2
	shown=$CHILD
	reap "${PID[$1]}" || status=$?
	reap "$shown" || true
	# It counts when it ends.
	count "$1" "$status" $(( $(stat -c %Y "$WORK/$1") - FROM[$1] ))
}

others=(lean)
[[ ${FULL:-} != 1 ]] || others+=(unzoned)

say "==== build the kernels"
# If one can't be built, its check says so.
for flavour in debug lean; do
	run "$REPO/scripts/kernel.sh" "$flavour" > /dev/null || true
done
behind check-debug debug
# The harness has guests of its own, to which two others would leave next to nothing.
for name in lint litmus series compile-fail kunit harness bench; do
	part "$name"
done
# One guest leaves something to another one, if there is anything to leave.
(( $(nproc) > 1 )) || join check-debug
behind check-others "${others[@]}"
(( $(nproc) == 1 )) || join check-debug
part stories
join check-others

say "==== in $(elapsed $(( SECONDS - from )))"
printf '%s\n' "${summary[@]}" >&2
printf '%d passed, %d failed\n' "$passed" "$failed"
(( failed == 0 && passed > 0 ))
