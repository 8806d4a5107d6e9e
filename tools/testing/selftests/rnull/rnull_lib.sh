# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions for the tests of the null block drivers. A test file sources this,
# registers its cases with tap_case and ends with tap_run:
#
#	tap_case "expected behaviour" function arguments...
#	tap_run
#
# A case runs in a subshell with "set -e", so it fails if any command fails.
# DRIVER=null_blk runs the same tests against the C driver, to check their
# expectations.
#
# The tests are shell scripts because most of a case is commands (fio, mkfs, mount), and
# kselftest needs no package for them. pytest would replace the coprocess and the
# functions for TAP, but not make the cases shorter.

set -Eeuo pipefail
shopt -s inherit_errexit

LIB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TEST_NAME=$(basename "$0" .sh)
DRIVER=${DRIVER:-rnull}
CONFIGFS=/sys/kernel/config

# Exit codes of kselftest.
KSFT_SKIP=4

# ------------------------------------------------------------ two drivers

# use NAME: make the helpers below act on this driver.
use() {
	case $1 in
	rnull)
		MODULE=rnull_mod
		SUBSYS=$CONFIGFS/rnull
		DISK=rnullb
		;;
	null_blk)
		MODULE=null_blk
		SUBSYS=$CONFIGFS/nullb
		DISK=nullb
		;;
	*)
		printf 'DRIVER=%s: want rnull or null_blk\n' "$1" >&2
		exit 1
		;;
	esac
	MODULE_FILE=${MODULE_FILES[$1]:-}
}

# Looked up once, as processes are slow in an emulated guest. A driver without a module
# for the running kernel has no entry.
declare -A MODULE_FILES=()
find_modules() {
	local driver file
	for driver in null_blk "$DRIVER"; do
		use "$driver"
		! file=$(modinfo -n "$MODULE" 2>/dev/null) || MODULE_FILES[$driver]=$file
	done
}
have() { [[ ${MODULE_FILES[$1]:-} ]]; }

# Both drivers have irqmodes 0 to 2, and only rnull has 3.
IRQMODES=(0 1 2)
[[ $DRIVER == null_blk ]] || IRQMODES+=(3)

# have_faults: whether null_blk in the running kernel has fault injection. If so, rnull
# must have it, too.
have_faults() { have null_blk && modinfo -p null_blk | grep '^timeout:' >/dev/null; }

loaded() { [[ -d /sys/module/$MODULE/holders ]]; }

# ----------------------------------------------------------- system calls

# sys CALL WORDS...: ERR is 0 or an errno's name, RET the result. Backslash
# escapes in the words are decoded. The calls are the methods of syscalls.py.
sys() {
	local IFS=$'\t'
	printf '%s\n' "$*" >&9
	read -r -u 8 ERR RET || { ERR=EOF; return 1; }
}

# must CALL WORDS...: as sys, but fail if the call fails.
must() {
	sys "$@"
	[[ $ERR == 0 ]] || { printf '%s: %s %s\n' "$*" "$ERR" "$RET"; return 1; }
}

# refused ERRNO CALL WORDS...: as sys, but fail unless the call fails with ERRNO.
refused() {
	sys "${@:2}"
	[[ $ERR == "$1" ]] || { printf '%s: got %s, want %s\n' "${*:2}" "$ERR" "$1"; return 1; }
}

# python MODULE FUNCTION WORDS...: call a function of one of the Python files here,
# and print the text that it returns.
python() {
	must call "$@"
	printf '%b\n' "$RET"
}

start_syscalls() {
	coproc SYSCALLS { exec python3 "$LIB_DIR/syscalls.py" 2>&1; }
	# Subshells do not inherit a coprocess's descriptors, so duplicate them.
	exec 8<&"${SYSCALLS[0]}" 9>&"${SYSCALLS[1]}"
}

# ----------------------------------------------------------- expectations

# want WHAT GOT EXPECTED
want() {
	[[ $2 == "$3" ]] || { printf '%s: got "%s", want "%s"\n' "$1" "$2" "$3"; return 1; }
}

# fails COMMAND...: "!" itself would be exempt from set -e.
fails() { ! "$@"; }

# wait_for SECONDS COMMAND...: repeat the command until it succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	until "${@:2}"; do
		((SECONDS < end)) || {
			printf 'after %s s still not: %s\n' "$1" "${*:2}"
			return 1
		}
		sleep 0.1
	done
}

# ------------------------------------------------- modules, configfs, disks

load() { must insmod "$MODULE_FILE" "$*"; }
unload() { must rmmod "$MODULE"; }

# load_both PARAMS...: load the driver and, if it exists, null_blk, for all cases.
load_both() {
	KEEP_LOADED=1
	if [[ $DRIVER != null_blk ]] && have null_blk; then
		(use null_blk; load "$@")
	fi
	load "$@"
}

make_device() { must mkdir "$SUBSYS/$1"; }
remove_device() { must rmdir "$SUBSYS/$1"; }
set_attr() { must write "$SUBSYS/$1/$2" "$3\n"; }
get_attr() { must read "$SUBSYS/$1/$2"; RET=${RET%\\n}; }
power_on() { set_attr "$1" power 1; }
power_off() { set_attr "$1" power 0; }
want_attr() { get_attr "$1" "$2"; want "$1/$2" "$RET" "$3"; }

# attributes DEVICE: print the names of its files, sorted.
attributes() { find "$SUBSYS/$1" -maxdepth 1 -type f -printf '%f\n' | LC_ALL=C sort; }

# count_io DEVICE: also count what happens for each I/O of an rnull device that is on.
count_io() { must write "/sys/kernel/debug/rnull/$1/statistics_enable" "1\n"; }

# statistic DEVICE NAME: sets RET to a counter of an rnull device, over all hardware queues.
statistic() {
	RET=$(awk -v name="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i; next }
		{ sum += $column }
		END { if (!column) exit 1; printf "%d", sum }
		' "/sys/kernel/debug/rnull/$1/statistics")
}

has_disk() { [[ -b /dev/$1 && -d /sys/block/$1 ]]; }
no_disk() { [[ ! -e /dev/$1 && ! -e /sys/block/$1 ]]; }
# disks: print the driver's disks that were made without configfs.
disks() { find /sys/block -name "$DISK*" -printf '%f\n' | LC_ALL=C sort -V; }
# disk_field DISK FILE: print the file, without starting a process.
disk_field() {
	local value
	read -r value <"/sys/block/$1/$2"
	printf '%s' "$value"
}

# ---------------------------------------------------------- the C original

# observe DRIVER FUNCTION ARGS...: call the function with this driver, and print its
# output, with DISK for the prefix of disk names. Must run in a subshell.
observe() {
	local observed
	use "$1"
	# If the function fails, its output is the reason.
	trap 'cat "$WORK/observed" >&2' EXIT
	"${@:2}" >"$WORK/observed"
	trap - EXIT
	IFS= read -r -d '' observed <"$WORK/observed" || true
	printf '%s\n' "${observed//"$DISK"/DISK}"
	clean_driver
}

# parity FUNCTION ARGS...: fail unless the function prints the same with both drivers.
parity() {
	local c ours
	have null_blk || skip "no null_blk to compare with"
	c=$(observe null_blk "$@")
	ours=$(observe "$DRIVER" "$@")
	[[ $c == "$ours" ]] && return
	printf 'null_blk (-) and %s (+) differ:\n' "$DRIVER"
	diff -u <(printf '%s\n' "$c") <(printf '%s\n' "$ours") | tail -n +3
	return 1
}

# tabled EXPECTED FUNCTION ARGS...: fail unless the function prints EXPECTED with the
# driver and with null_blk. So a table cannot contradict the C driver.
tabled() { differs "$1" "$@"; }

# differs C RNULL FUNCTION ARGS...: fail unless the function prints C with null_blk and
# RNULL with rnull. For the differences that Documentation/block/rnull.rst lists.
differs() {
	local got
	if have null_blk; then
		got=$(observe null_blk "${@:3}")
		want "null_blk" "$got" "$1"
	fi
	if [[ $DRIVER != null_blk ]]; then
		got=$(observe "$DRIVER" "${@:3}")
		want "$DRIVER" "$got" "$2"
	fi
}

# ------------------------------------------------------------------- fio

# fio_job OUTPUT DISK OPTIONS...: run fio, and write its report to OUTPUT, as JSON. The
# number of I/Os suits a debug kernel in an emulator.
fio_job() {
	fio --name=job --filename="/dev/$2" --ioengine=io_uring --direct=1 --bs=4k --size=1g \
		--clocksource=clock_gettime \
		--rw=randrw --norandommap --number_ios="${RNULL_IOS:-2000}" --group_reporting \
		--output-format=json --output="$1" "${@:3}"
}

# -------------------------------------------------------------------- TAP
#
# Not by kselftest's ktap_helpers.sh: it drops the reason of a skip, and the shell splits
# and expands the names that it is given.

CASES=()

# tap_case NAME FUNCTION ARGS...
tap_case() {
	local name=$1
	shift
	# In TAP, a hash starts a directive.
	CASES+=("${name//#/}" "$(printf '%q ' "$@")")
}

# skip REASON: skip the case (before tap_run: the whole file).
skip() {
	if [[ ${CASE_NUMBER:-} ]]; then
		printf '%s' "$1" >"$WORK/skip"
	else
		printf 'TAP version 13\n1..0 # SKIP %s\n' "$1"
	fi
	exit "$KSFT_SKIP"
}

# needs_fixes FOLDER: skip the case (before tap_run: the whole file) unless the kernel's
# configuration can be read, and says that the kernel has the fixes in this folder of patches/.
needs_fixes() {
	local release config
	release=$(uname -r)
	for config in /proc/config.gz "/lib/modules/$release/config" "/boot/config-$release"; do
		if [[ -r $config ]] && zgrep -qx CONFIG_TEST_BLOCK_FIXES=y "$config"; then
			return
		fi
	done
	skip "needs the fixes of patches/$1; CONFIG_TEST_BLOCK_FIXES=y says that they are there"
}

# Taint bits that mean a bug: bad page, oops, warning, soft lockup.
TAINT_BUGS=$((1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))
# get_taint: set TAINT to the bits of these that are set.
get_taint() {
	read -r TAINT </proc/sys/kernel/tainted
	TAINT=$((TAINT & TAINT_BUGS))
}

# Set by a test file whose cases share the modules that load_both loaded.
KEEP_LOADED=

# clean_driver: close descriptors, remove devices, and unload the module unless
# KEEP_LOADED is set.
clean_driver() {
	local dir bad=0
	loaded || return 0
	sys release_all
	for dir in "$SUBSYS"/*/ "$SUBSYS"/.[!.]*/ "$SUBSYS"/..?*/; do
		[[ -d $dir ]] || continue
		dir=${dir%/}
		must rmdir "${dir//\\/\\\\}" || bad=1
	done
	[[ $KEEP_LOADED ]] || unload || bad=1
	return "$bad"
}

clean_up() {
	local driver bad=0
	for driver in null_blk "$DRIVER"; do
		use "$driver"
		clean_driver || bad=1
	done
	return "$bad"
}

# run_case NAME COMMAND: run a case, in a subshell of tap_run.
run_case() {
	trap 'printf "%s: line %d: %s\n" "$TEST_NAME" "$LINENO" "$BASH_COMMAND"' ERR
	printf 'rnull_test: %s: %s\n' "$TEST_NAME" "$1" >/dev/kmsg
	use "$DRIVER"
	eval "$2"
}

# kill_case: kill the remaining processes of a case. Fails if there are none; zombies
# do not count.
kill_case() {
	kill -0 -- "-$CASE_PID" 2>/dev/null && pgrep -g "$CASE_PID" -r D,R,S,T >/dev/null &&
		kill -KILL -- "-$CASE_PID"
}

tap_run() {
	local i name status before
	printf 'TAP version 13\n1..%d\n' $((${#CASES[@]} / 2))
	CASE_NUMBER=0
	for ((i = 0; i < ${#CASES[@]}; i += 2)); do
		CASE_NUMBER=$((CASE_NUMBER + 1))
		name=${CASES[i]}
		get_taint
		before=$TAINT
		[[ ! -e $WORK/skip ]] || rm "$WORK/skip"
		# In its own process group, so that kill_case finds its processes. Not
		# in a condition, where bash ignores set -e.
		set -m
		(run_case "$name" "${CASES[i + 1]}") >"$WORK/out" 2>&1 &
		CASE_PID=$!
		set +m
		status=0
		wait "$CASE_PID" || status=$?
		if kill_case; then
			printf 'processes were left running\n' >>"$WORK/out"
			((status)) || status=1
		fi
		clean_up >>"$WORK/out" 2>&1 || status=1
		get_taint
		if ((TAINT != before)); then
			printf 'the kernel was tainted by a bug\n' >>"$WORK/out"
			status=1
		fi
		report "$status" "$name"
	done
	((FAILED == 0))
}

FAILED=0
report() {
	if (($1 != 0)); then
		sed 's/^/# /' "$WORK/out"
	fi
	if (($1 == 0)); then
		printf 'ok %d - %s\n' "$CASE_NUMBER" "$2"
	elif (($1 == KSFT_SKIP)) && [[ -e $WORK/skip ]]; then
		printf 'ok %d - %s # SKIP %s\n' "$CASE_NUMBER" "$2" "$(<"$WORK/skip")"
	else
		printf 'not ok %d - %s\n' "$CASE_NUMBER" "$2"
		FAILED=$((FAILED + 1))
	fi
}

# ------------------------------------------------------------ begin and end

at_exit() {
	local status=$?
	trap - EXIT
	set +e
	[[ -z ${CASE_PID:-} ]] || kill_case
	KEEP_LOADED=
	clean_up >/dev/null 2>&1
	exec 8<&- 9>&-
	rm -rf "$WORK"
	exit "$status"
}

find_modules
use "$DRIVER"
((EUID == 0)) || skip "needs root"
have "$DRIVER" || skip "no module $MODULE for this kernel"
[[ -d $CONFIGFS ]] || skip "no configfs"
WORK=$(mktemp -d)
trap at_exit EXIT
trap 'exit 143' TERM INT
start_syscalls
clean_up >/dev/null
