#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two stories of C block drivers with a mistake (drivers/block/tests): a timer that
# nobody cancelled, and a tag that the device made up. In a guest of its own,
# each has to end with wrong data and with a complaint of the kernel's. That is
# what the Rust abstractions are for, and it shows that the tests of the same
# mistakes in Rust, test_abuse_*.sh, would notice.
#
#	run.sh [PATTERN]	only the stories whose names have PATTERN in them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"
settings

PATTERN=${1:-}
PASSED=0
FAILED=0
KERNEL=
LOG=$(mktemp "$CACHE/run/stories.XXXXXX")
at_exit "rm -f '$LOG'"

# story NAME: 2 is a complaint, 4 is a crash; a crash keeps the program from
# ending, not from saying what it has seen.
story() {
	local status=0 why=''
	[[ $1 == *"$PATTERN"* ]] || return 0
	run "$REPO/scripts/guest.sh" --kernel "$KERNEL" --name "story-$1" --timeout 120 \
		--share "$REPO/tools/testing/stories=stories" -- \
		"/run/rnull/stories/story.py" "$1" > "$LOG" 2>&1 < /dev/null || status=$?
	if (( status != 2 && status != 4 )); then
		why="the guest's verdict is $status, want 2 or 4"
	elif ! grep -q '^control: carried out$' "$LOG"; then
		why="the control went wrong"
	elif ! grep -q '^story: reported as done, and never carried out$' "$LOG"; then
		why="no wrong data"
	fi
	if [[ $why ]]; then
		sed 's/^/    /' "$LOG" >&2
		say "not ok - story: $1: $why"
		FAILED=$(( FAILED + 1 ))
	else
		grep -m 1 'splat: ' "$LOG" | sed 's/^/    /' >&2 || true
		say "ok - story: $1"
		PASSED=$(( PASSED + 1 ))
	fi
}

output KERNEL "$REPO/scripts/kernel.sh" debug
KERNEL=${KERNEL##*$'\n'}
story late_timer
story invented_tag

say "stories: $PASSED passed, $FAILED failed"
[[ ! ${RNULL_COUNTS:-} ]] || echo "$PASSED $FAILED" > "$RNULL_COUNTS"
(( FAILED == 0 && PASSED > 0 ))
