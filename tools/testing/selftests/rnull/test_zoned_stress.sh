#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Several processes write to zones, read from them and change their conditions, while
# the device is powered off and on and requests time out. Afterwards the write pointers
# must agree with the data, and the number of open zones must be right. Takes a minute
# and a half; with FULL=1 ten minutes with power cycles and timeouts, and five without.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

need_zones

SECONDS_EACH=15
[[ ${FULL:-} != 1 ]] || SECONDS_EACH=150

# faults PROBABILITY: set the percentage of requests that time out.
faults() {
	local group=$SUBSYS/z/timeout_inject
	# No stack dump for each fault, which would count as a kernel complaint.
	must write "$group/verbose" "0\n"
	must write "$group/probability" "$1\n"
	must write "$group/times" "-1\n"
}

# cycle_power UNTIL: power the device off and on again and again.
cycle_power() {
	while ((SECONDS < $1)); do
		sleep 3
		# Other processes may have the device open; power-off works anyway.
		power_off z
		power_on z
	done
}

# stress KIND ATTRIBUTE=VALUE...: run the stress. If KIND is "disturbed", run it twice
# as long, with power cycles and timeouts.
stress() {
	local seed=$RANDOM$RANDOM stress status=0 zone seconds=$SECONDS_EACH
	load nr_devices=0
	has_feature memory_backed || skip "$MODULE has no memory_backed"
	zoned z memory_backed=1 size=40 zone_size=4 zone_nr_conv=1 "${@:2}"
	if [[ $1 == disturbed ]]; then
		[[ -d $SUBSYS/z/timeout_inject ]] || skip "no timeout_inject in this kernel"
		seconds=$((2 * SECONDS_EACH))
		faults 1
	fi
	printf 'seed %s\n' "$seed"
	python3 "$LIB_DIR/zoned_stress.py" run /dev/z "$seconds" "$seed" >"$WORK/stress" &
	stress=$!
	[[ $1 != disturbed ]] || cycle_power $((SECONDS + seconds - 3))
	wait "$stress" || status=$?
	cat "$WORK/stress"
	want "status" "$status" 0
	if [[ $1 == disturbed ]]; then
		# Check that power cycles and timeouts did happen.
		grep -q 'ETIMEDOUT=[1-9]' "$WORK/stress"
		grep -qE '(ENOENT|ENXIO|ENODEV)=[1-9]' "$WORK/stress"
		faults 0
	fi
	# A timed-out request may still be in flight.
	wait_for 30 grep -q '^ *0 *0$' /sys/block/z/inflight
	python3 "$LIB_DIR/zoned_stress.py" check /dev/z

	must zone /dev/z reset 0 $((40 * MIB))
	get_attr z zone_max_open
	((RET > 0)) || return 0
	for ((zone = 1; zone <= RET; zone++)); do
		sys zone /dev/z open $((zone * 4 * MIB)) $((4 * MIB))
		want "open zone $zone" "$ERR" 0
		get_attr z zone_max_open
	done
	refused ETOOMANYREFS zone /dev/z open $((zone * 4 * MIB)) $((4 * MIB))
}

tap_case "without limits" stress undisturbed irqmode=1
tap_case "few open and active zones, a smaller capacity, a timer" stress undisturbed irqmode=2 \
	zone_capacity=3 zone_max_open=2 zone_max_active=4
tap_case "power cycles and timeouts" stress disturbed irqmode=1 zone_max_open=3
tap_case "power cycles and timeouts, emulated zone append, irqmode 0" stress disturbed irqmode=0 \
	zone_append_max_sectors=0 zone_capacity=2
tap_run
