# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions for the tests of zones. Sourced after rnull_lib.sh.

# Sectors in a MiB.
# shellcheck disable=SC2034 # for the tests
MIB=2048

# need_zones: skip the file if the driver has none.
need_zones() {
	local features
	load nr_devices=0
	read -r features <"$SUBSYS/features"
	unload
	[[ ,$features, == *,zoned,* ]] || skip "$MODULE has no zones"
}

# has_feature NAME: whether devices have this attribute. The module must be loaded.
has_feature() {
	local features
	read -r features <"$SUBSYS/features"
	[[ ,$features, == *,$1,* ]]
}

# zoned DEVICE ATTRIBUTE=VALUE...: make a zoned device, and power it on.
zoned() {
	local device=$1 pair
	make_device "$device"
	set_attr "$device" zoned 1
	for pair in "${@:2}"; do
		set_attr "$device" "${pair%%=*}" "${pair#*=}"
	done
	power_on "$device"
}

# io CALL WORDS...: make the call on /dev/z, and print its result or errno.
io() {
	sys "$1" "/dev/z" "${@:2}"
	printf '%s %s: %s\n' "$1" "${*:2}" "${RET:-$ERR}"
}

# look: print the zones of /dev/z, one per line.
look() {
	must zones /dev/z
	tr ' ' '\n' <<<"$RET"
}

TRACEFS=/sys/kernel/tracing

# event NAME: print the directory of an event of the current driver.
event() {
	case $MODULE in
	null_blk) printf '%s' "events/nullb/nullb_$1" ;;
	*) printf '%s' "events/rnull/$1" ;;
	esac
}

need_events() {
	[[ -d $TRACEFS/events ]] || mount -t tracefs none "$TRACEFS" 2>/dev/null ||
		skip "no trace events in this kernel"
	[[ -d $TRACEFS/$(event zone_op) ]] || skip "no trace events of $MODULE"
}

# traced COMMAND...: run it, and print its trace events, without time and task.
traced() {
	echo >"$TRACEFS/trace"
	echo 1 >"$TRACEFS/$(event zone_op)/enable"
	echo 1 >"$TRACEFS/$(event report_zones)/enable"
	"$@" >/dev/null
	echo 0 >"$TRACEFS/$(event zone_op)/enable"
	echo 0 >"$TRACEFS/$(event report_zones)/enable"
	sed -n 's/.* \(nullb_\)\?\(zone_op\|report_zones\): /\2: /p' "$TRACEFS/trace"
}
