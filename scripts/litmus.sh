#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the litmus tests in tools/memory-model/rnull with herd7, against the memory
# model of the base. Each counts as one test:
#
#	litmus.sh [PATTERN]	only those whose names have PATTERN in them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings

PATTERN=${1:-}

# No patch changes the model, so the work tree is not needed.
need_root
need_base
MODEL=$BASE/tools/memory-model
[[ -f $MODEL/linux-kernel.cfg ]] || die "$MODEL: no linux-kernel.cfg in it"
[[ -d $(extra_dir herd) ]] || run "$REPO/scripts/extraroot.sh" herd

herd() {
	"$REPO/scripts/enter.sh" --herd --bind "$MODEL" herd7 -I "$MODEL" \
		-conf "$MODEL/linux-kernel.cfg" "$1" 2>&1 < /dev/null
}

# A test states "Result: Never" or "Result: Sometimes". Never requires that there is no
# data race.
for test in "$REPO"/tools/memory-model/rnull/*.litmus; do
	name=$(basename "$test" .litmus)
	[[ $name == *"$PATTERN"* ]] || continue
	status=0
	output text herd "$test" || status=$?
	expected=$(sed -n 's/^ \* Result: //p' "$test")
	found=$(sed -n 's/^Observation [^ ]* \([A-Za-z]*\).*/\1/p' <<< "$text")
	if [[ $found == Never ]] && grep -q '^Flag data-race' <<< "$text"; then
		found+=", with a data race"
	fi
	if (( status == 0 )) && [[ $found && $found == "$expected" ]]; then
		pass "$name: $found"
	else
		say "    ${text//$'\n'/$'\n'    }"
		fail "$name: expected ${expected:-(no Result: line)}, got ${found:-no result}"
	fi
done

results litmus
