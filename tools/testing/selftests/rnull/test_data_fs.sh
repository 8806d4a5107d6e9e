#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# File systems and stacking drivers on a disk. File systems are made, filled, checked
# and mounted again.

. "$(dirname "$0")/rnull_lib.sh"

MIB_OF_DATA=8
[[ ${FULL:-} != 1 ]] || MIB_OF_DATA=400

# need_module MODULE PROGRAM...: skip the case if the module or a program is missing.
need_module() {
	local program
	modprobe -q "$1" || skip "no $1 in this kernel"
	for program in "${@:2}"; do
		type -P "$program" >/dev/null || skip "no $program"
	done
}

# quietly COMMAND...: run it, and show its output only if it fails.
quietly() {
	"$@" >"$WORK/said" 2>&1 || { printf '%s: %s\n' "$*" "$?"; cat "$WORK/said"; return 1; }
}

# disk NAME SETTINGS...: make a memory-backed disk.
disk() {
	local change
	make_device "$1"
	set_attr "$1" memory_backed 1
	for change in "${@:2}"; do
		set_attr "$1" "${change%%=*}" "${change#*=}"
	done
	power_on "$1"
}

mounted() {
	MOUNT=$WORK/mount
	mkdir -p "$MOUNT"
	trap 'umount "$MOUNT" 2>/dev/null || true' EXIT
	mount -t "$1" "${@:3}" "$2" "$MOUNT"
}

# fill: write files of all sizes, and delete and overwrite some of them.
fill() { quietly python3 "$LIB_DIR/files.py" fill "$MOUNT" "$MIB_OF_DATA"; }
# same: check that the files have not changed.
same() { quietly python3 "$LIB_DIR/files.py" check "$MOUNT"; }

# file_system TYPE CHECKER SETTINGS...: CHECKER is a command that checks the disk.
file_system() {
	local checker
	read -ra checker <<<"$2"
	need_module "$1" "mkfs.$1" "${checker[0]}"
	disk fs size=512 "${@:3}"
	quietly "mkfs.$1" -q /dev/fs
	mounted "$1" /dev/fs -o discard
	fill
	same
	umount "$MOUNT"
	quietly "${checker[@]}" /dev/fs
	# Unmounting has flushed the cache, so power-off loses nothing.
	power_off fs
	power_on fs
	mounted "$1" /dev/fs
	same
	fstrim "$MOUNT" 2>/dev/null || true
	same
	rm -r "${MOUNT:?}"/*
	fill
	same
	umount "$MOUNT"
	quietly "${checker[@]}" /dev/fs
}

# checked: compare the halves, and set DIFFER to the number of sectors that differ.
checked() {
	must write /sys/block/md127/md/sync_action "check\n"
	wait_for 60 grep -qx idle /sys/block/md127/md/sync_action
	read -r DIFFER </sys/block/md127/md/mismatch_cnt
}

# One half of a mirror has bad blocks. md reads their data from the other half and
# rewrites it, which makes the blocks good. Then the other half is replaced.
raid() {
	need_module raid1 mdadm
	disk half1 size=64 badblocks_once=1 "$@"
	disk half2 size=64 "$@"
	trap 'mdadm -q --stop /dev/md/rnull /dev/md127 2>/dev/null || true' EXIT
	quietly mdadm --create /dev/md127 --run --assume-clean --level=1 --raid-devices=2 \
		--metadata=1.2 --bitmap=none /dev/half1 /dev/half2
	quietly fio --name=write --filename=/dev/md127 --rw=write --bs=256k --size=32m --direct=1 \
		--verify=crc32c --do_verify=0 --thread
	# Make blocks bad in the data, which starts at 2 MiB at most.
	set_attr half1 badblocks +20000-20007
	set_attr half1 badblocks +30001-30003
	quietly fio --name=write --filename=/dev/md127 --rw=write --bs=256k --size=32m --direct=1 \
		--verify=crc32c --verify_only --thread
	# The check reads both halves completely. It counts unreadable sectors as
	# different, and rewrites them; after that nothing differs.
	checked
	((DIFFER > 0))
	checked
	want "blocks that differ" "$DIFFER" 0
	get_attr half1 badblocks
	want "bad blocks" "$RET" ""
	want "missing halves" "$(</sys/block/md127/md/degraded)" 0

	# Replace the other half, and rebuild it from the half that has bad blocks again.
	quietly mdadm /dev/md127 --fail /dev/half2
	wait_for 10 quietly mdadm /dev/md127 --remove /dev/half2
	quietly dd if=/dev/zero of=/dev/half2 bs=1M count=64 oflag=direct
	set_attr half1 badblocks +20000-20007
	set_attr half1 badblocks +30001-30003
	quietly mdadm /dev/md127 --add /dev/half2
	wait_for 60 recovered
	get_attr half1 badblocks
	want "bad blocks" "$RET" ""
	quietly mdadm /dev/md127 --fail /dev/half1
	quietly fio --name=write --filename=/dev/md127 --rw=write --bs=256k --size=32m --direct=1 \
		--verify=crc32c --verify_only --thread
	quietly mdadm --stop /dev/md127
}

recovered() {
	[[ $(</sys/block/md127/md/sync_action) == idle && $(</sys/block/md127/md/degraded) == 0 ]]
}

# Suspend and resume a linear map of two disks.
device_mapper() {
	need_module dm_mod dmsetup
	disk half1 size=32 "$@"
	disk half2 size=32 "$@"
	trap 'dmsetup remove -f rnull 2>/dev/null || true' EXIT
	# There is no udev to make the file in /dev.
	export DM_DISABLE_UDEV=1
	quietly dmsetup create rnull <<-END
		0 65536 linear /dev/half1 0
		65536 65536 linear /dev/half2 0
	END
	[[ -b /dev/mapper/rnull ]]
	quietly fio --name=write --filename=/dev/mapper/rnull --rw=randwrite --bs=4k --size=16m \
		--offset=24m --direct=1 --verify=crc32c --iodepth=16 --ioengine=io_uring --thread
	quietly dmsetup suspend rnull
	quietly dmsetup resume rnull
	quietly blkdiscard /dev/mapper/rnull
	must read_at /dev/mapper/rnull 65500 72
	want "discarded" "$RET" "00*36864"
	quietly dmsetup remove rnull
}

load_both nr_devices=0
tap_case "ext4, 4 KiB blocks, cache, completion by tag" file_system ext4 "e2fsck -fn" \
	blocksize=4096 cache_size=4 irqmode=3 discard=1
tap_case "xfs, two queues, completion at once" file_system xfs "xfs_repair -n" \
	submit_queues=2 irqmode=0 discard=1
tap_case "btrfs, cache without FUA" file_system btrfs "btrfs check" cache_size=4 fua=0
tap_case "md mirror over bad blocks, completion by tag" raid irqmode=3
tap_case "linear device mapper" device_mapper discard=1
tap_run
