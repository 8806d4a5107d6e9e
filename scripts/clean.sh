#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# clean.sh clean: remove what was built. clean.sh distclean: the whole cache.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings

case ${1:-} in
clean) parts=(tree series out log run) ;;
distclean) parts=(tree series out log run base buildroot extraroot ccache bench) ;;
*) die -2 "usage: clean.sh clean|distclean" ;;
esac

# Whoever builds or runs a guest holds the lock of what it uses.
for file in "$CACHE"/*/*.lock; do
	[[ -e $file ]] || continue
	exec {fd}>>"$file"
	flock -n -x "$fd" || die "in use: ${file%.lock}. Wait for the other call, or end it"
done
# Only what is ours: CACHE= may name a directory that holds other things.
for part in "${parts[@]}"; do
	chmod -R u+w "$CACHE/$part" 2>/dev/null || true
	rm -rf "${CACHE:?}/$part"
done
rmdir "$CACHE" 2>/dev/null || true
say "removed from $CACHE: ${parts[*]}"
