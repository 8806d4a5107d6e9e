#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# clean.sh clean: remove builds and logs. clean.sh distclean: remove the whole cache.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings

case ${1:-} in
clean) parts=(tree series mail deb doc out log run) ;;
distclean) parts=(tree series mail deb doc out log run base buildroot extraroot ccache bench) ;;
*) die -2 "usage: clean.sh clean|distclean" ;;
esac

# A build or a guest holds the locks of the directories that it uses.
for file in "$CACHE"/*/*.lock; do
	[[ -e $file ]] || continue
	exec {fd}>>"$file"
	flock -n -x "$fd" || die "${file%.lock} is in use. Wait for the other make, or end it"
done
# CACHE= may name a directory that holds other files, so remove only our own.
for part in "${parts[@]}"; do
	chmod -R u+w "$CACHE/$part" 2>/dev/null || true
	rm -rf "${CACHE:?}/$part"
done
rmdir "$CACHE" 2>/dev/null || true
say "removed from $CACHE: ${parts[*]}"
