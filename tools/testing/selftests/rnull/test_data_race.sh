#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Several processes read, write and discard the same pages of a memory-backed device, so
# that pages come and go meanwhile. Takes a minute; with FULL=1 seven.

. "$(dirname "$0")/rnull_lib.sh"

SECONDS_EACH=8
[[ ${FULL:-} != 1 ]] || SECONDS_EACH=80

# race POWER PROCESSES ATTRIBUTE=VALUE...: run data_race.py on a device. If POWER is
# "cycles", power it off and on meanwhile.
race() {
	local setting power=() seed=$RANDOM$RANDOM
	load nr_devices=0
	make_device r
	for setting in memory_backed=1 discard=1 size=16 "${@:3}"; do
		set_attr r "${setting%%=*}" "${setting#*=}"
	done
	power_on r
	[[ $1 != cycles ]] || power=("$SUBSYS/r/power")
	printf 'seed %s\n' "$seed"
	python3 "$LIB_DIR/data_race.py" /dev/r "$SECONDS_EACH" "$seed" "$2" "${power[@]}" \
		>"$WORK/race"
	cat "$WORK/race"
	# All kinds of I/O have happened, and power-off was noticed.
	grep -q 'reads=[1-9].* writes=[1-9].* discards=[1-9]' "$WORK/race"
	if [[ $1 == cycles ]]; then
		grep -q 'off=[1-9]' "$WORK/race"
	else
		grep -q 'off=0' "$WORK/race"
	fi
}

tap_case "two processes" race on 2
tap_case "four processes, completion by tag" race on 4 irqmode=3 submit_queues=2
tap_case "requests of 8 KiB, a timer" race on 3 irqmode=2 max_sectors=16
tap_case "a cache" race on 3 cache_size=1
tap_case "power cycles" race cycles 3 submit_queues=2
tap_run
