#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run two C block drivers with a mistake (drivers/block/tests), each in its own guest:
# one does not cancel a timer, one trusts a tag that the device invented. Each must end
# with wrong data and a kernel complaint. The Rust abstractions prevent this, and the
# stories show that the tests of the same mistakes in Rust, test_abuse_*.sh, would
# detect it.
#
#	run.sh [PATTERN]	only the stories whose names have PATTERN in them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"
settings

PATTERN=${1:-}
KERNEL=
LOG=$(mktemp "$CACHE/run/stories.XXXXXX")
at_exit "rm -f '$LOG'"

# story NAME: run one. The guest must exit with 2 (a complaint) or 4 (a crash). Before a
# crash the program still prints what it read.
story() {
	local status=0 why=''
	[[ $1 == *"$PATTERN"* ]] || return 0
	run "$REPO/scripts/guest.sh" --kernel "$KERNEL" --name "story-$1" --timeout 120 \
		--share "$REPO/tools/testing/stories=stories" -- \
		"/run/rnull/stories/story.py" "$1" > "$LOG" 2>&1 < /dev/null || status=$?
	if (( status != 2 && status != 4 )); then
		why="the guest's verdict is $status, want 2 or 4"
	elif ! grep -q '^control: executed$' "$LOG"; then
		why="the control read wrong data"
	elif ! grep -q '^story: completed, but never executed$' "$LOG"; then
		why="the story read no wrong data"
	fi
	if [[ $why ]]; then
		sed 's/^/    /' "$LOG" >&2
		fail "story: $1: $why"
	else
		grep -m 1 'splat: ' "$LOG" | sed 's/^/    /' >&2 || true
		pass "story: $1"
	fi
}

output KERNEL "$REPO/scripts/kernel.sh" debug
KERNEL=${KERNEL##*$'\n'}
story late_timer
story invented_tag

results stories
