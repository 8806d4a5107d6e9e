#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Install this tree into the user's own kernel tree, or take it out again:
#
#	own-tree.sh install|uninstall
#
# KERNEL_SRC is the tree, and PATCHES selects the patches.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
case ${1:-} in install | uninstall) ;; *) die -2 "usage: own-tree.sh install|uninstall" ;; esac
[[ $KERNEL_SRC ]] || die -2 "KERNEL_SRC= is not set. Want your own tree of Linux $RELEASE"
for part in base tree series; do
	[[ $KERNEL_SRC/ != "$CACHE/$part"/* ]] ||
		die -2 "KERNEL_SRC=$KERNEL_SRC: is in the cache, and builds use it. Copy it first"
done

lock -x "$CACHE/run/own-tree.lock" "another make changes a tree"
args=(--base "$KERNEL_SRC")
[[ $1 == uninstall ]] || args+=(--patches "$PATCHES")
run python3 "$REPO/scripts/own_tree.py" "$1" "${args[@]}" || exit
if [[ $1 == install ]]; then
	say "Set CONFIG_RUST=y, CONFIG_CONFIGFS_FS=y and CONFIG_BLK_DEV_RUST_NULL=m, and build."
	say "To take it out again: make uninstall-tree KERNEL_SRC=$KERNEL_SRC"
fi
