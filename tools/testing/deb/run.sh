#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build packages by `make deb' from the lean guest's configuration, install one as a
# Debian machine does, boot what it installed, and remove it.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"
settings

WORK=$(mktemp -d "$CACHE/run/deb.XXXXXX")
at_exit "rm -rf '$WORK'"
LOG=$WORK/log

# on_machine COMMAND...: run it in the build root, as if that were a machine on which
# packages can be installed: /boot, the modules and dpkg's database are of its own.
on_machine() {
	"$REPO/scripts/enter.sh" --mount "$WORK/boot" /boot \
		--mount "$WORK/kernel/lib/modules" /usr/lib/modules \
		--mount "$WORK/dpkg" /var/lib/dpkg "$@"
}

installed() {
	on_machine dpkg --log=/dev/null -i "$IMAGE" || return
	cp "$WORK/boot/vmlinuz-$RELEASE" "$WORK/kernel/bzImage"
	cp "$WORK/boot/config-$RELEASE" "$WORK/kernel/config"
	echo "$RELEASE" > "$WORK/kernel/release"
}

boots() {
	# shellcheck disable=SC2016 # for the guest's shell
	"$REPO/scripts/guest.sh" --kernel "$WORK/kernel" --name deb -- bash -ec '
		[[ $(uname -r) == "$1" ]]
		modprobe rnull_mod nr_devices=2
		dd if=/dev/rnullb1 of=/dev/null bs=1M count=16 iflag=direct
		modprobe -r rnull_mod
		[[ ! -e /dev/rnullb0 ]]' - "$RELEASE"
}

removed() {
	local left
	on_machine dpkg --log=/dev/null -P "linux-image-$RELEASE" || return
	left=$(find "$WORK/boot" "$WORK/kernel/lib/modules" -mindepth 1)
	[[ ! $left ]] || { echo "left: $left"; return 1; }
}

kernel=''
output kernel "$REPO/scripts/kernel.sh" lean
packages=''
output packages env CONFIG="${kernel##*$'\n'}/config" "$REPO/scripts/deb.sh" ||
	die "make deb failed, see above"
IMAGE=$(grep '/linux-image-[^/]*\.deb$' <<< "$packages") || die "no image among: $packages"
RELEASE=$(basename "$IMAGE")
RELEASE=${RELEASE#linux-image-}
RELEASE=${RELEASE%%_*}
need_root
mkdir -p "$WORK/boot" "$WORK/kernel/lib/modules"
cp -a "$(root_dir)/var/lib/dpkg" "$WORK/dpkg"

test_case "dpkg installs $(basename "$IMAGE")" installed
test_case "a guest boots it, and modprobe makes two devices" boots
test_case "dpkg removes all of it" removed

results deb
