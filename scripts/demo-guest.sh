#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The part of `make demo' that runs in the guest.

set -euo pipefail

CONFIGFS=/sys/kernel/config
MODULE=/usr/lib/modules/$(uname -r)/kernel/drivers/block/rnull/rnull_mod.ko

# device DRIVER NAME IRQMODE: power one on through configfs.
device() {
	mkdir "$CONFIGFS/$1/$2"
	echo "$3" > "$CONFIGFS/$1/$2/irqmode"
	echo 1 > "$CONFIGFS/$1/$2/power"
	[[ -b /dev/$2 ]] || { echo "no /dev/$2 after power on"; exit 1; }
}

# row DEVICE MODE SIZE DEPTH: a line of the table, from fio's terse output. The first
# second does not count: an emulator translates then what it has not run before.
row() {
	local result
	result=$(fio --minimal --terse-version=3 --name=demo --filename="/dev/$1" \
		--ioengine=io_uring --direct=1 --rw=randread --norandommap \
		--bs="$3" --iodepth="$4" --ramp_time=1 --runtime=1 \
		--time_based)
	awk -F';' -v device="/dev/$1" -v mode="$2" -v size="$3" -v depth="$4" '
	{
		if ($5 != 0 || $8 + 0 == 0) { print "fio failed: " $0; exit 1 }
		printf "%-18s %-8s %5s %5d %9d %9.1f\n", device, mode, size, depth, $8, $40
	}' <<< "$result"
}

insmod "$MODULE"
[[ -b /dev/rnullb0 ]] || { echo "no /dev/rnullb0 after insmod"; exit 1; }
echo "insmod rnull_mod.ko: made /dev/rnullb0, $(blockdev --getsize64 /dev/rnullb0) bytes," \
	"blocks of $(blockdev --getss /dev/rnullb0)"
modprobe null_blk
for driver in rnull nullb; do
	device "$driver" "$driver-none" 0
	device "$driver" "$driver-timer" 2
done
echo "by configfs ($CONFIGFS/{rnull,nullb}): the devices for irqmode 0 and 2;" \
	"nullb* are C null_blk's"
echo
printf '%-18s %-8s %5s %5s %9s %9s\n' device mode block depth IOPS 'mean, us'
# The first run of all takes longer to get going, and counts for nothing.
row nullb-none none 4k 1 > /dev/null
for depth in 1 64; do
	row rnull-none none 4k $depth
	row nullb-none none 4k $depth
	row rnullb0 softirq 4k $depth
	row nullb0 softirq 4k $depth
	row rnull-timer timer 4k $depth
	row nullb-timer timer 4k $depth
done
echo
for driver in rnull nullb; do
	rmdir "$CONFIGFS/$driver/$driver"-{none,timer}
done
rmmod rnull_mod
modprobe -r null_blk
