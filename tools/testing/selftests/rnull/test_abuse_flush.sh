#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Flush requests: the driver keeps references to them, and fails them.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/abuse_lib.sh"

flushes() {
	abuse_load "$1"
	storm rbabuse0 elevator
	verified rbabuse0 --fsync=8
	calm
	happened flushed
}

# The block layer flushes after each of these writes.
forced() {
	abuse_load "inline softirq watch clones"
	verified rbabuse0 --sync=dsync --size=1m
	happened flushed watched
}

# With one flush at a time, the submitter sees each flush fail that the driver fails,
# although references to it are dropped later.
failing() {
	local storm
	abuse_load "$1 fail_flush"
	read -ra storm <<<"$2"
	storm rbabuse0 "${storm[@]}"
	must flush_errors /dev/rbabuse0 200
	calm
	abuse_at_rest
	show_counts
	want "flushes failed" "$RET" "${COUNT[failed]}"
	want "flushes ended" "$((200 - RET))" "${COUNT[flushed]}"
	happened failed flushed
}

# The driver drops references after the end. Without a fix, all but the last drop replace
# the error by a success.
failing_while_kept() {
	needs_fixes block-fixes
	failing "$@"
}

tap_case "flushes" flushes "inline softirq"
tap_case "flushes, references are kept" flushes "inline clones"
tap_case "flushes, timers are not cancelled" flushes "softirq watch clones"
tap_case "flushes, claimed by tag" flushes "park late clones"
tap_case "flushes, references from look-ups are held" flushes "inline batch hold"
tap_case "flushes, owned by timers" flushes "timer clones"
tap_case "flushes, in one timer with other requests" flushes "timer batch together clones"
tap_case "synchronous writes, references are kept" forced
tap_case "failing flushes" failing "inline" ""
tap_case "failing flushes, references are kept" failing_while_kept "inline clones" ""
tap_case "failing flushes, timers are not cancelled" failing_while_kept \
	"softirq park watch clones" ""
tap_case "failing flushes, CPUs go offline and online" failing_while_kept "softirq park clones" \
	"elevator hotplug"
tap_run
