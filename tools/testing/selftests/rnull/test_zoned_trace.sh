#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The trace events of zoned devices are those of null_blk for the same operations.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

need_zones

Z=$((4 * MIB))

operations() {
	local zone
	io write_at 0 8
	io write_at $Z 8
	io write_at $Z 8
	io zone open $Z $Z
	io zone open $Z $Z
	io zone close $Z $Z
	io zone close $((2 * Z)) $Z
	io write_at $((2 * Z)) 8
	io zone finish $((2 * Z)) $Z
	io zone reset $Z $Z
	io write_at $((3 * Z)) 8
	io zone reset 0 $((4 * Z))
	for zone in 1 2 3; do
		io zone open $((zone * Z)) $Z
	done
	look
	io zones $((2 * Z)) 1
	io zones $((2 * Z)) 9
	blkzone reset /dev/z
}

events() {
	load nr_devices=0
	need_events
	zoned z size=16 zone_size=4 zone_nr_conv=1 "$@"
	traced operations
}

# Disabled events record nothing.
silent() {
	load nr_devices=0
	need_events
	zoned z size=16 zone_size=4
	echo >"$TRACEFS/trace"
	operations >/dev/null
	fails grep -qE '(zone_op|report_zones):' "$TRACEFS/trace"
}

# trace-cmd can show the events.
trace_cmd() {
	load nr_devices=0
	need_events
	[[ $MODULE == rnull_mod ]] || skip "for rnull's events"
	[[ $(type -P trace-cmd) ]] || skip "no trace-cmd"
	zoned z size=16 zone_size=4
	recorded 'report_zones: +disk=z, +nr_zones=4$' blkzone report /dev/z
	recorded 'zone_op: +disk=z, +req=ZONE_OPEN +zone_no=0 zone_cond=EXP_OPEN *$' \
		blkzone open -c 1 /dev/z
	recorded 'zone_op: +disk=z, +req=ZONE_RESET +zone_no=0 zone_cond=EMPTY *$' \
		blkzone reset -c 1 /dev/z
}

# recorded EVENT COMMAND...: record the command by trace-cmd, which must show EVENT.
recorded() {
	(cd "$WORK" && trace-cmd record -e rnull "${@:2}") >"$WORK/said" 2>&1
	(cd "$WORK" && trace-cmd report) >"$WORK/report" 2>>"$WORK/said"
	grep -qE "$1" "$WORK/report" || { cat "$WORK/said" "$WORK/report"; return 1; }
}

tap_case "the events of null_blk" parity events
tap_case "the events of null_blk, limited zones" parity events zone_max_open=2
tap_case "disabled events record nothing" silent
tap_case "events for trace-cmd" trace_cmd
tap_run
