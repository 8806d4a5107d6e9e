#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The part of `make demo' that runs in the guest: compare rnull's devices with C
# null_blk's.

set -euo pipefail

CONFIGFS=/sys/kernel/config
MODULE=/usr/lib/modules/$(uname -r)/kernel/drivers/block/rnull/rnull_mod.ko
# Fewer turns give no 95 % interval.
TURNS=6

# device DRIVER NAME IRQMODE: make a device through configfs, and power it on.
device() {
	mkdir "$CONFIGFS/$1/$2"
	echo "$3" > "$CONFIGFS/$1/$2/irqmode"
	echo 1 > "$CONFIGFS/$1/$2/power"
	[[ -b /dev/$2 ]] || { echo "power-on made no /dev/$2"; exit 1; }
}

# compare MODE SIZE DEPTH RNULL NULL_BLK: run fio on both devices in turn, and print the
# results for turns.py. Each device goes first in half of the turns. One more turn, which
# does not count, warms up: an emulator translates code when it first runs.
compare() {
	local turn driver drivers jobs=()
	local -A devices=([rnull]=$4 [null_blk]=$5)
	for (( turn = 0; turn <= TURNS; turn++ )); do
		drivers=(rnull null_blk)
		(( turn % 2 )) || drivers=(null_blk rnull)
		for driver in "${drivers[@]}"; do
			jobs+=("--name=$driver-$turn" --stonewall
				"--filename=/dev/${devices[$driver]}")
		done
	done
	echo "row $1 $2 $3"
	# A single fio, because starting it takes longer than a turn.
	fio --minimal --terse-version=3 --thread --name=global \
		--ioengine=io_uring --direct=1 --rw=randread --norandommap \
		--bs="$2" --iodepth="$3" --ramp_time=100ms --runtime=500ms \
		--time_based "${jobs[@]}"
}

compare_all() {
	local depth
	for depth in 1 64; do
		compare none 4k $depth rnull-none nullb-none
		compare softirq 4k $depth rnullb0 nullb0
		compare timer 4k $depth rnull-timer nullb-timer
	done
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
echo "mkdir in $CONFIGFS/{rnull,nullb}: made /dev/{rnull,nullb}-{none,timer}, irqmode 0 and 2"
echo "fio reads at random from a device of each driver in turn, $TURNS times:"
echo
compare_all | python3 -B /run/rnull/bench/turns.py
echo
for driver in rnull nullb; do
	rmdir "$CONFIGFS/$driver/$driver"-{none,timer}
done
rmmod rnull_mod
modprobe -r null_blk
