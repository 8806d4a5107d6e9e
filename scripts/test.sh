#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run every test, the cheap ones first, and go on after a failure. Each part
# writes "passed failed" to the file that RNULL_COUNTS names. The last line is
# "N passed, N failed".

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
case ${FULL:-} in '' | 0 | 1) ;; *) die -2 "FULL=$FULL: want 0 or 1" ;; esac

PARTS=(scripts/lint.sh scripts/compile-fail.sh tools/testing/harness/run.sh scripts/kunit.sh scripts/check.sh
	tools/testing/stories/run.sh)
from=$SECONDS
passed=0
failed=0
summary=()

RNULL_COUNTS=$(mktemp "$CACHE/run/counts.XXXXXX")
export RNULL_COUNTS
at_exit "rm -f '$RNULL_COUNTS'"

for part in "${PARTS[@]}"; do
	say "==== $part"
	: > "$RNULL_COUNTS"
	part_from=$SECONDS
	status=0
	run "$REPO/$part" || status=$?
	good='' bad=''
	read -r good bad < "$RNULL_COUNTS" || true
	[[ $good =~ ^[0-9]+$ ]] || good=0
	[[ $bad =~ ^[0-9]+$ ]] || bad=0
	# A part that counted no failure and failed, or that tested nothing,
	# is a failure of its own.
	if (( bad == 0 && (status || good == 0) )); then
		bad=1
	fi
	passed=$(( passed + good ))
	failed=$(( failed + bad ))
	summary+=("$(printf '%-32s %4d passed %4d failed  %s' "$part" "$good" "$bad" \
		"$(elapsed $(( SECONDS - part_from )))")")
done

say "==== in $(elapsed $(( SECONDS - from )))"
printf '%s\n' "${summary[@]}" >&2
printf '%d passed, %d failed\n' "$passed" "$failed"
(( failed == 0 && passed > 0 ))
