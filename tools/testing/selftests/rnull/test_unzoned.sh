#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# On a kernel without CONFIG_BLK_DEV_ZONED, zoned=1 is refused, and all else works.

. "$(dirname "$0")/rnull_lib.sh"

! grep -qw blkdev_report_zones /proc/kallsyms || skip "this kernel has zones"

# said_why: print the driver's message without its name. It must name the option.
said_why() {
	local said
	said=$(dmesg -t | sed -n 's/^\(rnull_mod\|null_blk\): //p')
	printf '%s\n' "$said"
	[[ $said == *CONFIG_BLK_DEV_ZONED* ]]
}

refused_by_configfs() {
	make_device z
	set_attr z zoned 1
	set_attr z size 16
	set_attr z zone_size 4
	dmesg -C
	refused EINVAL write "$SUBSYS/z/power" "1\n"
	said_why
	get_attr z power
	printf 'power %s\n' "$RET"
	# After zoned=0 the device can be powered on.
	set_attr z zoned 0
	power_on z
	disk_field z queue/zoned
}

# If the module cannot make its device, loading it fails.
refused_by_parameter() {
	unload
	dmesg -C
	refused EINVAL insmod "$MODULE_FILE" "zoned=1 gb=1"
	said_why
	load nr_devices=0
}

zones_that_fail() {
	local attr
	make_device z
	for attr in zone_readonly zone_offline; do
		refused EOPNOTSUPP write "$SUBSYS/z/$attr" "0\n"
		refused EOPNOTSUPP write "$SUBSYS/z/$attr" "?bad\n"
	done
	set_attr z size 4
	power_on z
	refused EOPNOTSUPP write "$SUBSYS/z/zone_readonly" "0\n"
}

other_data() {
	make_device z
	set_attr z size 4
	set_attr z memory_backed 1
	power_on z
	fio --name=job --filename=/dev/z --thread --direct=1 --bs=4k --size=1m --rw=randwrite \
		--verify=crc32c --output="$WORK/fio" || { cat "$WORK/fio"; return 1; }
	power_off z
}

load_both nr_devices=0
tap_case "zoned=1 through configfs" parity refused_by_configfs
tap_case "zoned=1 as a parameter" parity refused_by_parameter
tap_case "zones that fail" parity zones_that_fail
tap_case "data without zones" parity other_data
tap_run
