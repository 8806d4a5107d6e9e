#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Write rust-project.json, from which rust-analyzer knows the crates, to this clone. The
# kernel's own target makes it for the work tree, rust_project.py changes it for the clone.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
export RNULL_STEPS=5
LOG=$CACHE/log/rust-analyzer.log

# rust-analyzer loads the built macros and reads the generated bindings. The debug kernel
# has all options of the driver.
describe() {
	local make=(env FULL= CONFIG_EXTRA= "$REPO/scripts/kernel.sh" debug --make)
	"${make[@]}" -j"$JOBS" rust/kernel.o && "${make[@]}" rust-analyzer
}
run describe > "$LOG" < /dev/null ||
	fail_log "making rust-project.json for the work tree" "$LOG" "The whole log is $LOG"
need_root
need_base
need_tree
new=$REPO/rust-project.json.new
at_exit "rm -f '$new'"
python3 -B "$REPO/scripts/rust_project.py" "$(root_dir)" "$SOURCE" "$TREE/view" \
	< "$TREE/debug/rust-project.json" > "$new"
mv "$new" "$REPO/rust-project.json"
say "      open $REPO in an editor with rust-analyzer"
say "      files of the kernel crate are links in $TREE/view: an edit there is one here"
printf '%s\n' "$REPO/rust-project.json"
