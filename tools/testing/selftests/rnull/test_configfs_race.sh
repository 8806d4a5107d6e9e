#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Several processes race: configuration, power, directories and I/O. Each call may
# fail, but the kernel must survive, and the end state must be clean.

. "$(dirname "$0")/rnull_lib.sh"

# churn SECONDS COMMAND ARGS...: repeat the command, and ignore its errors.
churn() {
	local end=$((SECONDS + $1)) n=0
	while ((SECONDS < end)); do
		"${@:2}" 2>/dev/null || true
		n=$((n + 1))
	done
	printf '%s: %d times\n' "${*:2}" "$n"
	((n > 0))
}

put() { printf '%s\n' "$2" >"$SUBSYS/a/$1"; }
toggle() { put power 1; put power 0; }
configure() { put size $((RANDOM % 8 + 1)); put irqmode $((RANDOM % 3)); put blocksize 4096; }
remake() { mkdir "$SUBSYS/a"; rmdir "$SUBSYS/a"; }
look() { cat "$SUBSYS"/a/*; }
read_disk() { dd if=/dev/a of=/dev/null bs=4096 count=16 iflag=direct; }

together() {
	local pids=() pid action
	for action in "$@"; do
		churn 5 "$action" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# The device can be configured and used afterwards.
whole() {
	set_attr a size 4
	set_attr a blocksize 512
	power_on a
	want "sectors" "$(disk_field a size)" 8192
	must hold /dev/a
	must read_held /dev/a
}

power_race() {
	make_device a
	set_attr a size 4
	together toggle configure toggle look read_disk
	power_off a
	whole
}

remove_race() {
	together remake toggle configure look read_disk
	sys mkdir "$SUBSYS/a"
	power_off a
	whole
}

load_both nr_devices=0

tap_case "power, attributes and I/O at once" power_race
tap_case "mkdir, rmdir, power, attributes and I/O at once" remove_race
tap_run
