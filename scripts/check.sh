#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot the debug kernel and the lean kernel, and run the selftests in each:
#
#	check.sh [FLAVOUR...]		default: debug lean, and with FULL=1 unzoned kcsan
#
# "unzoned" is the lean kernel without CONFIG_BLK_DEV_ZONED. "kcsan" is the lean kernel
# with the detector of data races, whose reports count if their title names Rust, a helper
# or rnull.
#
# The debug kernel is slow in an emulator. Without FULL=1 it runs only the tests that
# profit from its checks, and the lean kernel runs the others, most of which compare
# results. With FULL=1 each kernel but the unzoned one runs all tests.
#
# TESTS="pattern..." selects test files by name. DRIVER=null_blk tests the C driver
# instead. Each case counts as one test, and so does the verdict of each guest.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
: "${TESTS:=}"
: "${DRIVER:=rnull}"
[[ $DRIVER == rnull || $DRIVER == null_blk ]] || die -2 "DRIVER=$DRIVER: want rnull or null_blk"

declare -A TIMEOUT=([debug]=3600 [lean]=2400 [unzoned]=600 [kcsan]=7200)
[[ ${FULL:-} != 1 ]] || TIMEOUT=([debug]=10800 [lean]=7200 [unzoned]=600 [kcsan]=14400)
UNZONED="unzoned io_modes configfs_lifecycle module_load"
if [[ ${FULL:-} == 1 ]]; then
	declare -A CHOSEN=([unzoned]=$UNZONED)
else
	declare -A CHOSEN=(
		[debug]="abuse atomic configfs_drop configfs_lifecycle configfs_stores data_pieces
			data_race faults module_busy module_load samples write_zeroes"
		[lean]="configfs_names configfs_race configfs_values data_fs data_verify features
			io_modes latency limits module_params zoned_fs zoned_io zoned_parity"
		[unzoned]=$UNZONED
		[kcsan]="data_race data_verify faults zoned_stress"
	)
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
}

flavour() {
	local kernel build tests status=0 log=$CACHE/log/guest-check-$1.output
	case $1 in
	unzoned | kcsan)
		build=(env CONFIG_EXTRA="$REPO/configs/$1.config" "$REPO/scripts/kernel.sh" lean) ;;
	*) build=("$REPO/scripts/kernel.sh" "$1") ;;
	esac
	if ! output kernel "${build[@]}"; then
		fail "$1 kernel: the build failed, see above"
		return
	fi
	kernel=${kernel##*$'\n'}
	# The list may span several lines.
	read -rd '' -a tests <<< "${TESTS:-${CHOSEN[$1]:-}}" || true
	say "check: $DRIVER on the $1 kernel"
	: > "$log"	# cases of the last run must not count
	run "$REPO/scripts/guest.sh" --kernel "$kernel" --name "check-$1" \
		--timeout "${TIMEOUT[$1]}" -- \
		env DRIVER="$DRIVER" FULL="${FULL:-}" ./run.sh "${tests[@]}" || status=$?
	cases "$log"
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

if (( ! $# )); then
	set -- debug lean
	[[ ${FULL:-} != 1 ]] || set -- "$@" unzoned kcsan
fi
for flavour in "$@"; do
	[[ ${TIMEOUT[$flavour]:-} ]] || die -2 "$flavour: want debug, lean, unzoned or kcsan"
done
for flavour in "$@"; do
	flavour "$flavour"
done
results check
