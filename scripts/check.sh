#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot the debug kernel and the lean kernel, and run the selftests in each:
#
#	check.sh [FLAVOUR...]		default: debug lean, and with FULL=1 the others
#
# "unzoned" is the lean kernel without CONFIG_BLK_DEV_ZONED. "kcsan" is the lean kernel
# with the detector of data races, whose reports count if their title names Rust, a helper
# or rnull. "rt" is the lean kernel with PREEMPT_RT and lockdep, and "backports" the one that
# the newest compilers build.
#
# The debug kernel is slow in an emulator. Without FULL=1 it runs only the tests that
# profit from its checks, and the lean kernel runs the others, most of which compare
# results. With FULL=1 each kernel runs all tests, but for unzoned and backports.
#
# With another ARCH= than x86_64, the default is the lean kernel, which runs all tests.
# Those that need options of the debug kernel are skipped there.
#
# TESTS="pattern..." selects test files by name. DRIVER=null_blk tests the C driver
# instead. Each case counts as one test, and so does the verdict of each guest. A table of
# all flavours comes last.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
: "${TESTS:=}"
: "${DRIVER:=rnull}"
[[ $DRIVER == rnull || $DRIVER == null_blk ]] || die -2 "DRIVER=$DRIVER: want rnull or null_blk"

declare -A TIMEOUT=([debug]=3600 [lean]=2400 [unzoned]=600 [kcsan]=7200 [rt]=3600 [backports]=1200)
[[ ${FULL:-} != 1 ]] || TIMEOUT=([debug]=10800 [lean]=7200 [unzoned]=600 [kcsan]=14400 [rt]=10800 [backports]=1200)
BACKPORTS="configfs_lifecycle data_race features io_modes module_load zoned_io"
UNZONED="unzoned io_modes configfs_lifecycle module_load"
if [[ ${FULL:-} == 1 ]]; then
	declare -A CHOSEN=([unzoned]=$UNZONED [backports]=$BACKPORTS)
else
	declare -A CHOSEN=(
		[debug]="abuse atomic configfs_drop configfs_lifecycle configfs_stores data_pieces
			data_race faults module_busy module_load samples write_zeroes"
		[lean]="configfs_names configfs_race configfs_values data_fs data_verify features
			io_modes latency limits module_params zoned_fs zoned_io zoned_parity"
		[unzoned]=$UNZONED [backports]=$BACKPORTS
		[kcsan]="data_race data_verify faults zoned_stress"
		[rt]="abuse configfs_lifecycle data_race io_modes latency module_load zoned_io"
	)
	# No debug kernel runs the other tests, and the emulator is slow.
	[[ $ARCH == x86_64 ]] || { CHOSEN[lean]=; TIMEOUT[lean]=7200; }
fi

# cases LOG: add the totals of the guest's runner. A runner that dies prints none, and its
# guest fails.
cases() {
	local totals good bad skipped
	totals=$(sed -nE 's/^# Totals: pass:([0-9]+) fail:([0-9]+) .* skip:([0-9]+) .*/\1 \2 \3/p' "$1")
	read -r good bad skipped <<< "${totals:-0 0 0}"
	PASSED=$(( PASSED + good ))
	FAILED=$(( FAILED + bad ))
	SUM="$good cases passed, $bad failed, $skipped skipped"
	COUNTS=("$good" "$bad" "$skipped")
}

# row FLAVOUR BUILT BOOTED: add a row to the table. The build of a kernel that was built before
# takes no time.
ROWS=('kernel     built booted passed failed skipped   build   tests')
row() {
	ROWS+=("$(printf '%-10s %5s %6s %6s %6s %7s %7s %7s' "$ARCH_PREFIX$1" "$2" "$3" "${COUNTS[@]}" \
		"$(elapsed "$BUILDING")" "$(elapsed "$TESTING")")")
}

flavour() {
	local kernel build tests status=0 from=$SECONDS log
	log=$CACHE/log/guest-${ARCH_PREFIX}check-$1.output
	BUILDING=0 TESTING=0 COUNTS=(- - -)
	case $1 in
	unzoned | kcsan | rt)
		build=(env CONFIG_EXTRA="$REPO/configs/$1.config" "$REPO/scripts/kernel.sh" lean) ;;
	backports) build=(env TOOLCHAIN=backports "$REPO/scripts/kernel.sh" lean) ;;
	*) build=("$REPO/scripts/kernel.sh" "$1") ;;
	esac
	if ! output kernel "${build[@]}"; then
		BUILDING=$(( SECONDS - from ))
		row "$1" no -
		fail "$1 kernel: the build failed, see above"
		return
	fi
	BUILDING=$(( SECONDS - from ))
	kernel=${kernel##*$'\n'}
	# The list may span several lines.
	read -rd '' -a tests <<< "${TESTS:-${CHOSEN[$1]:-}}" || true
	say "check: $DRIVER on the $ARCH_PREFIX$1 kernel"
	: > "$log"	# cases of the last run must not count
	from=$SECONDS
	run "$REPO/scripts/guest.sh" --kernel "$kernel" --name "check-$1" \
		--timeout "${TIMEOUT[$1]}" -- \
		env DRIVER="$DRIVER" FULL="${FULL:-}" ./run.sh "${tests[@]}" || status=$?
	cases "$log"
	TESTING=$(( SECONDS - from ))
	row "$1" yes "$([[ -s $log ]] && echo yes || echo no)"
	if [[ $1 == kcsan ]] && ! grep -q 'kcsan: enabled early' "${log%output}console"; then
		fail "kcsan kernel: KCSAN is off, so this proves nothing. See configs/kcsan.config"
		return
	fi
	if (( status )); then
		fail "$1 kernel: $SUM; the guest's verdict is $status"
		grep -h '^not ok ' "$log" | sed 's/^/    /' >&2 || true
	else
		pass "$1 kernel: $SUM; the guest's verdict is good"
	fi
}

if (( ! $# )) && [[ $ARCH != x86_64 ]]; then
	set -- lean
elif (( ! $# )); then
	set -- debug lean
	[[ ${FULL:-} != 1 ]] || set -- "$@" unzoned kcsan rt backports
fi
for flavour in "$@"; do
	[[ ${TIMEOUT[$flavour]:-} ]] || die -2 "$flavour: want debug, lean, unzoned, kcsan, rt or backports"
done
for flavour in "$@"; do
	flavour "$flavour"
done
printf '%s\n' "${ROWS[@]}" >&2
# test.sh makes one table of several calls, with one line of titles.
if [[ ${RNULL_MATRIX:-} ]]; then
	[[ ! -s $RNULL_MATRIX ]] || unset "ROWS[0]"
	printf '%s\n' "${ROWS[@]}" >> "$RNULL_MATRIX"
fi
results check
