#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Zones under stress: writes, reads and operations on zones from several
# processes, with the device switched off and on and requests timing out in
# between. Afterwards the write pointers agree with the data, and the zones that
# are open were counted rightly. A minute in all; with FULL=1 ten.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

need_zones

SECONDS_EACH=15
[[ ${FULL:-} != 1 ]] || SECONDS_EACH=150

# faults PROBABILITY: requests that time out, in percent.
faults() {
	local group=$SUBSYS/z/timeout_inject
	[[ -d $group ]] || return 0
	# A stack dump for each would pass for a complaint.
	must write "$group/verbose" "0\n"
	must write "$group/probability" "$1\n"
	must write "$group/times" "-1\n"
}

# cycle_power UNTIL: switch the device off and on.
cycle_power() {
	while ((SECONDS < $1)); do
		sleep 3
		# It may be open, which does not matter.
		power_off z
		power_on z
	done
}

# stress CYCLES FAULTS ATTRIBUTE=VALUE...
stress() {
	local seed=$RANDOM$RANDOM stress status=0 zone
	load nr_devices=0
	has_feature memory_backed || skip "$MODULE has no memory_backed"
	zoned z memory_backed=1 size=40 zone_size=4 zone_nr_conv=1 "${@:3}"
	faults "$2"
	printf 'seed %s\n' "$seed"
	python3 "$LIB_DIR/zoned_stress.py" run /dev/z "$SECONDS_EACH" "$seed" &
	stress=$!
	(($1 == 0)) || cycle_power $((SECONDS + SECONDS_EACH - 3))
	wait "$stress" || status=$?
	want "status" "$status" 0
	faults 0
	# A timed out request may still be there.
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

tap_case "without limits" stress 0 0 irqmode=1
tap_case "few open and active zones, a smaller capacity, a timer" stress 0 0 irqmode=2 \
	zone_capacity=3 zone_max_open=2 zone_max_active=4
tap_case "power cycles and time-outs" stress 1 1 irqmode=1 zone_max_open=3
tap_case "power cycles and time-outs, emulated zone append, at once" stress 1 1 irqmode=0 \
	zone_append_max_sectors=0 zone_capacity=2
tap_run
