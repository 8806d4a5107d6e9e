#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the litmus tests in tools/memory-model/rnull by herd7, against the memory
# model of the kernel that everything is built on. herd7 is no Debian package;
# without it there is nothing to run.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings

if ! command -v herd7 >/dev/null; then
	say "litmus: skipped, because there is no herd7 (opam install herdtools7)"
	exit 0
fi

# The model is that of the source which the kernels are built from.
need_root
need_base
need_tree

passed=0 failed=0
for test in "$REPO"/tools/memory-model/rnull/*.litmus; do
	name=$(basename "$test" .litmus)
	expected=$(sed -n 's/^ \* Result: //p' "$test")
	# herd7 looks for the model's files where it is started.
	output=$(cd "$SOURCE/tools/memory-model" && herd7 -conf linux-kernel.cfg "$test" 2>&1) || true
	found=$(sed -n 's/^Observation [^ ]* \([A-Za-z]*\).*/\1/p' <<<"$output")
	if [ -n "$found" ] && [ "$found" = "$expected" ]; then
		say "ok $name: $found"
		passed=$((passed + 1))
	else
		say "not ok $name: expected $expected, got ${found:-no result}"
		printf '%s\n' "$output" | tail -n 10
		failed=$((failed + 1))
	fi
done
say "litmus: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
