#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The life of a device in configfs: mkdir, power-on, power-off and rmdir, in every
# order that makes sense.

. "$(dirname "$0")/rnull_lib.sh"

FIXED=(size blocksize irqmode completion_nsec index)

# The file features lists the attributes, by the C driver's names.
features() {
	local names
	make_device a
	names=$(attributes a)
	want "features" "$(tr , '\n' <"$SUBSYS/features" | LC_ALL=C sort)" "$names"
	want "the attributes that every device has" \
		"$(grep -cxE 'blocksize|completion_nsec|index|irqmode|power|size' <<<"$names")" 6
}

# The names that null_blk has, too, are in its order, so scripts can grep for several.
features_known() {
	local c ours
	have null_blk || skip "no null_blk to compare with"
	c=$(tr , ' ' <"$CONFIGFS/nullb/features")
	ours=$(python features common "$SUBSYS")
	want "features that null_blk has, in its order" "$ours" "$c"
}

features_read_only() {
	want "mode" "$(stat -c %a "$SUBSYS/features")" 444
	make_device a
	want "modes" "$(cd "$SUBSYS/a" && stat -c '%n %a' power size index | paste -sd' ')" \
		"power 644 size 644 index 644"
}

read_back() {
	make_device a
	set_attr a size 12
	set_attr a blocksize 2048
	set_attr a irqmode 2
	set_attr a completion_nsec 77
	set_attr a index 5
	want_attr a size 12
	want_attr a blocksize 2048
	want_attr a irqmode 2
	want_attr a completion_nsec 77
	want_attr a index 5
	want_attr a power 0
	no_disk a
}

power_makes_the_disk() {
	make_device a
	set_attr a size 12
	set_attr a blocksize 2048
	power_on a
	want_attr a power 1
	has_disk a
	want "sectors" "$(disk_field a size)" $((12 * 2048))
	want "bytes" "$(blockdev --getsize64 /dev/a)" $((12 << 20))
	want "logical" "$(blockdev --getss /dev/a)" 2048
	want "physical" "$(blockdev --getpbsz /dev/a)" 2048
	power_off a
	want_attr a power 0
	no_disk a
}

fixed_while_on() {
	local attr before
	make_device a
	set_attr a size 1
	power_on a
	for attr in "${FIXED[@]}"; do
		get_attr a "$attr"
		before=$RET
		refused EBUSY write "$SUBSYS/a/$attr" "1\n"
		# An invalid number is EINVAL, whether the device is on or off.
		refused EINVAL write "$SUBSYS/a/$attr" "x\n"
		want_attr a "$attr" "$before"
	done
	power_off a
	for attr in "${FIXED[@]}"; do
		set_attr a "$attr" 1
		want_attr a "$attr" 1
	done
}

power_twice() {
	make_device a
	set_attr a size 1
	power_off a
	no_disk a
	power_on a
	power_on a
	want_attr a power 1
	has_disk a
	power_off a
	power_off a
	no_disk a
}

# The second power-on uses the second configuration, and nothing of the first.
second_life() {
	make_device a
	set_attr a size 1
	set_attr a irqmode 2
	power_on a
	power_off a
	set_attr a size 3
	set_attr a blocksize 4096
	set_attr a irqmode 0
	power_on a
	want "sectors" "$(disk_field a size)" $((3 * 2048))
	want "logical" "$(disk_field a queue/logical_block_size)" 4096
	want_attr a irqmode 0
	must hold /dev/a
	must read_held /dev/a
	must write_held /dev/a
}

rmdir_powered() {
	make_device a
	set_attr a size 1
	power_on a
	remove_device a
	no_disk a
	[[ ! -e $SUBSYS/a ]]
	make_device a
	want_attr a power 0
	want_attr a size 256000
}

many_lives() {
	local i
	for i in {1..10}; do
		printf 'round %d\n' "$i"
		make_device a
		set_attr a size "$i"
		power_on a
		want "sectors" "$(disk_field a size)" $((i * 2048))
		((i % 2)) || power_off a
		remove_device a
		no_disk a
	done
}

# fio_runs DISK IRQMODE: start an endless job in the background, and wait for I/O.
fio_runs() {
	fio_job "$WORK/fio" "$1" --time_based --runtime=120 --number_ios=0 --iodepth=32 \
		--size=100% >"$WORK/fio.err" 2>&1 &
	FIO=$!
	wait_for 30 ios_seen "$1"
}
ios_seen() {
	local field
	read -ra field <"/sys/block/$1/stat"
	((field[4] > 100))
}

fio_ends() {
	local status=0
	wait_for 30 fio_gone
	wait "$FIO" || status=$?
	# fio may have failed, because it lost its device.
	printf 'fio: %d\n' "$status"
	((status != 0))
}
fio_gone() { ! kill -0 "$FIO" 2>/dev/null; }

# gone_under_io IRQMODE HOW
gone_under_io() {
	make_device a
	set_attr a size 64
	set_attr a irqmode "$1"
	set_attr a completion_nsec 200000
	power_on a
	fio_runs a
	case $2 in
	rmdir) remove_device a ;;
	power) power_off a ;;
	esac
	no_disk a
	fio_ends
}

# Use a descriptor that is held over power-off, and a new one after it.
held_over_power_off() {
	make_device a
	set_attr a size 1
	power_on a
	must hold /dev/a
	must read_held /dev/a
	power_off a
	sys read_held /dev/a
	printf 'read: %s\n' "$ERR"
	sys write_held /dev/a
	printf 'write: %s\n' "$ERR"
	power_on a
	sys read_held /dev/a
	printf 'read, powered again: %s\n' "$ERR"
	sys read "/dev/a"
	printf 'read by a new descriptor: %s\n' "$ERR"
	must release /dev/a
}

two_devices() {
	make_device a
	make_device b
	set_attr a size 1
	set_attr b size 2
	power_on a
	want_attr b power 0
	no_disk b
	power_on b
	want "sizes" "$(disk_field a size) $(disk_field b size)" "2048 4096"
	[[ $(disk_field a dev) != $(disk_field b dev) ]]
	power_off a
	no_disk a
	has_disk b
	remove_device a
	must hold /dev/b
	must read_held /dev/b
}

# Power-on assigns the lowest free index.
indexes() {
	local device
	for device in a b c; do
		make_device "$device"
		set_attr "$device" size 1
		set_attr "$device" index 9
		power_on "$device"
		get_attr "$device" index
		printf '%s has %s\n' "$device" "$RET"
	done
	power_off b
	get_attr b index
	printf 'b, off, has %s\n' "$RET"
	make_device d
	set_attr d size 1
	get_attr d index
	printf 'd, never on, has %s\n' "$RET"
	power_on d
	get_attr d index
	printf 'd has %s\n' "$RET"
	power_on b
	get_attr b index
	printf 'b has %s\n' "$RET"
	remove_device a
	remove_device c
	power_off d
	power_on d
	get_attr d index
	printf 'd has %s\n' "$RET"
}

# Reading after writing on one descriptor may return the value, never uninitialised
# memory.
one_descriptor() {
	local attr
	make_device a
	for attr in blocksize size power; do
		sys write_then_read "$SUBSYS/a/$attr" "0\n"
		printf '%s: %s "%s"\n' "$attr" "$ERR" "$RET"
	done
}

no_directories_below() {
	make_device a
	refused EPERM mkdir "$SUBSYS/a/b"
	refused EPERM rmdir "$SUBSYS"
}

same_name_twice() {
	make_device a
	refused EEXIST mkdir "$SUBSYS/a"
	refused ENOENT rmdir "$SUBSYS/b"
}

load_both nr_devices=0

tap_case "features names every attribute" features
tap_case "features are null_blk's, in its order" features_known
tap_case "features is read-only, attributes are not" features_read_only
tap_case "attributes return the values written, before power-on" read_back
tap_case "power-on makes the disk as configured, power-off removes it" power_makes_the_disk
tap_case "attributes are fixed while the device is on" fixed_while_on
tap_case "a second power-on and a second power-off change nothing" power_twice
tap_case "a second power-on uses the changed settings" second_life
tap_case "rmdir of a device that is on removes the disk" rmdir_powered
tap_case "10 power cycles" many_lives
for irqmode in "${IRQMODES[@]}"; do
	tap_case "rmdir under I/O, irqmode $irqmode" gone_under_io "$irqmode" rmdir
	tap_case "power-off under I/O, irqmode $irqmode" gone_under_io "$irqmode" power
done
tap_case "a descriptor that is open across power-off, as null_blk" parity held_over_power_off
tap_case "two devices are independent" two_devices
tap_case "index: the lowest free one, as null_blk's" parity indexes
tap_case "reading after writing on one descriptor, as null_blk" parity one_descriptor
tap_case "devices refuse subdirectories, the root cannot be removed" no_directories_below
tap_case "mkdir refuses a name that exists" same_name_twice
tap_run
