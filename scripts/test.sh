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

UNZONED=''
[[ ${FULL:-} != 1 ]] || UNZONED=yes
# What is in one line runs side by side: a guest has two CPUs, and rarely uses both.
PARTS=(
	"scripts/lint.sh"
	"scripts/compile-fail.sh"
	"scripts/kunit.sh"
	"scripts/check.sh debug + scripts/check.sh lean${UNZONED:+ unzoned}"
	"tools/testing/harness/run.sh + tools/testing/stories/run.sh"
)
from=$SECONDS
passed=0
failed=0
summary=()

COUNTS=$(mktemp -d "$CACHE/run/counts.XXXXXX")
at_exit "rm -rf '$COUNTS'"

# part NUMBER SHOWN COMMAND...: each line that it says begins with SHOWN, if that is given.
part() {
	local from=$SECONDS status=0
	export RNULL_COUNTS=$COUNTS/$1
	if [[ $2 ]]; then
		"${@:3}" 2>&1 | sed -u "s/^/$2/" >&2 || status=$?
	else
		"${@:3}" || status=$?
	fi
	echo "$(( SECONDS - from ))" > "$COUNTS/$1.seconds"
	return "$status"
}

# end NUMBER NAME STATUS: add up what a part has counted.
end() {
	local good='' bad='' seconds=0
	[[ ! -f $COUNTS/$1 ]] || read -r good bad < "$COUNTS/$1" || true
	[[ ! -f $COUNTS/$1.seconds ]] || read -r seconds < "$COUNTS/$1.seconds" || true
	[[ $good =~ ^[0-9]+$ ]] || good=0
	[[ $bad =~ ^[0-9]+$ ]] || bad=0
	# A part that counted no failure and failed, or that tested nothing,
	# is a failure of its own.
	if (( bad == 0 && ($3 || good == 0) )); then
		bad=1
	fi
	passed=$(( passed + good ))
	failed=$(( failed + bad ))
	summary+=("$(printf '%-32s %4d passed %4d failed  %s' "$2" "$good" "$bad" \
		"$(elapsed "$seconds")")")
}

# side_by_side LINE: the parts of a line.
side_by_side() {
	local parts pids=() words name shown i status
	mapfile -t parts <<< "${1// + /$'\n'}"
	for i in "${!parts[@]}"; do
		read -ra words <<< "${parts[i]}"
		shown=''
		if (( ${#parts[@]} > 1 )); then
			name=${parts[i]%/run.sh}
			name=${name##*/}
			shown="${name/.sh/}: "
		fi
		rm -f "$COUNTS/$i" "$COUNTS/$i.seconds"
		start part "$i" "$shown" "$REPO/${words[0]}" "${words[@]:1}"
		pids+=("$CHILD")
	done
	for i in "${!parts[@]}"; do
		status=0
		reap "${pids[i]}" || status=$?
		end "$i" "${parts[i]}" "$status"
	done
}

for line in "${PARTS[@]}"; do
	say "==== $line"
	if [[ $line == *" + "* ]]; then
		# Building takes all CPUs, and no guest should have to wait for one.
		for flavour in debug lean; do
			run "$REPO/scripts/kernel.sh" "$flavour" > /dev/null || true
		done
	fi
	side_by_side "$line"
done

say "==== in $(elapsed $(( SECONDS - from )))"
printf '%s\n' "${summary[@]}" >&2
printf '%d passed, %d failed\n' "$passed" "$failed"
(( failed == 0 && passed > 0 ))
