#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build the documents in CACHE/doc, and say where to open them:
#
#	rust/	rustdoc of the kernel's crates with ours among them, of the driver with its
#		private items, and of the sample drivers, with links to each other
#	html/	the pages under Documentation/block, by the kernel's Sphinx
#
# Each counts as one test, which fails if there is a warning.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
export RNULL_STEPS=7
STEPS=$RNULL_STEPS
DOC=$CACHE/doc
LOG=$CACHE/log/doc

# The debug kernel has all options of the driver, and the samples.
progress "$LOG-build.log" 0 env FULL= CONFIG_EXTRA= "$REPO/scripts/kernel.sh" debug --make \
	-j"$JOBS" rust/kernel.o drivers/block/rnull/ samples/rust/ ||
	fail_log "building the driver and the samples" "$LOG-build.log" \
		"The whole log is $LOG-build.log"
need_root
need_base
need_tree
[[ -d $(extra_dir doc) ]] || run "$REPO/scripts/extraroot.sh" doc
mapfile -t RUST < <(cd "$REPO" && git ls-files -co --exclude-standard -- '*.rs')
rm -rf "$DOC"
mkdir "$DOC"

kmake() {
	"$REPO/scripts/enter.sh" --with doc make -C "$SOURCE" O="$TREE/debug" ARCH=x86_64 \
		LLVM=1 --no-print-directory "$@"
}

rust() {
	local module
	kmake -j"$JOBS" rustdoc rustdoc_output="$DOC/rust" || return
	for module in drivers/block/rnull/rnull samples/rust/rust_blk_{minimal,ram}; do
		"$REPO/scripts/enter.sh" "$REPO/scripts/rust_lint.py" rustdoc --output "$DOC/rust" \
			"$TREE/debug" "$module.o" "${RUST[@]}" || return
	done
}

pages() { kmake htmldocs SPHINXDIRS=block BUILDDIR="$DOC/html"; }

# document NAME INDEX: build the documents NAME, of which INDEX is the first page.
document() {
	local log=$LOG-$1.log page=$DOC/$2
	if ! progress "$log" 0 "$1"; then
		tail -n 40 "$log" | sed 's/^/    /' >&2
		fail "$1: could not be built, the whole log is $log"
	# No page of ours has a graph.
	elif grep -v 'dot(1) not found' "$log" | grep -iw warning -A 2 >&2; then
		fail "$1: there are warnings, the whole log is $log"
	elif [[ ! -f $page ]]; then
		fail "$1: there is no $page"
	else
		pass "$1: open $page"
	fi
}

STEP=5
step "rustdoc"
document rust rust/kernel/block/mq/index.html
step "the pages under Documentation/block"
document pages html/block/index.html
results doc
