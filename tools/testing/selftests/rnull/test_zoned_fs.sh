#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# File systems on memory-backed zoned devices: made, filled, checked and mounted again.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

need_zones

# need_fs NAME TOOL: skip the case if the kernel lacks the file system, or its tool is
# missing.
need_fs() {
	modprobe -q "$1" || grep -qw "$1" /proc/filesystems || skip "no $1 in this kernel"
	[[ $(type -P "$2") ]] || skip "no $2"
	has_feature memory_backed || skip "$MODULE has no memory_backed"
}

# leave: unmount; also called if a case fails.
mounted() {
	MOUNT=$WORK/mount
	mkdir -p "$MOUNT"
	trap 'umount "$MOUNT" 2>/dev/null || true' EXIT
	mount -t "$1" "${@:3}" "$2" "$MOUNT"
}

# sums DIRECTORY: print checksums of its files.
sums() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum); }

# fill DIRECTORY FILES: write files of all sizes, and remove some of them.
fill() {
	local number
	for ((number = 0; number < $2; number++)); do
		head -c $((number * 7919 % 300000 + 1)) /dev/urandom >"$1/$number"
	done
	for ((number = 0; number < $2; number += 3)); do
		rm "$1/$number"
	done
	sync
}

# zonefs IRQMODE ATTRIBUTE=VALUE...: test zonefs, where a zone is an append-only file.
zonefs() {
	local file sum
	load nr_devices=0
	need_fs zonefs mkzonefs
	zoned z memory_backed=1 size=32 zone_size=4 zone_nr_conv=2 irqmode="$1" "${@:2}"
	mkzonefs -f /dev/z >/dev/null
	mounted zonefs /dev/z
	want "conventional" "$(find "$MOUNT/cnv" -type f | wc -l)" 1
	want "sequential" "$(find "$MOUNT/seq" -type f | wc -l)" 6
	head -c 1048576 /dev/urandom >"$WORK/data"
	for file in 0 1 5; do
		dd if="$WORK/data" of="$MOUNT/seq/$file" bs=64k oflag=direct,append \
			conv=notrunc status=none
	done
	dd if="$WORK/data" of="$MOUNT/cnv/0" bs=64k oflag=direct conv=notrunc status=none
	# A write elsewhere than at the end fails.
	fails dd if="$WORK/data" of="$MOUNT/seq/0" bs=64k count=1 oflag=direct conv=notrunc \
		status=none 2>/dev/null
	umount "$MOUNT"
	mounted zonefs /dev/z
	sum=$(sha256sum <"$WORK/data")
	for file in seq/0 seq/1 seq/5; do
		want "$file" "$(sha256sum <"$MOUNT/$file")" "$sum"
	done
	want "cnv/0" "$(head -c 1048576 "$MOUNT/cnv/0" | sha256sum)" "$sum"
	truncate -s 0 "$MOUNT/seq/1"
	must zones /dev/z $((3 * 4 * MIB)) 1
	[[ $RET == *:EMPTY ]]
	# Truncating the file to the zone's capacity finishes the zone.
	get_attr z zone_capacity
	truncate -s "${RET}M" "$MOUNT/seq/0"
	must zones /dev/z $((2 * 4 * MIB)) 1
	[[ $RET == *:FULL ]]
	umount "$MOUNT"
}

# f2fs ATTRIBUTE=VALUE...
f2fs() {
	load nr_devices=0
	need_fs f2fs mkfs.f2fs
	# Conventional zones hold the data that f2fs writes in place.
	zoned z memory_backed=1 size=512 zone_size=16 zone_nr_conv=8 "$@"
	mkfs.f2fs -q -f -m /dev/z >"$WORK/mkfs" 2>&1 || { cat "$WORK/mkfs"; return 1; }
	mounted f2fs /dev/z
	fill "$MOUNT" 60
	sums "$MOUNT" >"$WORK/before"
	umount "$MOUNT"
	fsck.f2fs --dry-run /dev/z >"$WORK/fsck" 2>&1 || { tail -n 20 "$WORK/fsck"; return 1; }
	mounted f2fs /dev/z
	sums "$MOUNT" >"$WORK/after"
	cmp "$WORK/before" "$WORK/after"
	umount "$MOUNT"
}

# btrfs APPENDS ATTRIBUTE=VALUE...: test btrfs, which writes data by zone appends.
# APPENDS is "native" if the device must get zone appends.
btrfs_zoned() {
	local native
	load nr_devices=0
	need_fs btrfs mkfs.btrfs
	need_events
	zoned z memory_backed=1 size=640 zone_size=16 zone_nr_conv=0 blocksize=4096 "${@:2}"
	mkfs.btrfs -q -f -O zoned -d single -m single /dev/z >"$WORK/mkfs" 2>&1 ||
		{ cat "$WORK/mkfs"; return 1; }
	mounted btrfs /dev/z
	traced fill "$MOUNT" 60 >"$WORK/events"
	native=emulated
	! grep -q 'req=ZONE_APPEND' "$WORK/events" || native=native
	want "zone append" "$native" "$1"
	sums "$MOUNT" >"$WORK/before"
	umount "$MOUNT"
	btrfs check --readonly /dev/z >"$WORK/fsck" 2>&1 || { tail -n 20 "$WORK/fsck"; return 1; }
	mounted btrfs /dev/z
	sums "$MOUNT" >"$WORK/after"
	cmp "$WORK/before" "$WORK/after"
	btrfs scrub start -B "$MOUNT" >"$WORK/scrub"
	grep -q 'no errors found' "$WORK/scrub"
	umount "$MOUNT"
}

# zonefs_fio IRQMODE: write by io_uring, zone after zone, and verify.
zonefs_fio() {
	local report capacity
	load nr_devices=0
	[[ $1 != 3 || $MODULE == rnull_mod ]] || skip "$MODULE has no irqmode 3"
	need_fs zonefs mkzonefs
	zoned z memory_backed=1 size=32 zone_size=4 zone_capacity=3 irqmode="$1"
	mkzonefs -f /dev/z >/dev/null
	mounted zonefs /dev/z
	get_attr z zone_capacity
	capacity=$RET
	fio --name=files --directory="$MOUNT/seq" --filename=0:1:2:3 \
		--file_service_type=sequential --ioengine=io_uring --direct=1 --rw=write \
		--bs=64k --filesize="${capacity}m" \
		--create_on_open=1 --fallocate=none --verify=crc32c --do_verify=1 \
		--verify_fatal=1 --output-format=json --output="$WORK/fio"
	must fio_report "$WORK/fio"
	read -ra report <<<"$RET"
	want "errors" "${report[0]}" 0
	want "writes" "${report[3]}" $((4 * capacity * 16))
	must zones /dev/z 0 4
	[[ $RET != *EMPTY* ]]
	umount "$MOUNT"
}

for irqmode in 0 1 2; do
	tap_case "zonefs, irqmode $irqmode" zonefs "$irqmode"
done
tap_case "zonefs by fio and io_uring, irqmode 0" zonefs_fio 0
tap_case "zonefs by fio and io_uring, irqmode 3" zonefs_fio 3
tap_case "zonefs, no zone append" zonefs 1 zone_append_max_sectors=0
tap_case "zonefs, a smaller capacity" zonefs 1 zone_capacity=3
tap_case "zonefs, four open zones" zonefs 1 zone_max_open=4
tap_case "f2fs" f2fs
tap_case "f2fs, limited zones" f2fs zone_max_open=6 zone_max_active=12
tap_case "btrfs, native zone append" btrfs_zoned native
tap_case "btrfs, emulated zone append" btrfs_zoned emulated zone_append_max_sectors=0
tap_case "btrfs, limited zones" btrfs_zoned native zone_max_open=14 zone_max_active=14
tap_run
