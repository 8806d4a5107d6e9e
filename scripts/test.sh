#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run every test, and go on after a failure. Each part writes "passed failed" to the
# file that RNULL_COUNTS names. The last line is "N passed, N failed".
#
# An emulated guest keeps little more than one processor busy, and the debug kernel's
# takes longest. So all that measures no time runs beside it, with what it leaves of
# the processors.

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

# What a part is run by.
BESIDE=()

# script NAME: where a part's script is.
script() {
	case $1 in
	harness | stories) printf '%s' "$REPO/tools/testing/$1/run.sh" ;;
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

# part NAME [ARGUMENT...]: runs it and counts.
part() {
	local part_from=$SECONDS status=0
	say "==== $1"
	: > "$WORK/$1"
	run env RNULL_COUNTS="$WORK/$1" "${BESIDE[@]}" "$(script "$1")" "${@:2}" || status=$?
	count "$1" "$status" $(( SECONDS - part_from ))
}

say "==== build the debug kernel"
# If it can't be built, its check says so.
run "$REPO/scripts/kernel.sh" debug > /dev/null || true

say "==== check-debug begins, and the rest runs beside it"
: > "$WORK/check-debug"
start env RNULL_COUNTS="$WORK/check-debug" "$(script check-debug)" debug > "$WORK/output" 2>&1
debug=$CHILD
debug_from=$EPOCHSECONDS
# Lint keeps the work tree to its end; the check needs it for a moment first.
until grep -q '^check: ' "$WORK/output" || ! kill -0 "$debug" 2> /dev/null; do
	sleep 0.3 & wait $! || true
done
# With one processor there is nothing left beside a guest.
(( $(nproc) == 1 )) || BESIDE=(chrt --idle 0)
for name in lint compile-fail kunit harness stories; do
	part "$name"
done
BESIDE=()

say "==== check-debug"
start tail -n +1 -q -s 0.2 --pid="$debug" -f "$WORK/output" >&2
shown=$CHILD
status=0
reap "$debug" || status=$?
reap "$shown" || true
# It counts when it ends.
count check-debug "$status" $(( $(stat -c %Y "$WORK/check-debug") - debug_from ))

others=(lean)
[[ ${FULL:-} != 1 ]] || others+=(unzoned)
part check-others "${others[@]}"

say "==== in $(elapsed $(( SECONDS - from )))"
printf '%s\n' "${summary[@]}" >&2
printf '%d passed, %d failed\n' "$passed" "$failed"
(( failed == 0 && passed > 0 ))
