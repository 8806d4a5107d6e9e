#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configure and build a kernel and its modules, and publish them in the cache:
#
#	kernel.sh FLAVOUR			and print the directory
#	kernel.sh FLAVOUR --modules		and print rnull's modules in it
#	kernel.sh FLAVOUR --configure		only see whether the configuration holds
#	kernel.sh FLAVOUR --menuconfig		change it, and print what changed
#	kernel.sh FLAVOUR --make ARGUMENT...	make(1) in the configured work tree
#
# A flavour is lean or debug, for a guest, or native, which is user-mode Linux
# without modules. A published directory holds bzImage or linux, vmlinux,
# System.map, config, release and lib/modules/. Its key covers all it was made
# from: if it exists, it is used.

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
	KERNEL_ARCH=um
	TARGETS=(linux)
	IMAGE=linux
	FRAGMENTS=("$REPO/configs/native.config")
else
	KERNEL_ARCH=x86_64
	TARGETS=(bzImage modules)
	IMAGE=arch/x86/boot/bzImage
	FRAGMENTS=("$REPO/configs/base.config" "$REPO/configs/$FLAVOUR.config")
	[[ $FLAVOUR != debug || ${FULL:-} != 1 ]] || FRAGMENTS+=("$REPO/configs/full.config")
fi
[[ $PATCHES != all ]] || FRAGMENTS+=("$REPO/configs/fixes.config")
[[ ! $CONFIG_EXTRA ]] || FRAGMENTS+=("$CONFIG_EXTRA")

kmake() {
	"$REPO/scripts/enter.sh" make -C "$SOURCE" O="$OBJECTS" ARCH=$KERNEL_ARCH LLVM=1 \
		CC="ccache clang" --no-print-directory "$@"
}

published() {
	{
		printf '%s\n' "$FLAVOUR" "$(root_key)" "$(base_key)"
		python3 "$REPO/scripts/overlay.py" key "${BASE_ARGS[@]}" --patches "$PATCHES"
		cat "$REPO/scripts/kernel.sh" "${FRAGMENTS[@]}"
	} | hash16
}

# Each option asked for must be in the result: Kconfig drops silently what has
# an unmet dependency, or a name that is gone. A later fragment wins.
check_config() {
	awk '
	function name(line) { sub(/^# /, "", line); sub(/[ =].*/, "", line); return line }
	/^CONFIG_[A-Za-z0-9_]+=/ { value = substr($0, index($0, "=") + 1) }
	/^# CONFIG_[A-Za-z0-9_]+ is not set/ { value = "n" }
	!/^(# )?CONFIG_[A-Za-z0-9_]+(=| is not set)/ { next }
	FILENAME == ARGV[ARGC - 1] { got[name($0)] = value; next }
	{ if (!(name($0) in want)) order[++n] = name($0); want[name($0)] = value
	  from[name($0)] = FILENAME }
	END {
		for (i = 1; i <= n; i++) {
			o = order[i]
			have = (o in got) ? got[o] : "n"
			if (have == want[o]) continue
			printf "asked %s=%s (%s), got %s\n", o, want[o], from[o], have
			bad = 1
		}
		exit bad
	}' "${FRAGMENTS[@]}" "$1"
}

# Always anew from the fragments, so that no history shows; but .config is
# replaced only by a different one, since all of the build looks at it.
configure() {
	local new=$OBJECTS/.config.new
	mkdir -p "$OBJECTS"
	cat "${FRAGMENTS[@]}" > "$OBJECTS/asked.config"
	rm -f "$new"
	run kmake KCONFIG_ALLCONFIG="$OBJECTS/asked.config" KCONFIG_CONFIG="$new" \
		allnoconfig > "$LOG" 2>&1 < /dev/null ||
		fail_log "configuring the $FLAVOUR kernel" "$LOG" "See above."
	check_config "$new" > "$OBJECTS/lost" || {
		cat "$OBJECTS/lost" >&2
		die "the $FLAVOUR kernel's configuration lost options." \
			"Mend the fragment, or what the option depends on"
	}
	[[ $ACTION != --configure ]] || return 0
	cmp -s "$new" "$OBJECTS/.config" && return
	mv "$new" "$OBJECTS/.config"
	BUILD=full
}

# What is changed is not kept: the configuration is made of fragments, and what it prints
# is one more of them.
menuconfig() {
	local root changed=$OBJECTS/menu.fragment
	[[ -t 0 && -t 1 ]] || die -2 "menuconfig needs a terminal"
	root=$(extra_dir ncurses)
	[[ -d $root ]] || run "$REPO/scripts/extraroot.sh" ncurses
	cp "$OBJECTS/.config" "$OBJECTS/menu.config"
	"$REPO/scripts/enter.sh" env C_INCLUDE_PATH="$root/usr/include" \
		LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu" \
		LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu" \
		make -C "$SOURCE" O="$OBJECTS" ARCH=$KERNEL_ARCH LLVM=1 CC="ccache clang" \
		--no-print-directory KCONFIG_CONFIG="$OBJECTS/menu.config" menuconfig ||
		die "menuconfig failed. What it said is above"
	"$REPO/scripts/enter.sh" "$SOURCE/scripts/diffconfig" -m "$OBJECTS/.config" \
		"$OBJECTS/menu.config" > "$changed"
	if [[ -s $changed ]]; then
		cat "$changed"
		say "to build with these, call make with CONFIG_EXTRA=$changed"
	else
		say "nothing was changed"
	fi
}

build() {
	local expected
	[[ -e $OBJECTS/vmlinux ]] || BUILD=full
	expected=$(cat "$OBJECTS/lines-$BUILD" 2>/dev/null ||
		echo "${USUAL[$BUILD-$FLAVOUR]}")
	start_build "$OBJECTS"
	progress "$LOG" "$expected" kmake -j"$JOBS" "${TARGETS[@]}" || {
		end_build "$OBJECTS"	# make has tidied up itself
		first_errors "$LOG"
		fail_log "building the $FLAVOUR kernel" "$LOG" \
			"The first errors are above; the whole log is $LOG"
	}
	wc -l < "$LOG" > "$OBJECTS/lines-$BUILD"
	end_build "$OBJECTS"
	if first_warnings "$LOG"; then
		# Make has built it, and would say nothing the next time.
		(cd "$SOURCE" && find "${OUR_CODE[@]}" -name '*.[ch]' -exec touch {} + -o \
			-name '*.rs' -exec touch {} +)
		fail_log "building the $FLAVOUR kernel without warnings" "$LOG" \
			"The first warnings are above; the whole log is $LOG"
	fi
}

publish() {
	local new=$CACHE/out/.new-$FLAVOUR-$KEY release
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
	prune "$CACHE/out/$FLAVOUR-*" 6
}

# How much a build has to say, until one of its kind has been counted.
declare -A USUAL=([full-lean]=1100 [full-debug]=1300 [full-native]=700
	[again-lean]=60 [again-debug]=60 [again-native]=60)
BUILD=again

# Hold it, if it exists, and print what was asked for.
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
OUT=$CACHE/out/$FLAVOUR-$KEY
case $ACTION in --publish | --modules)
	if found; then
		say "      the $FLAVOUR kernel is up to date"
		exit 0
	fi
esac
step "work tree"
need_tree
OBJECTS=$TREE/$FLAVOUR
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
# Perhaps made by the one that had the work tree before.
found && exit 0
step "build the $FLAVOUR kernel with $JOBS jobs"
build
publish
found
