#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove that each folder of patches/ applies to the base, after the folders that it
# builds on, and that it builds:
#
#	series-check.sh [FOLDER...]	default: all folders
#	series-check.sh --steps [SERIES...]
#
# Each patch is one test. After each patch, the C files that it touches are compiled. If
# a folder touches Rust, rust/ and the folder's targets are built after its last patch.
# FULL=1 builds all targets of the folder after each patch: with Rust, and if the patch
# touches C or is the last one, also without Rust. Patches of user-mode Linux are built
# without Rust only. A state is not built again if it was built from the same sources
# with the same tools.
#
# With --steps, build with Rust after each step of patches/steps.toml. FULL=1 does that,
# too.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
OUR_CODE+=(arch/um fs/configfs lib)

need_root
need_base
TREE=$CACHE/series/$(base_key)
SOURCE=$TREE/src
mkdir -p "$TREE/passed"
lock -x "$TREE.lock" "another call builds patches in $TREE"
touch "$TREE"
prune "$CACHE/series/*" 2

# use KIND: select a build directory: rust, c (without Rust) or um (user-mode Linux).
use() {
	OBJECTS=$TREE/$1
	LOG=$OBJECTS/build.log
	KERNEL_ARCH=x86_64
	FRAGMENTS=("$REPO"/configs/{base,x86_64,series}.config)
	case $1 in
	c) FRAGMENTS+=("$REPO/configs/no-rust.config") ;;
	um)
		KERNEL_ARCH=um
		FRAGMENTS=("$REPO/configs/native.config" "$REPO/configs/no-rust.config") ;;
	esac
	mkdir -p "$OBJECTS"
}

kmake() {
	"$REPO/scripts/enter.sh" make -C "$SOURCE" O="$OBJECTS" ARCH="$KERNEL_ARCH" LLVM=1 \
		CC="ccache clang" --no-print-directory "$@" < /dev/null
}

configure() {
	cat "${FRAGMENTS[@]}" > "$OBJECTS/asked.config"
	kmake KCONFIG_ALLCONFIG="$OBJECTS/asked.config" KCONFIG_CONFIG="$OBJECTS/.config.new" \
		allnoconfig > "$LOG" 2>&1 || return
	cmp -s "$OBJECTS/.config.new" "$OBJECTS/.config" ||
		mv "$OBJECTS/.config.new" "$OBJECTS/.config"
}

# build KIND TARGET...: build the current state, unless it was built before.
build() {
	local key
	use "$1"
	key=$({
		printf '%s\n' "$STATE" "$(root_key)" "$(base_key)" "$@"
		declare -f kmake configure
		cat "${FRAGMENTS[@]}"
	} | hash16)
	if [[ -e $TREE/passed/$key ]]; then
		touch "$TREE/passed/$key"
		return
	fi
	if [[ ! $LAID ]]; then
		run python3 "$REPO/scripts/${TOOL[0]}" lay "${TOOL[@]:1}" "${BASE_ARGS[@]}" \
			--tree "$TREE" 2> "$LOG" || { cat "$LOG" >&2; return 1; }
		LAID=1
	fi
	start_build "$OBJECTS"
	{ run configure && run kmake -j"$JOBS" "${@:2}" > "$LOG" 2>&1; } || {
		end_build "$OBJECTS"
		first_errors "$LOG"
		say "      the whole log is $LOG"
		return 1
	}
	end_build "$OBJECTS"
	! first_warnings "$LOG" || return 1
	touch "$TREE/passed/$key"
}

# targets_of TOUCHED: print the objects of the touched C files, without those in rust/,
# which are built as a whole.
targets_of() {
	tr , '\n' <<< "$1" | sed -n '/^rust\//d; s/\.c$/.o/p'
}

# key_state: begin with the state that TOOL lays.
key_state() {
	LAID=
	STATE=$(python3 "$REPO/scripts/${TOOL[0]}" key "${TOOL[@]:1}" "${BASE_ARGS[@]}")
}

# prove_step SERIES BUILDS NUMBER: test one step.
prove_step() {
	local parts
	TOOL=(mail.py "$1" --upto "$3")
	key_state || return
	IFS=, read -ra parts <<< "$2"
	build rust rust/ "${parts[@]}"
}

# prove FOLDER BUILDS NUMBER NAME TOUCHED LAST: test one patch.
prove() {
	local parts targets
	TOOL=(overlay.py --folder "$1" --upto "$3")
	key_state || return
	IFS=, read -ra parts <<< "$2"
	mapfile -t targets < <(targets_of "$5")
	if [[ $2 == arch/um/* ]]; then
		[[ ${FULL:-} != 1 ]] || targets=("${parts[@]}")
		build um "${targets[@]}"
	elif [[ ${FULL:-} == 1 ]]; then
		[[ ! ${targets[*]}$6 ]] || build c "${parts[@]}" || return
		build rust "${parts[@]}"
	else
		[[ ! ${targets[*]} ]] || build c "${targets[@]}" || return
		[[ ! $6 || $RUST_TOUCHED != *rust/* ]] || build rust rust/ "${parts[@]}"
	fi
}

STEPS_ONLY=
[[ ${1:-} != --steps ]] || { STEPS_ONLY=1; shift; }
LINES=()
if [[ ! $STEPS_ONLY ]]; then
	output PLAN python3 "$REPO/scripts/series.py" plan "$@" || exit 1
	[[ $PLAN ]] || die -2 "$*: no such folder in patches/series.toml"
	mapfile -t LINES <<< "$PLAN"
fi
RUST_TOUCHED=
for i in "${!LINES[@]}"; do
	read -r folder builds number name touched <<< "${LINES[i]}"
	(( number > 1 )) || RUST_TOUCHED=
	RUST_TOUCHED+=$touched
	last=
	[[ ${LINES[i + 1]:-} == "$folder "* ]] || last=1
	from=$SECONDS
	if prove "$folder" "$builds" "$number" "$name" "$touched" "$last"; then
		pass "$folder/$name ($(elapsed $(( SECONDS - from ))))"
	else
		fail "$folder/$name: does not apply to the base or does not build"
	fi
done
if [[ $STEPS_ONLY || ( ${FULL:-} == 1 && ! $* ) ]]; then
	output PLAN python3 "$REPO/scripts/mail.py" plan || exit 1
	while read -r series builds number title; do
		[[ ! $* || " $* " == *" $series "* ]] || continue
		from=$SECONDS
		if prove_step "$series" "$builds" "$number"; then
			pass "$series $number: $title ($(elapsed $(( SECONDS - from ))))"
		else
			fail "$series $number: $title: does not build"
		fi
	done <<< "$PLAN"
fi
find "$TREE/passed" -type f -mtime +30 -delete

results series-check
