#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compare zoned devices with those of null_blk in the same boot: attributes, geometries,
# operations and their errors.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

need_zones

ATTRS=(zoned zone_size zone_capacity zone_nr_conv zone_max_open zone_max_active
	zone_append_max_sectors zone_full)

# ------------------------------------------------------------- attributes

# defaults: print the defaults of a new device, and the modes of the attributes.
defaults() {
	local attr
	make_device z
	for attr in "${ATTRS[@]}"; do
		get_attr z "$attr"
		printf '%s=%s\n' "$attr" "$RET"
	done
	for attr in "${ATTRS[@]}" zone_readonly zone_offline; do
		stat -c '%a %n' "$SUBSYS/z/$attr" | sed 's|/.*/||'
	done
	sys read "$SUBSYS/z/zone_readonly"
	printf 'read: %s\n' "$ERR"
}

# values ATTRIBUTE: write values; print the errnos and the values that are read back.
values() {
	local value
	make_device z
	for value in 0 1 2 y n on off -1 0x10 010 '' ' 1' 1k 2147483648 4294967295 4294967296 \
		18446744073709551615 18446744073709551616; do
		sys write "$SUBSYS/z/$1" "$value\n"
		printf '"%s": %s %s' "$value" "$ERR" "$RET"
		get_attr z "$1"
		printf ' -> %s\n' "$RET"
	done
}

# fixed: try to change the attributes while the device is on.
fixed() {
	local attr
	zoned z size=4 zone_size=1
	for attr in "${ATTRS[@]}"; do
		sys write "$SUBSYS/z/$attr" "1\n"
		get_attr z "$attr"
		printf '%s: %s %s\n' "$attr" "$ERR" "$RET"
	done
}

# log: print the driver's messages about zones, without its name.
zone_messages() {
	dmesg -t | grep -E '^(rnull_mod|null_blk): .*[zZ]one' | sed 's/^[a-z_]*: //'
	return 0
}

# powered ATTRIBUTE=VALUE...: power on, and print the result.
powered() {
	local pair
	make_device z
	set_attr z zoned 1
	for pair in "$@"; do
		set_attr z "${pair%%=*}" "${pair#*=}"
	done
	dmesg -C
	sys write "$SUBSYS/z/power" "1\n"
	printf '%s\n' "$ERR"
	zone_messages | LC_ALL=C sort
	for pair in "${ATTRS[@]}" power; do
		get_attr z "$pair"
		printf '%s=%s ' "$pair" "$RET"
	done
	[[ ! -e /sys/block/z ]] || limits
}

# too_large SIZE ZONE_SIZE: print the result of power-on with zones larger than the
# block layer supports. With null_blk, only the block layer logs the reason.
too_large() {
	make_device z
	set_attr z zoned 1
	set_attr z size "$1"
	set_attr z zone_size "$2"
	sys write "$SUBSYS/z/power" "1\n"
	printf '%s' "$ERR"
	get_attr z power
	printf ' power %s' "$RET"
}

# beyond_a_disk: sizes that a disk cannot have, with zones of any size. In null_blk the
# number of sectors wraps around. If there are no zones then, it writes beyond their array.
beyond_a_disk() {
	local size zone_size result
	for size in 43 44 52 53 63; do
		for zone_size in 0 20 42 43 44 53 63; do
			result=$(too_large "$(power_of_two $size)" "$(power_of_two $zone_size)")
			want "2^$size MiB, zones of 2^$zone_size MiB" "$result" "EINVAL power 0"
			remove_device z
		done
	done
}

# power_of_two EXPONENT: print the number. Bash has signed numbers only.
power_of_two() { printf '%u' $((1 << $1)); }

# limits: print the block layer's limits for the device.
limits() {
	local file
	for file in zoned chunk_sectors nr_zones max_open_zones max_active_zones \
		zone_append_max_bytes zone_write_granularity logical_block_size; do
		printf '%s: %s\n' "$file" "$(disk_field z "queue/$file")"
	done
	disk_field z size
}

# --------------------------------------------------------------- geometry

# geometry ATTRIBUTE=VALUE...: print the report of blkzone.
geometry() {
	zoned z "$@"
	limits
	blkzone report /dev/z
	blkzone report -o $((3 * MIB)) -c 2 /dev/z
	blkzone capacity /dev/z
	must write_at /dev/z "$(last_start)" 8
	blkzone open -c 1 -o "$(last_start)" /dev/z
	blkzone report -o "$(last_start)" /dev/z
	blkzone close -c 1 -o "$(last_start)" /dev/z
	blkzone report -o "$(last_start)" /dev/z
	blkzone finish -c 1 -o "$(last_start)" /dev/z
	blkzone report -o "$(last_start)" /dev/z
	blkzone reset -c 1 -o "$(last_start)" /dev/z
	blkzone report -o "$(last_start)" /dev/z
	look
}

# last_start: print the first sector of the last zone.
last_start() {
	local size chunk
	size=$(disk_field z size)
	chunk=$(disk_field z queue/chunk_sectors)
	printf '%s' $(((size - 1) / chunk * chunk))
}

# ------------------------------------------------------------- operations

# Zones of 4 MiB with a capacity of 3 MiB; the first one is conventional.
BASE=(size=32 zone_size=4 zone_capacity=3 zone_nr_conv=1)
Z=$((4 * MIB))

# writes: do valid and invalid writes.
writes() {
	zoned z "${BASE[@]}" "$@"
	io write_at 0 8
	io write_at 100 8
	io write_at $Z 8
	io write_at $Z 8
	io write_at $((Z + 16)) 8
	io write_at $((Z + 8)) 8
	io write_at $((2 * Z + 8)) 8
	look
	# Write up to the capacity, and beyond it.
	for ((i = 0; i < 3 * MIB; i += 1024)); do
		io write_at $((2 * Z + i)) 1024
	done
	io write_at $((2 * Z + 3 * MIB)) 8
	io write_at $((3 * Z - 8)) 16
	look
	io read_at $((8 * Z - 8)) 16
	io write_at $((8 * Z)) 8
}

# management: do each operation in each condition.
management() {
	local op cond
	zoned z "${BASE[@]}" "$@"
	for op in open close finish reset; do
		io zone "$op" 0 $Z
		for cond in empty open written opened closed full finished readonly offline; do
			bring $cond
			io zone "$op" $Z $Z
			must zones /dev/z $Z 1
			printf '%s %s: %s\n' $cond $op "$RET"
			io write_at $Z 8
			io write_at $((Z + 8)) 8
			must zones /dev/z $Z 1
			printf '  then %s\n' "$RET"
			restore
		done
	done
	# Ranges: several zones, a start within a zone, and less than a zone.
	io zone open $((2 * Z)) $((2 * Z))
	io zone close $((2 * Z + 8)) $Z
	io zone close $((2 * Z)) 8
	io zone finish $((7 * Z)) $((2 * Z))
	io zone reset 0 $((8 * Z))
	look
}

# bring CONDITION: bring zone 1 into the condition.
bring() {
	case $1 in
	empty) ;;
	open) must zone /dev/z open $Z $Z ;;
	written) must write_at /dev/z $Z 8 ;;
	opened) must write_at /dev/z $Z 8; must zone /dev/z open $Z $Z ;;
	closed) must write_at /dev/z $Z 8; must zone /dev/z close $Z $Z ;;
	full)
		for ((i = 0; i < 3 * MIB; i += 1024)); do
			must write_at /dev/z $((Z + i)) 1024
		done
		;;
	finished) must zone /dev/z finish $Z $Z ;;
	readonly | offline) set_attr z "zone_$1" $Z ;;
	esac
	BROUGHT=$1
}

# restore: make zone 1 empty again.
restore() {
	case $BROUGHT in
	readonly | offline) set_attr z "zone_$BROUGHT" $Z ;;
	*) must zone /dev/z reset $Z $Z ;;
	esac
}

# failures: make zones fail by zone_readonly and zone_offline.
failures() {
	local how
	zoned z "${BASE[@]}" "$@"
	must write_at /dev/z $Z 8
	must write_at /dev/z $((2 * Z)) 8
	must zone /dev/z open $((3 * Z)) $Z
	for how in readonly offline; do
		for sector in 0 $((8 * Z)) 18446744073709551615 x '' $((Z + 9)) $((2 * Z)) \
			$((3 * Z)) $((4 * Z)) $((4 * Z)); do
			dmesg -C
			sys write "$SUBSYS/z/zone_$how" "$sector\n"
			printf '%s %s: %s %s\n' "$how" "$sector" "$ERR" "$RET"
			dmesg -t | grep -E 'Sector|conventional' | sed 's/^[a-z_]*: //' || true
			look
			io read_at $Z 8 | sed 's/[0-9a-f]*\*4096/data/'
			io write_at $Z 8
			io zone reset $Z $Z
			io zone reset 0 $((8 * Z))
		done
	done
}

# failing_needs: zone_readonly and zone_offline need a zoned device that is on.
failing_needs() {
	local how
	for how in readonly offline; do
		make_device z
		dmesg -C
		sys write "$SUBSYS/z/zone_$how" "0\n"
		printf '%s\n' "$ERR"
		set_attr z zoned 1
		sys write "$SUBSYS/z/zone_$how" "0\n"
		printf '%s\n' "$ERR"
		remove_device z
		dmesg -t | grep -o 'device is not .*'
	done
}

# limited: open more zones than the limits allow.
limited() {
	zoned z "${BASE[@]}" "$@"
	for zone in 1 2 3 4 5; do
		io write_at $((zone * Z)) 8
		look
	done
	for zone in 1 2 3 4 5; do
		io zone open $((zone * Z)) $Z
	done
	look
	io write_at $((6 * Z)) 8
	io zone finish $((6 * Z)) $Z
	look
	io zone close $Z $Z
	io zone close $((2 * Z)) $Z
	io zone open $((6 * Z)) $Z
	io write_at $((7 * Z)) 8
	look
	io zone finish $((2 * Z)) $Z
	io zone finish $((3 * Z)) $Z
	io zone finish $((3 * Z)) $Z
	look
	set_attr z zone_readonly $((6 * Z))
	io write_at $((7 * Z)) 8
	io zone reset 0 $((8 * Z))
	look
}

# full: use zones with zone_full=1.
full() {
	zoned z "${BASE[@]}" zone_full=1 "$@"
	look
	io write_at $Z 8
	io zone finish $Z $Z
	io zone close $Z $Z
	io zone open $Z $Z
	io zone reset $Z $Z
	io write_at $Z 8
	look
}

# power_cycle: a power cycle resets the conditions of all zones.
power_cycle() {
	zoned z "${BASE[@]}"
	must write_at /dev/z $Z 8
	must zone /dev/z finish $((2 * Z)) $Z
	power_off z
	power_on z
	look
}

# unzoned: without zones, the zone attributes have no effect.
unzoned() {
	make_device z
	set_attr z zone_size 3
	set_attr z size 16
	power_on z
	disk_field z queue/zoned
	disk_field z queue/chunk_sectors
	sys zones /dev/z
	printf '%s\n' "$ERR"
	sys write "$SUBSYS/z/zone_offline" "0\n"
	printf '%s\n' "$ERR"
}

load_both nr_devices=0

tap_case "defaults and modes" parity defaults
for attr in "${ATTRS[@]}"; do
	tap_case "values of $attr" parity values "$attr"
done
tap_case "attributes are fixed while the device is on" parity fixed

while read -r config; do
	# shellcheck disable=SC2086 # several words
	tap_case "power-on with $config" parity powered $config
done <<-END
	size=16 zone_size=0
	size=16 zone_size=3
	size=16 zone_size=32
	size=16 zone_size=16
	size=16 zone_size=18446744073709551615
	size=16 zone_size=9223372036854775808
	size=16 zone_size=8796093022208
	size=16 zone_size=17592186044416
	size=16 zone_size=9007199254740992
	size=16 zone_size=4 zone_capacity=17592186044416
	size=16 zone_size=4 zone_capacity=9223372036854775808
	size=16 zone_size=4 zone_capacity=5
	size=16 zone_size=4 zone_capacity=4
	size=16 zone_size=4 zone_capacity=1
	size=17 zone_size=4 zone_capacity=1
	size=17 zone_size=4 zone_capacity=4
	size=17 zone_size=4
	size=16 zone_size=4 zone_nr_conv=3
	size=16 zone_size=4 zone_nr_conv=4
	size=16 zone_size=4 zone_nr_conv=4294967295
	size=4 zone_size=4 zone_nr_conv=1
	size=16 zone_size=4 zone_max_open=3
	size=16 zone_size=4 zone_max_open=4
	size=16 zone_size=4 zone_max_active=3
	size=16 zone_size=4 zone_max_active=4
	size=16 zone_size=4 zone_max_active=2 zone_max_open=3
	size=16 zone_size=4 zone_max_active=2 zone_max_open=1
	size=16 zone_size=4 zone_max_active=4294967295 zone_max_open=4294967295
	size=16 zone_size=4 zone_nr_conv=2 zone_max_open=2
	size=16 zone_size=4 zone_append_max_sectors=0
	size=16 zone_size=4 zone_append_max_sectors=1
	size=16 zone_size=4 zone_append_max_sectors=15 blocksize=4096
	size=16 zone_size=4 zone_append_max_sectors=7 blocksize=4096
	size=16 zone_size=4 zone_append_max_sectors=4294967295
	size=16 zone_size=4 zone_capacity=2
	size=16 zone_size=4 blocksize=4096
	size=16 zone_size=4 zone_full=1
	size=4194304 zone_size=1048576
END

for power in 21 41 42; do
	tap_case "power-on with zones of 2^$power MiB" tabled "ENODEV power 0" too_large \
		$((1 << (power < 42 ? power + 1 : power))) $((1 << power))
done
[[ $DRIVER == null_blk ]] || tap_case "power-on with sizes beyond 2^43 MiB" beyond_a_disk

while read -r config; do
	# shellcheck disable=SC2086 # several words
	tap_case "geometry $config" parity geometry $config
done <<-END
	size=16 zone_size=1
	size=16 zone_size=1 zone_nr_conv=4
	size=17 zone_size=4
	size=19 zone_size=4 zone_nr_conv=2 zone_max_open=2
	size=64 zone_size=16 zone_capacity=9
	size=64 zone_size=16 zone_capacity=9 zone_nr_conv=1 zone_max_active=2
	size=1024 zone_size=256
	size=1000 zone_size=256 zone_max_open=1 zone_max_active=2
	size=1024 zone_size=256 zone_capacity=200 zone_append_max_sectors=0
	size=100 zone_size=64 blocksize=4096
	size=4 zone_size=4
END

# Operations and failures take longest, so only FULL=1 runs them with all limits.
for limits in "" "zone_max_active=6 zone_max_open=5" "zone_max_open=6" \
	"zone_append_max_sectors=0"; do
	# shellcheck disable=SC2086 # several words
	{
		tap_case "writes${limits:+, $limits}" parity writes $limits
		if [[ ! $limits || $limits == *active* || ${FULL:-} == 1 ]]; then
			tap_case "zone operations${limits:+, $limits}" parity management $limits
			tap_case "failing zones${limits:+, $limits}" parity failures $limits
		fi
		tap_case "full zones after power-on${limits:+, $limits}" parity full $limits
	}
done
for limits in "zone_max_open=1" "zone_max_open=2" "zone_max_open=3" "zone_max_active=2" \
	"zone_max_active=3" "zone_max_open=2 zone_max_active=3" \
	"zone_max_open=2 zone_max_active=4" "zone_max_open=1 zone_max_active=6"; do
	# shellcheck disable=SC2086 # several words
	tap_case "limited zones, $limits" parity limited $limits
done
tap_case "zone_readonly and zone_offline need a zoned device that is on" parity failing_needs
tap_case "power-off loses the conditions of zones" parity power_cycle
tap_case "without zones" parity unzoned
tap_run
