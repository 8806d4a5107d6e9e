# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions for all scripts: settings, messages, the layout of the cache, locks, and
# child processes that never outlive their parent. Sourced, not run.

set -euo pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
PROG=${0##*/}

# ---------------------------------------------------------------- messages
# Messages go to stderr; stdout is for a script's result.

say() { printf '%s\n' "$*" >&2; }

# die [-STATUS] MESSAGE...
die() {
	local status=1
	case $1 in -[0-9]*) status=${1#-}; shift ;; esac
	printf '%s: %s\n' "$PROG" "$*" >&2
	exit "$status"
}

# fail_log WHAT LOG ADVICE: print what failed, the end of its log, and what to do.
fail_log() {
	{
		printf '\n%s: FAILED: %s\n' "$PROG" "$1"
		printf -- '--- the end of %s:\n' "$2"
		tail -n 25 "$2" 2>/dev/null || true
		printf -- '---\n%s\n' "$3"
	} >&2
	exit 1
}

# ---------------------------------------------------------------- settings

RELEASE=7.3			# the kernel that the tree is written for
: "${CACHE:=${XDG_CACHE_HOME:-${HOME:?}/.cache}/rnull}"
: "${JOBS:=$(nproc)}"
: "${SMP:=2}"
: "${MEM:=2048}"
: "${KERNEL_SRC:=}"
: "${CONFIG_EXTRA:=}"
: "${PATCHES:=all}"
: "${TOOLCHAIN:=trixie}"
: "${ARCH:=x86_64}"

# shellcheck source=scripts/arch.sh
. "$REPO/scripts/arch.sh"

positive() {			# NAME VALUE MAX
	if ! [[ $2 =~ ^[1-9][0-9]{0,6}$ ]] || (( $2 > $3 )); then
		die -2 "$1=$2: want a whole number from 1 to $3"
	fi
}

settings() {
	positive JOBS "$JOBS" 1024
	positive SMP "$SMP" 64
	positive MEM "$MEM" 1048576
	(( MEM >= 256 )) || die -2 "MEM=$MEM: a guest needs at least 256 (MiB)"
	arch_settings
	[[ $CACHE == /* ]] || die -2 "CACHE=$CACHE: want an absolute path"
	[[ $CACHE/ != "$REPO"/* ]] || die -2 "CACHE=$CACHE: must be outside the clone"
	if [[ $CONFIG_EXTRA ]]; then
		[[ -f $CONFIG_EXTRA && -r $CONFIG_EXTRA ]] ||
			die -2 "CONFIG_EXTRA=$CONFIG_EXTRA: no such file"
		CONFIG_EXTRA=$(realpath "$CONFIG_EXTRA")
	fi
	case $PATCHES in all | needed) ;; *) die -2 "PATCHES=$PATCHES: want all or needed" ;; esac
	case $TOOLCHAIN in
	trixie | backports) ;;
	*) die -2 "TOOLCHAIN=$TOOLCHAIN: want trixie or backports" ;;
	esac
	if [[ $KERNEL_SRC ]]; then
		local v
		[[ -f $KERNEL_SRC/Kbuild && -f $KERNEL_SRC/rust/kernel/lib.rs ]] ||
			die -2 "KERNEL_SRC=$KERNEL_SRC: not a kernel source tree with Rust"
		KERNEL_SRC=$(realpath "$KERNEL_SRC")
		v=$(kernel_version "$KERNEL_SRC")
		[[ $v == "$RELEASE" || $v == "$RELEASE"[.-]* ]] ||
			die -2 "KERNEL_SRC=$KERNEL_SRC: is Linux $v, want $RELEASE"
	fi
	mkdir -p "$CACHE"/{buildroot,extraroot,base,tree,series,mail,deb,doc,out,log,run,ccache} 2>/dev/null ||
		die -2 "CACHE=$CACHE: cannot create or write it"
	[[ -w $CACHE && -w $CACHE/tree ]] || die -2 "CACHE=$CACHE: cannot be written"
	CACHE=$(realpath "$CACHE")
	export CACHE JOBS SMP MEM KERNEL_SRC CONFIG_EXTRA PATCHES TOOLCHAIN ARCH
}

kernel_version() {		# of the tree $1
	awk -F' *= *' '/^VERSION/ { v = $2 } /^PATCHLEVEL/ { p = $2 }
		/^SUBLEVEL/ { s = $2 } /^EXTRAVERSION/ { e = $2; exit }
		END { print v "." p (s + 0 ? "." s : "") e }' "$1/Makefile"
}

# ---------------------------------------------------------------- keys, paths

hash16() { sha256sum | cut -c1-16; }

# Only buildroot.sh makes the build root, so its hash is the key. The root with the
# compilers of backports is an extra root.
root_key() {
	if [[ $TOOLCHAIN == trixie ]]; then
		hash16 < "$REPO/scripts/buildroot.sh"
	else
		basename "$(extra_dir "$TOOLCHAIN")"
	fi
}
root_dir() {
	if [[ $TOOLCHAIN == trixie ]]; then
		printf '%s/buildroot/%s\n' "$CACHE" "$(root_key)"
	else
		extra_dir "$TOOLCHAIN"
	fi
}
make_root() {
	if [[ $TOOLCHAIN == trixie ]]; then
		"$REPO/scripts/buildroot.sh"
	else
		"$REPO/scripts/extraroot.sh" "$TOOLCHAIN"
	fi
}

# Likewise extraroot.sh and the extra roots.
extra_dir() {
	printf '%s/extraroot/%s-%s\n' "$CACHE" "$1" "$(hash16 < "$REPO/scripts/extraroot.sh")"
}

# The base is the distribution's kernel tree in the cache, or the user's own tree.
base_key() {
	if [[ $KERNEL_SRC ]]; then
		printf '%s-%s\n' "$(kernel_version "$KERNEL_SRC")" \
			"$(printf 'path %s' "$KERNEL_SRC" | hash16)"
	else
		cat "$(root_dir)/rnull-source"
	fi
}

# ---------------------------------------------------------------- children

CHILDREN=()
CLEANUP=()			# commands, run last to first

at_exit() { CLEANUP+=("$1"); }

finish() {
	local status=$? i
	trap '' INT TERM HUP
	trap - EXIT
	for i in "${CHILDREN[@]}"; do kill -TERM -- "-$i" 2>/dev/null || true; done
	for i in "${CHILDREN[@]}"; do wait "$i" 2>/dev/null || true; done
	for (( i = ${#CLEANUP[@]} - 1; i >= 0; i-- )); do
		eval "${CLEANUP[i]}" || true
	done
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# start COMMAND...: run it in the background, in a process group of its own, and set
# CHILD to that group. bash handles a signal at once only while it waits, so run every
# long command by this function.
start() {
	set -m
	"$@" &
	CHILD=$!
	set +m
	CHILDREN+=("$CHILD")
}

# reap PID: wait for it, and return its exit status.
reap() {
	local status=0 i
	wait "$1" || status=$?
	for i in "${!CHILDREN[@]}"; do
		[[ ${CHILDREN[i]} != "$1" ]] || unset "CHILDREN[i]"
	done
	return "$status"
}

run() { start "$@"; reap "$CHILD"; }

# output VARIABLE COMMAND...: like VARIABLE=$(COMMAND), but a signal ends it.
output() {
	local -n into=$1
	local file status=0
	shift
	file=$(mktemp "$CACHE/run/output.XXXXXX")
	run "$@" > "$file" || status=$?
	# shellcheck disable=SC2034 # a name reference
	into=$(<"$file")
	rm -f "$file"
	return "$status"
}

# ---------------------------------------------------------------- locks

# lock -s|-x FILE MESSAGE: lock the file until this process and its children end.
# MESSAGE says why it has to wait.
lock() {
	exec {LOCK}>>"$2"
	flock -n "$1" "$LOCK" && return
	say "waiting: $3"
	run flock "$1" "$LOCK"
}

# An entry of the cache is a directory with a lock file beside it. Users hold the lock
# shared. The exclusive lock is for making the entry, under a temporary name; renaming
# it makes it complete. prune PATTERN KEEP removes the entries that match and are not
# locked, except for the newest KEEP.
prune() {
	local dir fd
	# No pattern or name contains blanks.
	# shellcheck disable=SC2012,SC2086
	ls -dt $1/ 2>/dev/null | tail -n "+$(( $2 + 1 ))" | while read -r dir; do
		dir=${dir%/}
		exec {fd}>>"$dir.lock"
		if flock -n -x "$fd"; then
			mv "$dir" "$(dirname "$dir")/.old-$$" &&
				rm -rf "$(dirname "$dir")/.old-$$"
		fi
		exec {fd}>&-
	done
}

# ---------------------------------------------------------------- progress

# RNULL_STEP and RNULL_STEPS continue the numbering of the calling script.
STEP=${RNULL_STEP:-0}
STEPS=${RNULL_STEPS:-0}

step() { STEP=$(( STEP + 1 )); say "[$STEP/$STEPS] $*"; }

elapsed() { printf '%d:%02d' $(( $1 / 60 )) $(( $1 % 60 )); }

# progress LOG EXPECTED COMMAND...: run COMMAND, write its output to LOG, and show the
# progress: in place on a terminal, otherwise a line every 20 seconds. EXPECTED is the
# number of lines that the log will have, or 0 if unknown.
progress() {
	local log=$1 expected=$2 pid from=$SECONDS last=$SECONDS n text status=0
	shift 2
	start "$@" > "$log" 2>&1 < /dev/null
	pid=$CHILD
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.3 & wait $! || true
		if [[ ! -t 2 ]]; then
			(( SECONDS - last >= 20 )) || continue
			last=$SECONDS
		fi
		n=$(wc -l < "$log")
		text="$(elapsed $(( SECONDS - from )))"
		if (( expected )); then
			n=$(( n * 100 / expected ))
			text+=", $(( n < 99 ? n : 99 )) %"
		fi
		text+="  $(tail -n 1 "$log" | tr -d '\r' | cut -c1-60)"
		if [[ -t 2 ]]; then
			printf '\r\033[K      %s' "$text" >&2
		else
			say "      $text"
		fi
	done
	[[ ! -t 2 ]] || printf '\r\033[K' >&2
	reap "$pid" || status=$?
	(( status )) || say "      done in $(elapsed $(( SECONDS - from )))"
	return "$status"
}

# ---------------------------------------------------------------- tests

PASSED=0
FAILED=0

# pass TEXT, fail TEXT: print and count the result of one test.
pass() { PASSED=$(( PASSED + 1 )); say "ok - $*"; }
fail() { FAILED=$(( FAILED + 1 )); say "not ok - $*"; }

# test_case TEXT COMMAND...: passes if the command succeeds. LOG gets its output.
test_case() {
	if run "${@:2}" > "$LOG" 2>&1 < /dev/null; then
		pass "$1"
	else
		tail -n 40 "$LOG" | sed 's/^/    /' >&2
		fail "$1"
	fi
}

# results NAME: print the counts, and tell them to test.sh. Fails unless all tests passed,
# and at least one.
results() {
	say "$1: $PASSED passed, $FAILED failed"
	[[ ! ${RNULL_COUNTS:-} ]] || echo "$PASSED $FAILED" > "$RNULL_COUNTS"
	(( FAILED == 0 && PASSED > 0 ))
}

# ---------------------------------------------------------------- work tree

# need_root, need_base, need_tree, in this order: make the build root, the base and the
# work tree unless they exist, and lock them until this process ends; the work tree
# exclusively. They set BASE_ARGS for overlay.py, BASE (the base's directory), TREE (the
# parent of build directories; one for each choice of patches) and SOURCE in it.
need_root() {
	[[ -d $(root_dir) && ( $KERNEL_SRC || -f $(root_dir)/rnull-source ) ]] || run make_root
	lock -s "$(root_dir).lock" "another make creates the build root"
}

# need_extra NAME...: make these extra roots unless they exist. enter.sh locks them.
need_extra() {
	local name
	for name; do
		[[ -d $(extra_dir "$name") ]] || run "$REPO/scripts/extraroot.sh" "$name"
	done
}

need_base() {
	local base new
	if [[ $KERNEL_SRC ]]; then
		BASE=$KERNEL_SRC
		BASE_ARGS=(--own --base "$BASE")
		return
	fi
	base=$CACHE/base/$(base_key)
	BASE=$base
	BASE_ARGS=(--base "$base")
	lock -s "$base.lock" "another make unpacks the kernel source"
	[[ ! -d $base ]] || return 0
	flock -x "$LOCK"
	[[ ! -d $base ]] || return 0
	new=$CACHE/base/.new-$(base_key)
	rm -rf "$new"
	mkdir "$new"
	at_exit "rm -rf '$new'"
	progress "$CACHE/log/unpack.log" 0 "$REPO/scripts/enter.sh" tar -x \
		--strip-components=1 -C "$new" -f "/usr/src/linux-source-$RELEASE.tar.xz" ||
		fail_log "unpacking the kernel source" "$CACHE/log/unpack.log" \
			"Is the disk full? It takes 2 GB in CACHE=$CACHE."
	mv "$new" "$base"
	flock -s "$LOCK"
	prune "$CACHE/base/*" 2
}

need_tree() {
	TREE=$CACHE/tree/$(base_key)
	[[ $PATCHES == all ]] || TREE+=-$PATCHES
	[[ $TOOLCHAIN == trixie ]] || TREE+=-$TOOLCHAIN
	# shellcheck disable=SC2034 # for the caller
	SOURCE=$TREE/src
	lock -x "$TREE.lock" "another build uses $TREE"
	mkdir -p "$TREE"
	touch "$TREE"
	run python3 "$REPO/scripts/overlay.py" lay "${BASE_ARGS[@]}" --patches "$PATCHES" --tree "$TREE" ||
		exit 1
	prune "$CACHE/tree/*" 3
}

# lost_options CONFIG FRAGMENT...: print how CONFIG differs from the fragments, and fail if
# it does. Kconfig silently drops an option whose dependencies are not met, or whose name
# does not exist. If two fragments differ, the later one counts. merge_config.sh only warns
# about a lost option; its strict mode also rejects fragments that differ.
lost_options() {
	PYTHONPATH=$SOURCE/tools/testing/kunit python3 -B - "$@" <<-'END'
	import sys
	from kunit_config import Kconfig, parse_file

	got = {option.name: option.value for option in parse_file(sys.argv[1]).as_entries()}
	asked = Kconfig()
	for fragment in sys.argv[2:]:
	    asked.merge_in_entries(parse_file(fragment))
	lost = [o for o in asked.as_entries() if o.value != got.get(o.name, "n")]
	for option in lost:
	    print(f"asked {option}, got {got.get(option.name, 'n')}")
	sys.exit(bool(lost))
	END
}

# A killed build may leave a half-written file that is newer than its source. So
# start_build marks the directory, and end_build removes the mark. If start_build finds
# a mark, it deletes what that build wrote.
start_build() {
	if [[ -e $1/building ]]; then
		find "$1" -type f ! -name '.config*' ! -name .kunitconfig \
			-newer "$1/building" -delete
	fi
	touch "$1/building"
}

end_build() { rm -f "$1/building"; }

# Print the first errors of make's log. With -j they can be far from its end.
first_errors() {
	grep -hE '(: |^)(fatal )?error(\[E[0-9]+\])?: ' "$1" | head -n 10 >&2 || true
}

# Directories in which this tree adds or changes code.
OUR_CODE=(block drivers/block kernel/time rust samples)

# Print the first warnings about that code in make's log. Fails if there are none.
first_warnings() {
	local where
	where=$(IFS='|'; echo "${OUR_CODE[*]}")
	grep -hE "^(warning|WARNING): |^([^ ]*/src/)?($where)/[^ ]* warning: " "$1" | head -n 10 >&2
}
