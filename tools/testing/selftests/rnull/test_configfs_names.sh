#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Names of configfs devices: strange, long and taken ones.

. "$(dirname "$0")/rnull_lib.sh"

# named NAME: print the errnos of mkdir and power-on, and the name of the disk.
named() {
	local before
	sys mkdir "$SUBSYS/$1"
	printf 'mkdir %s\n' "$ERR"
	[[ $ERR == 0 ]] || return 0
	before=$(ls /sys/block)
	set_attr "$1" size 1
	sys write "$SUBSYS/$1/power" "1\n"
	printf 'power %s\n' "$ERR"
	diff <(printf '%s\n' "$before") <(ls /sys/block) || true
	sys write "$SUBSYS/$1/power" "0\n"
	printf 'power off %s\n' "$ERR"
	want "disks" "$(ls /sys/block)" "$before"
	remove_device "$1"
}

repeat() { printf "%${2}s" '' | sed "s/ /$1/g"; }

# A disk made by module parameters reserves its name until it is removed.
taken_by_parameter() {
	unload
	load nr_devices=1
	refused EEXIST mkdir "$SUBSYS/${DISK}0"
	make_device "${DISK}1"
	power_on "${DISK}1"
	has_disk "${DISK}1"
}

# A device that is off has no disk, so it reserves its name only in configfs.
taken_by_device() {
	make_device a
	set_attr a size 1
	power_on a
	refused EEXIST mkdir "$SUBSYS/a"
	power_off a
	refused EEXIST mkdir "$SUBSYS/a"
}

several() {
	local name
	for name in "$@"; do
		make_device "$name"
		set_attr "$name" size 1
		power_on "$name"
		has_disk "$name"
	done
	for name in "$@"; do
		remove_device "$name"
		no_disk "$name"
	done
}

load_both nr_devices=0

for name in 'with blank' 'percent%s%n' 'caf\xc3\xa9' '\xff\xfe' '!' '-n' '--help' '*' ';x' \
	'a!b' 'UPPER' 'features2' '...' '.hidden' '\x01' 'new\\nline'; do
	tap_case "name \"${name//\\/\\\\}\", as null_blk" parity named "$name"
done
for length in 1 19 20 21 30 31 32 33 64 255 256; do
	tap_case "name of $length bytes, as null_blk" parity named "$(repeat x "$length")"
done
tap_case "name \"features\" is taken by the attribute" parity named features
tap_case "the name of a disk is taken" taken_by_parameter
tap_case "the name of a device is taken, on or off" taken_by_device
tap_case "eight devices at once" several a b c d e f g h
tap_run
