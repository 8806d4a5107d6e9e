#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make herd7's root, once: a tree in the cache with herd7 and the libraries that
# it needs, unpacked and not installed. The release that the build root is made
# of has no herd7, and the build root's C library is too old for a later one.
# The key of this root is this file's hash, so that a change here makes a new
# one.

# buildroot.sh knows this machine's mirror, and how to get what makes a root. It
# makes the build root if it is not there.
# shellcheck source=scripts/buildroot.sh
. "$(dirname "${BASH_SOURCE[0]}")/buildroot.sh"

HERD_SUITE=forky
HERD_PACKAGE=herdtools7
# Of the package, this is what herd7 needs.
HERD_FILES=(./usr/bin/herd7 ./usr/lib ./usr/lib64 ./usr/share/herdtools7/herd)

# unpack DIRECTORY URI KEYRING. A release that is not stable yet is valid for a
# week only, and a mirror may lag behind by more.
unpack() {
	local proxy mode=root args=()
	for proxy in http https; do
		args+=(--aptopt="$(apt-config dump --format '%f "%v";%n' \
			"Acquire::$proxy::Proxy" 2>/dev/null || true)")
		[[ ${args[-1]} != --aptopt= ]] || unset 'args[-1]'
	done
	(( EUID == 0 )) || mode=unshare
	TMPDIR=/var/tmp mmdebstrap --mode=$mode --variant=extract --format=tar \
		--architectures=amd64 --include="$HERD_PACKAGE" \
		--aptopt='Acquire::Check-Valid-Until "false";' "${args[@]}" \
		"$HERD_SUITE" - "deb [signed-by=$3] $2 $HERD_SUITE main" |
		tar -x -p -C "$1" --no-same-owner "${HERD_FILES[@]}"
}

make_herd_root() {
	local new=$1 log=$CACHE/log/herdroot.log uri keyring advice
	uri=$(mirror)
	[[ $uri ]] || die "no Debian mirror found in /etc/apt/sources.list or" \
		"/etc/apt/sources.list.d. Add this machine's mirror there"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[[ -r $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
	rm -rf "$new"
	mkdir "$new"
	at_exit "rm -rf '$new'"
	progress "$log" 0 unpack "$new" "$uri" "$keyring" && return
	advice="Check the network and that this mirror carries $HERD_SUITE, then call again."
	if grep -q "Unable to locate package $HERD_PACKAGE" "$log"; then
		advice="$HERD_SUITE has no $HERD_PACKAGE on this mirror."
	elif grep -q "does not have a Release file" "$log"; then
		advice="This mirror has no $HERD_SUITE."
	fi
	[[ $advice == Check* ]] ||
		advice+=" Set HERD_SUITE in scripts/herdroot.sh to a release that has $HERD_PACKAGE."
	fail_log "making herd7's root from $uri" "$log" "$advice"
}

herd=$(herd_dir)
new=$CACHE/herdroot/.new-${herd##*/}
if [[ ! -d $herd ]]; then
	host_tools
	user_can
	lock -x "$herd.lock" "another call makes herd7's root"
	if [[ ! -d $herd ]]; then
		say "      making herd7's root (once; about twenty seconds)"
		make_herd_root "$new"
		mv "$new" "$herd"
		prune "$CACHE/herdroot/*" 2
	fi
fi
