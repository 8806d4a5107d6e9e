#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Build Debian packages of a kernel with rnull as a module, by the kernel's own
# bindeb-pkg, and print their names:
#
#	CONFIG=FILE deb.sh
#
# FILE is a whole .config. Without CONFIG, it is the running kernel's, reduced to the
# modules that are loaded (localmodconfig); if that cannot be read, the lean guest's.
# configs/deb.config is added to it. The packages are in CACHE/deb.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
: "${CONFIG:=}"
STEPS=5
DEB=$CACHE/deb
LOG=$CACHE/log/deb.log
NEEDED=$REPO/configs/deb.config

if [[ $CONFIG ]]; then
	[[ -f $CONFIG && -r $CONFIG ]] || die -2 "CONFIG=$CONFIG: no such file"
	CONFIG=$(realpath "$CONFIG")
fi

# The name of the packages' kernel ends in -rnull, so they replace no other. debhelper is
# there, but not as an installed package, for which dpkg-buildpackage looks.
kmake() {
	"$REPO/scripts/enter.sh" --with deb env \
		DEB_BUILD_PROFILES="pkg.linux-upstream.nokerneldbg" \
		make -C "$SOURCE" O="$OBJECTS" ARCH=x86_64 LLVM=1 CC="ccache clang" \
		LOCALVERSION=-rnull DPKG_FLAGS=-d --no-print-directory "$@"
}

# running FILE: write the running kernel's configuration to it.
running() {
	{
		gzip -dc /proc/config.gz || cat "/boot/config-$(uname -r)"
	} > "$1" 2>/dev/null
}

# configure: write .config from what CONFIG names, and from NEEDED, which comes last and so
# counts. The certificates of a distribution's configuration are not here.
configure() {
	local target=olddefconfig
	if [[ $CONFIG ]]; then
		cp "$CONFIG" "$OBJECTS/.config"
	elif running "$OBJECTS/.config"; then
		say "      from the running kernel, only with the modules that are loaded now"
		cat /proc/modules > "$OBJECTS/lsmod"
		kmake LSMOD="$OBJECTS/lsmod" localmodconfig < <(yes '') 2>&1 || return
	else
		say "      the running kernel's cannot be read, so the lean guest's is taken. That" \
			"kernel boots in QEMU only; CONFIG= names another"
		cat "$REPO"/configs/{base,x86_64,lean}.config > "$OBJECTS/.config"
		target=allnoconfig
	fi
	sed -Ei 's/^(CONFIG_SYSTEM_(TRUSTED|REVOCATION)_KEYS)=.*/\1=""/' "$OBJECTS/.config"
	cat "$NEEDED" >> "$OBJECTS/.config"
	cp "$OBJECTS/.config" "$OBJECTS/asked.config"
	kmake KCONFIG_ALLCONFIG="$OBJECTS/asked.config" $target 2>&1
}

step "build root"
need_root
step "kernel source"
need_base
step "work tree"
need_tree
OBJECTS=$TREE/deb/build
mkdir -p "$OBJECTS"
[[ -d $(extra_dir deb) ]] || run "$REPO/scripts/extraroot.sh" deb

step "configure the kernel"
run configure > "$LOG" < /dev/null ||
	fail_log "configuring the kernel" "$LOG" "Is CONFIG= a whole configuration of a kernel?"
lost_options "$OBJECTS/.config" "$NEEDED" >&2 ||
	die "Kconfig changed options that the driver needs. Enable their dependencies in" \
		"the configuration: ${CONFIG:-see $OBJECTS/asked.config}"

step "build the packages with $JOBS jobs"
rm -f "$TREE"/deb/*.*
start_build "$OBJECTS"
progress "$LOG" 0 kmake -j"$JOBS" bindeb-pkg || {
	end_build "$OBJECTS"	# make has removed unfinished files
	first_errors "$LOG"
	fail_log "building the packages" "$LOG" "The first errors are above; the whole log is $LOG"
}
end_build "$OBJECTS"
rm -rf "${DEB:?}"
mkdir "$DEB"
mv "$TREE"/deb/*.deb "$DEB"
printf '%s\n' "$DEB"/*.deb
