#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Load and unload the module by insmod and rmmod.

. "$(dirname "$0")/rnull_lib.sh"

load_unload() {
	local i
	for i in {1..20}; do
		printf 'round %d\n' "$i"
		insmod "$MODULE_FILE"
		has_disk "${DISK}0"
		want "attributes" "$(ls "$SUBSYS")" "features"
		must hold "/dev/${DISK}0"
		must read_held "/dev/${DISK}0"
		must release "/dev/${DISK}0"
		rmmod "$MODULE"
		no_disk "${DISK}0"
		[[ ! -e $SUBSYS && ! -e /sys/module/$MODULE ]]
	done
}

twice() {
	load
	refused EEXIST insmod "$MODULE_FILE" ""
	has_disk "${DISK}0"
}

no_devices() {
	load nr_devices=0
	want "disks" "$(disks)" ""
	want "attributes" "$(ls "$SUBSYS")" "features"
}

unload_gone() {
	refused ENOENT rmmod "$MODULE"
}

tap_case "20 loads and unloads make and remove the device" load_unload
tap_case "a second load is refused, the device stays" twice
tap_case "nr_devices=0 loads without a device" no_devices
tap_case "rmmod is refused when the module is not loaded" unload_gone
tap_run
