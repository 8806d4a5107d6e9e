#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make an extra root in the cache, unless it exists. It holds files that only few targets
# need, unpacked from packages without installing these:
#
#	extraroot.sh arm64	the programs that arm64 guests run: their root file system
#	extraroot.sh backports	a whole build root with the newest compilers
#	extraroot.sh deb	debhelper, for packages of a kernel
#	extraroot.sh doc	Sphinx, for the pages under Documentation/
#	extraroot.sh elf	pyelftools and capstone, for tools/testing/bench/path.py
#	extraroot.sh herd	herd7 and its libraries. The release of the build root has
#				no herd7, and its C library is too old for that of a later
#				release
#	extraroot.sh ncurses	the headers and libraries of menuconfig
#	extraroot.sh qemu-arm	QEMU for arm64. Its libraries are in the build root, because
#				QEMU for x86-64 needs the same ones
#
# The key of an extra root is the hash of this file, so a change here makes new roots. A
# change of the build root would rebuild everything.

TOOLCHAIN=trixie
# buildroot.sh has the functions that find this machine's mirror and the tools. Sourcing
# it makes the build root, unless it exists.
# shellcheck source=scripts/buildroot.sh
. "$(dirname "${BASH_SOURCE[0]}")/buildroot.sh"

# Only FILES of the packages are unpacked; they may be patterns.
NAME=${1:-}
EXTRA_ARCH=amd64
case $NAME in
arm64)
	EXTRA_SUITE=$SUITE
	EXTRA_ARCH=arm64
	GUEST_PACKAGES=(
		base-files base-passwd bash bsdutils coreutils dash debianutils diffutils
		findutils grep gzip hostname libc-bin mawk ncurses-base sed tar
		python3 kmod busybox-static fio mount udev procps util-linux iproute2
		e2fsprogs xfsprogs btrfs-progs f2fs-tools zonefs-tools zbd-utils mdadm dmsetup
		nvme-cli trace-cmd
	)
	EXTRA_PACKAGES=$(IFS=,; echo "${GUEST_PACKAGES[*]}")
	FILES=(--exclude='./dev/*' --exclude=./usr/share/{doc,fonts,icons,locale,man} .) ;;
backports)
	EXTRA_SUITE=$SUITE-backports ;;
deb)
	EXTRA_SUITE=$SUITE
	EXTRA_PACKAGES=debhelper
	FILES=('./usr/bin/dh_*' ./usr/share/perl5 ./usr/share/debhelper) ;;
doc)
	EXTRA_SUITE=$SUITE
	EXTRA_PACKAGES=python3-sphinx,python3-yaml
	FILES=(./usr/bin/sphinx-build ./usr/lib/python3/dist-packages ./usr/share/sphinx
		./usr/share/docutils) ;;
elf)
	EXTRA_SUITE=$SUITE
	EXTRA_PACKAGES=python3-capstone,python3-pyelftools
	FILES=(./usr/lib/python3/dist-packages ./usr/lib/x86_64-linux-gnu/libcapstone.so.5) ;;
herd)
	EXTRA_SUITE=forky
	EXTRA_PACKAGES=herdtools7
	FILES=(./usr/bin/herd7 ./usr/lib ./usr/lib64 ./usr/share/herdtools7/herd) ;;
ncurses)
	EXTRA_SUITE=$SUITE
	EXTRA_PACKAGES=libncurses-dev
	FILES=(./usr/include ./usr/lib) ;;
qemu-arm)
	EXTRA_SUITE=$SUITE
	EXTRA_PACKAGES=qemu-system-arm
	FILES=(./usr/bin/qemu-system-aarch64) ;;
*)
	die -2 "usage: extraroot.sh arm64|backports|deb|doc|elf|herd|ncurses|qemu-arm" ;;
esac

# unpack DIRECTORY URI KEYRING. The index of a release that is not stable yet is valid
# for a week, but a mirror may be older, so the date is not checked.
unpack() {
	local proxy mode=root args=()
	for proxy in http https; do
		args+=(--aptopt="$(apt-config dump --format '%f "%v";%n' \
			"Acquire::$proxy::Proxy" 2>/dev/null || true)")
		[[ ${args[-1]} != --aptopt= ]] || unset 'args[-1]'
	done
	(( EUID == 0 )) || mode=unshare
	TMPDIR=/var/tmp mmdebstrap --mode=$mode --variant=extract --format=tar \
		--architectures="$EXTRA_ARCH" --include="$EXTRA_PACKAGES" \
		--aptopt='Acquire::Check-Valid-Until "false";' "${args[@]}" \
		"$EXTRA_SUITE" - "deb [signed-by=$3] $2 $EXTRA_SUITE main" |
		tar -x -p -C "$1" --no-same-owner --wildcards "${FILES[@]}"
}

# The LLVM that goes with the rustc of backports.
LLVM=22

# newer_root DIRECTORY: make a build root, but with these compilers, under their plain names.
newer_root() {
	local i tool
	for i in "${!PACKAGES[@]}"; do
		case ${PACKAGES[i]} in
		clang | lld | llvm) PACKAGES[i]+=-$LLVM ;;
		rustc | rust-*) PACKAGES[i]+=/$EXTRA_SUITE ;;
		rustfmt) unset "PACKAGES[i]" ;;
		esac
	done
	PACKAGES+=("libclang-$LLVM-dev")
	build "$1"
	for tool in "$1"/usr/bin/*-"$LLVM"; do
		tool=${tool##*/}
		ln -sf "../../bin/$tool" "$1/usr/local/bin/${tool%-"$LLVM"}"
	done
	ln -s "../../lib/llvm-$LLVM/lib" "$1/usr/local/lib/libclang"
}

# guest_files DIRECTORY: what the packages' scripts would have made. They are programs of
# another architecture, so they do not run here.
guest_files() {
	local name
	for name in passwd group; do
		cp "$1/usr/share/base-passwd/$name.master" "$1/etc/$name"
	done
	ln -s mawk "$1/usr/bin/awk"
	ln -s ../proc/self/mounts "$1/etc/mtab"
	mkdir -p "$1/mnt" "$1/usr/lib/modules"
	guest_init > "$1/rnull-init"
	chmod 755 "$1/rnull-init"
	# The root is read-only, so python could not keep what it compiles. The build root has
	# the same release of python.
	run "$REPO/scripts/enter.sh" python3 -m compileall -q -s "$1" \
		--invalidation-mode unchecked-hash "$1"/usr/lib/python3*
}

make_extra_root() {
	local new=$1 log=$CACHE/log/extraroot-$NAME.log uri keyring advice
	uri=$(mirror)
	[[ $uri ]] || die "no Debian mirror found in /etc/apt/sources.list or" \
		"/etc/apt/sources.list.d. Add this machine's mirror there"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[[ -r $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
	rm -rf "$new"
	mkdir "$new"
	at_exit "rm -rf '$new'"
	if [[ $NAME == backports ]]; then
		newer_root "$new"
		return
	fi
	if progress "$log" 0 unpack "$new" "$uri" "$keyring"; then
		[[ $NAME != arm64 ]] || guest_files "$new"
		return
	fi
	advice="Check the network and that this mirror carries $EXTRA_SUITE, then call again."
	if grep -qE "Unable to locate package (${EXTRA_PACKAGES//,/|})" "$log"; then
		advice="$EXTRA_SUITE has no $EXTRA_PACKAGES on this mirror."
	elif grep -q "does not have a Release file" "$log"; then
		advice="This mirror has no $EXTRA_SUITE."
	fi
	[[ $advice == Check* ]] ||
		advice+=" Set EXTRA_SUITE in scripts/extraroot.sh to a release that has $EXTRA_PACKAGES."
	fail_log "making the root $NAME from $uri" "$log" "$advice"
}

root=$(extra_dir "$NAME")
new=$CACHE/extraroot/.new-${root##*/}
if [[ ! -d $root ]]; then
	host_tools
	user_can
	lock -x "$root.lock" "another call makes this root"
	if [[ ! -d $root ]]; then
		say "      making the root $NAME (once; less than two minutes)"
		make_extra_root "$new"
		mv "$new" "$root"
		prune "$CACHE/extraroot/$NAME-*" 2
	fi
fi
