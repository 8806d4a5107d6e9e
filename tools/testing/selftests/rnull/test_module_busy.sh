#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Unloading the module is refused while it is in use, and safe after that.

. "$(dirname "$0")/rnull_lib.sh"

ROUNDS=2
[[ ${FULL:-} != 1 ]] || ROUNDS=10

# unload_refused: check that delete_module() fails with the errno of a module in
# use, and that rmmod fails, too.
unload_refused() {
	refused EAGAIN rmmod "$MODULE"
	fails rmmod "$MODULE" 2>"$WORK/rmmod"
	grep -q "in use" "$WORK/rmmod"
	loaded
}

open_disk() {
	load gb=1
	must hold "/dev/${DISK}0"
	unload_refused
	must read_held "/dev/${DISK}0"
	must release "/dev/${DISK}0"
	unload
	no_disk "${DISK}0"
}

# make_on DEVICE: make a device in configfs, and power it on.
make_on() {
	make_device "$1"
	set_attr "$1" size 4
	power_on "$1"
}

# The last close comes after the disk was removed, and needs the module's code.
open_disk_off() {
	load nr_devices=0
	make_on a
	must hold /dev/a
	power_off a
	no_disk a
	unload_refused
	must release /dev/a
	remove_device a
	unload
}

open_disk_removed() {
	load nr_devices=0
	make_on a
	must hold /dev/a
	case $1 in
	off) power_off a ;;
	on) ;;
	esac
	remove_device a
	no_disk a
	unload_refused
	sys read_held /dev/a
	printf 'read of a removed disk: %s\n' "$ERR"
	unload_refused
	must release /dev/a
	unload
}

# The same, while another disk has the name.
open_disk_replaced() {
	load nr_devices=0
	make_on a
	must hold /dev/a
	remove_device a
	make_on a
	has_disk a
	unload_refused
	must release /dev/a
	remove_device a
	unload
}

directory() {
	load nr_devices=0
	make_device a
	unload_refused
	set_attr a size 4
	power_on a
	unload_refused
	power_off a
	unload_refused
	remove_device a
	unload
}

open_attribute() {
	load nr_devices=0
	make_device a
	exec 7<"$SUBSYS/a/size"
	remove_device a
	unload_refused
	# The item of the open file was removed, so the read fails.
	fails cat <&7 2>"$WORK/cat"
	grep -q "No such file" "$WORK/cat"
	exec 7<&-
	unload
}

# A file in debugfs does not keep the module, and may be closed after it.
open_statistics() {
	load gb=1
	exec 7<"/sys/kernel/debug/rnull/${DISK}0/statistics"
	unload
	fails cat <&7 2>"$WORK/cat"
	grep -q "Input/output error" "$WORK/cat"
	exec 7<&-
	load gb=1
	unload
}

open_root() {
	load nr_devices=0
	exec 7<"$SUBSYS/features"
	unload_refused
	exec 7<&-
	unload
}

# Unload while a process does I/O to the disk.
under_io() {
	load gb=1 irqmode="$1" completion_nsec=100000
	local job status=0
	# fio runs until it is killed, so that it is running when the unload is refused.
	fio_job "$WORK/fio" "${DISK}0" --time_based --runtime=600 --number_ios=0 --iodepth=16 &
	job=$!
	wait_for 30 busy
	unload_refused
	pkill -TERM -P "$job" -x fio
	wait "$job" || status=$?
	# fio exits with 128 after SIGTERM.
	((status == 0 || status == 128))
	unload
	no_disk "${DISK}0"
}
busy() {
	local field
	read -ra field <"/sys/block/${DISK}0/stat"
	((field[4] > 10))
}

# Unload right after I/O, when the last timers and references have just ended.
after_io() {
	local i
	for ((i = 0; i < ROUNDS; i++)); do
		load gb=1 irqmode="$1" completion_nsec=1000000
		fio_job "$WORK/fio" "${DISK}0" --iodepth=64 --number_ios=300
		unload
	done
}

tap_case "an open disk keeps the module" open_disk
tap_case "an open disk that was powered off keeps the module" open_disk_off
tap_case "an open disk that was powered off and removed keeps the module" open_disk_removed off
tap_case "an open disk that was removed while on keeps the module" open_disk_removed on
tap_case "an open disk keeps the module while another has its name" open_disk_replaced
tap_case "a directory in configfs keeps the module" directory
tap_case "an open attribute of a removed device keeps the module" open_attribute
tap_case "an open features file keeps the module" open_root
[[ $DRIVER != rnull ]] ||
	tap_case "an open debugfs file is closed after the module is unloaded" open_statistics
for irqmode in "${IRQMODES[@]}"; do
	tap_case "unload under I/O is refused, irqmode $irqmode" under_io "$irqmode"
	tap_case "unload straight after I/O, irqmode $irqmode" after_io "$irqmode"
done
tap_run
