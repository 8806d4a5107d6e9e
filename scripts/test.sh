#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run every test, and go on after a failure. Each part writes "passed failed" to the
# file that RNULL_COUNTS names. The last line is "N passed, N failed".
#
# An emulated guest keeps little more than one processor busy, and the two checks take
# longest. So all that measures no time runs beside them, with what they leave of the
# processors.

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

# begin TEXT: says what comes now, and which of how many parts it is.
PARTS=7
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

# beside CHECK FLAVOUR... -- NAME...: runs the parts NAME while the check runs, and
# shows what the check says after them.
beside() {
	local check=$1 flavours=() child shown name status=0 check_from=$EPOCHSECONDS
	shift
	while [[ $1 != -- ]]; do
		flavours+=("$1")
		shift
	done
	shift
	begin "$check begins, and what follows runs beside it"
	: > "$WORK/$check"
	start env RNULL_COUNTS="$WORK/$check" "$(script "$check")" "${flavours[@]}" \
		> "$WORK/output" 2>&1
	child=$CHILD
	# Lint keeps the work tree to its end; the check needs it for a moment first.
	until grep -q '^check: ' "$WORK/output" || ! kill -0 "$child" 2> /dev/null; do
		sleep 0.3 & wait $! || true
	done
	for name in "$@"; do
		part "$name"
	done

	say "==== $check, from its beginning"
	start tail -n +1 -q -s 0.2 --pid="$child" -f "$WORK/output" >&2
	shown=$CHILD
	reap "$child" || status=$?
	reap "$shown" || true
	# It counts when it ends.
	count "$check" "$status" $(( $(stat -c %Y "$WORK/$check") - check_from ))
}

others=(lean)
[[ ${FULL:-} != 1 ]] || others+=(unzoned)

say "==== build the kernels"
# If one can't be built, its check says so.
for flavour in debug lean; do
	run "$REPO/scripts/kernel.sh" "$flavour" > /dev/null || true
done
beside check-debug debug -- lint compile-fail kunit
beside check-others "${others[@]}" -- harness stories

say "==== in $(elapsed $(( SECONDS - from )))"
printf '%s\n' "${summary[@]}" >&2
printf '%d passed, %d failed\n' "$passed" "$failed"
(( failed == 0 && passed > 0 ))
