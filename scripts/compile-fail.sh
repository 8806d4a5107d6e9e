#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove that wrong uses of the block abstractions do not compile:
#
#	compile-fail.sh [PATTERN]	only the cases whose names have PATTERN in them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only

LOG=$CACHE/log/compile-fail.log

say "compile-fail: building the kernel crate for the cases"
progress "$LOG" 0 env CONFIG_EXTRA= "$REPO/scripts/kernel.sh" lean --make -j"$JOBS" rust/kernel.o \
	drivers/block/rnull/ || {
	first_errors "$LOG"
	fail_log "building the kernel crate and the driver" "$LOG" "The whole log is $LOG"
}
need_root
need_base
need_tree
run "$REPO/scripts/enter.sh" "$REPO/tools/testing/compile-fail/run.py" "$TREE/lean" "$@"
