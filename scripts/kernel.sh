#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configure and build a kernel and its modules, and publish them in the cache:
#
#	kernel.sh FLAVOUR			print the published directory
#	kernel.sh FLAVOUR --modules		print the paths of rnull's modules in it
#	kernel.sh FLAVOUR --configure		only check that the configuration is possible
#	kernel.sh FLAVOUR --menuconfig		edit the configuration, print the changes
#	kernel.sh FLAVOUR --make ARGUMENT...	only make(1) in the configured work tree
#
# The flavours lean and debug run in a guest of architecture ARCH; native is user-mode
# Linux without modules. A published directory holds the image (bzImage, Image or linux),
# vmlinux, System.map, config, release and lib/modules/. Its name contains a hash of all
# inputs, so an existing directory is used as it is.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	die -2 "usage: kernel.sh lean|debug|native" \
		"[--modules | --configure | --menuconfig | --make ARGUMENT...]"
}

FLAVOUR=${1:-}
ACTION=${2:---publish}
case $FLAVOUR in lean | debug | native) ;; *) usage ;; esac
case $ACTION in --publish | --modules | --configure | --menuconfig | --make) ;; *) usage ;; esac
shift; shift || true
settings
: "${RNULL_STEPS:=5}"
STEPS=$RNULL_STEPS

if [[ $FLAVOUR == native ]]; then
	x86_only
	KERNEL_ARCH=um
	TARGETS=(linux)
	IMAGE=linux
	FRAGMENTS=("$REPO/configs/native.config")
else
	KERNEL_ARCH=$ARCH
	TARGETS=("$ARCH_TARGET" modules)
	IMAGE=$ARCH_IMAGE
	FRAGMENTS=("$REPO"/configs/{base,$ARCH,$FLAVOUR}.config)
fi
[[ $PATCHES != all ]] || FRAGMENTS+=("$REPO/configs/fixes.config")
# A kernel with more options has a build directory of its own, so that building it does not
# make the next build without them start again.
DIRECTORY=$ARCH_PREFIX$FLAVOUR
if [[ $FLAVOUR == debug && ${FULL:-} == 1 ]]; then
	FRAGMENTS+=("$REPO/configs/full.config")
	DIRECTORY+=-full
fi
if [[ $CONFIG_EXTRA ]]; then
	FRAGMENTS+=("$CONFIG_EXTRA")
	extra=$(basename "$CONFIG_EXTRA" .config)
	DIRECTORY+=-${extra//[^A-Za-z0-9_-]/_}
fi

kmake() {
	"$REPO/scripts/enter.sh" make -C "$SOURCE" O="$OBJECTS" ARCH="$KERNEL_ARCH" LLVM=1 \
		CC="ccache clang" --no-print-directory "$@"
}

published() {
	{
		printf '%s\n' "$ARCH" "$FLAVOUR" "$(root_key)" "$(base_key)"
		python3 "$REPO/scripts/overlay.py" key "${BASE_ARGS[@]}" --patches "$PATCHES"
		cat "$REPO"/scripts/{arch,kernel}.sh "${FRAGMENTS[@]}"
	} | hash16
}

# Make .config from the fragments alone, so that earlier configurations have no effect.
# An equal .config is not replaced, because the whole build depends on its time.
configure() {
	local new=$OBJECTS/.config.new
	mkdir -p "$OBJECTS"
	cat "${FRAGMENTS[@]}" > "$OBJECTS/asked.config"
	rm -f "$new"
	run kmake KCONFIG_ALLCONFIG="$OBJECTS/asked.config" KCONFIG_CONFIG="$new" \
		allnoconfig > "$LOG" 2>&1 < /dev/null ||
		fail_log "configuring the $FLAVOUR kernel" "$LOG" "See above."
	lost_options "$new" "${FRAGMENTS[@]}" >&2 ||
		die "Kconfig changed options of the $FLAVOUR kernel." \
			"Fix the fragment, or enable the dependencies of these options"
	[[ $ACTION != --configure ]] || return 0
	cmp -s "$new" "$OBJECTS/.config" && return
	mv "$new" "$OBJECTS/.config"
	BUILD=full
}

# Edit a copy of the configuration, and write the changes to a fragment, which the user
# can pass by CONFIG_EXTRA. The fragments in configs/ stay as they are.
menuconfig() {
	local root changed=$OBJECTS/menu.fragment
	[[ -t 0 && -t 1 ]] || die -2 "menuconfig needs a terminal"
	root=$(extra_dir ncurses)
	[[ -d $root ]] || run "$REPO/scripts/extraroot.sh" ncurses
	cp "$OBJECTS/.config" "$OBJECTS/menu.config"
	"$REPO/scripts/enter.sh" env C_INCLUDE_PATH="$root/usr/include" \
		LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu" \
		LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu" \
		make -C "$SOURCE" O="$OBJECTS" ARCH="$KERNEL_ARCH" LLVM=1 CC="ccache clang" \
		--no-print-directory KCONFIG_CONFIG="$OBJECTS/menu.config" menuconfig ||
		die "menuconfig failed, see above"
	"$REPO/scripts/enter.sh" "$SOURCE/scripts/diffconfig" -m "$OBJECTS/.config" \
		"$OBJECTS/menu.config" > "$changed"
	if [[ -s $changed ]]; then
		cat "$changed"
		say "to build with these changes, call make with CONFIG_EXTRA=$changed"
	else
		say "no changes"
	fi
}

build() {
	local expected
	[[ -e $OBJECTS/vmlinux ]] || BUILD=full
	expected=$(cat "$OBJECTS/lines-$BUILD" 2>/dev/null ||
		echo "${USUAL[$BUILD-$FLAVOUR]}")
	start_build "$OBJECTS"
	progress "$LOG" "$expected" kmake -j"$JOBS" "${TARGETS[@]}" || {
		end_build "$OBJECTS"	# make has removed unfinished files
		first_errors "$LOG"
		fail_log "building the $FLAVOUR kernel" "$LOG" \
			"The first errors are above; the whole log is $LOG"
	}
	wc -l < "$LOG" > "$OBJECTS/lines-$BUILD"
	end_build "$OBJECTS"
	if first_warnings "$LOG"; then
		# Rebuild the code next time, so that the warnings are printed again.
		(cd "$SOURCE" && find "${OUR_CODE[@]}" -name '*.[ch]' -exec touch {} + -o \
			-name '*.rs' -exec touch {} +)
		fail_log "building the $FLAVOUR kernel without warnings" "$LOG" \
			"The first warnings are above; the whole log is $LOG"
	fi
}

publish() {
	local new=$CACHE/out/.new-${OUT##*/} release
	rm -rf "$new"
	mkdir "$new"
	at_exit "rm -rf '$new'"
	release=$(<"$OBJECTS/include/config/kernel.release")
	if [[ ${TARGETS[*]} == *modules* ]]; then
		run kmake INSTALL_MOD_PATH="$new" modules_install >> "$LOG" 2>&1 < /dev/null ||
			fail_log "installing the modules" "$LOG" "The whole log is $LOG"
		rm -f "$new/lib/modules/$release"/{build,source}
	fi
	echo "$release" > "$new/release"
	cp "$OBJECTS/$IMAGE" "$OBJECTS/vmlinux" "$OBJECTS/System.map" "$new"
	cp "$OBJECTS/.config" "$new/config"
	mv "$new" "$OUT"
	prune "${OUT%-*}-*" 6
}

# Estimated lines of a build's log, for the progress of the first build of each kind.
declare -A USUAL=([full-lean]=1100 [full-debug]=1300 [full-native]=700
	[again-lean]=60 [again-debug]=60 [again-native]=60)
BUILD=again

# If the published directory exists, mark it as used, and print the result of ACTION.
found() {
	[[ -d $OUT ]] || return
	touch "$OUT"
	if [[ $ACTION == --modules ]]; then
		find "$OUT/lib/modules" -name 'rnull*.ko'
	else
		printf '%s\n' "$OUT"
	fi
}

step "build root"
need_root
step "kernel source"
need_base
KEY=$(published)
OUT=$CACHE/out/$ARCH_PREFIX$FLAVOUR-$KEY
case $ACTION in --publish | --modules)
	if found; then
		say "      the $FLAVOUR kernel is up to date"
		exit 0
	fi
esac
step "work tree"
need_tree
OBJECTS=$TREE/$DIRECTORY
LOG=$OBJECTS/build.log
step "configure the $FLAVOUR kernel"
configure
case $ACTION in
--configure)
	exit 0 ;;
--menuconfig)
	menuconfig
	exit 0 ;;
--make)
	run kmake "$@" < /dev/null
	exit 0 ;;
esac
# Another call may have published it while this one waited for the work tree.
found && exit 0
step "build the $FLAVOUR kernel with $JOBS jobs"
build
publish
found
