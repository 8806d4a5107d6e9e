#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Write values to each attribute: check the errno, and the value that is read back. A
# row must be true for both drivers in the same boot.

. "$(dirname "$0")/rnull_lib.sh"

# stored ATTRIBUTE VALUE: write it; print the errno, the bytes written, and the value
# that is read back.
stored() {
	make_device v
	sys write "$SUBSYS/v/$1" "$2"
	printf '%s' "$ERR${RET:+ $RET}"
	get_attr v "$1"
	printf ' -> %s' "$RET"
}

# row ATTRIBUTE VALUE RESULT
row() {
	local shown=$2
	((${#shown} < 40)) || shown="${shown:0:12}...(${#shown} bytes)"
	tap_case "$1 \"${shown//\\/\\\\}\": $3" tabled "$3" stored "$1" "$2"
}

# powered ATTRIBUTE VALUE: power on with it, which may refuse or correct the value; print
# the errno, the value that is read back, and the disk's size and block size.
powered() {
	make_device v
	set_attr v size 4
	set_attr v "$1" "$2"
	sys write "$SUBSYS/v/power" "1\n"
	printf '%s' "$ERR"
	get_attr v power
	printf ' power %s' "$RET"
	get_attr v "$1"
	printf ' %s %s' "$1" "$RET"
	[[ ! -e /sys/block/v ]] || printf ' disk %s/%s' "$(disk_field v size)" \
		"$(disk_field v queue/logical_block_size)"
}

# power_word VALUE: write it to power; print the errno, the bytes written, and whether
# the device is on.
power_word() {
	make_device v
	set_attr v size 4
	sys write "$SUBSYS/v/power" "$1"
	printf '%s' "$ERR${RET:+ $RET}"
	get_attr v power
	printf ' power %s' "$RET"
}

power_row() {
	tap_case "power-on with $1=$2: $3" tabled "$3" powered "$1" "$2"
}

# After a refusal, the settings can be corrected, and the device powered on.
refusal_is_not_fatal() {
	make_device v
	set_attr v size 4
	set_attr v blocksize 511
	refused EINVAL write "$SUBSYS/v/power" "1\n"
	refused EINVAL write "$SUBSYS/v/power" "1\n"
	set_attr v blocksize 512
	power_on v
	has_disk v
}

# Each refusal logs exactly one line.
refusal_message() {
	make_device v
	set_attr v blocksize 1536
	dmesg -C
	refused EINVAL write "$SUBSYS/v/power" "1\n"
	want "messages" "$(dmesg -t | grep -c 'Invalid logical block size (1536)')" 1
}

# message ATTRIBUTE VALUE TEXT: the driver refuses the value, and logs exactly TEXT.
# null_blk logs nothing.
message() {
	dmesg -C
	sys write "$SUBSYS/v/$1" "$2"
	[[ $ERR != 0 ]]
	[[ $DRIVER == rnull ]] || set -- "$1" "$2" ""
	want "$1: messages" "$(dmesg -t)" "$3"
}

# Each refused write logs one line, whatever its value is.
refused_writes_are_named() {
	local attr
	make_device v
	for attr in $(attributes v); do
		case $attr in
		zone_offline | zone_readonly)
			message "$attr" "?bad\n" \
				"rnull_mod: v: device is not zoned"
			;;
		*)
			message "$attr" "?bad\n" "rnull_mod: v: $attr cannot be set to \"?bad\""
			;;
		esac
	done
	dmesg -C
	refused EINVAL write "$SUBSYS/v/size" '?two\n?lines\n'
	(($(dmesg -t | wc -l) <= 1))
	power_on v
	message size "1\n" "rnull_mod: v: size cannot be changed while the device is on"
	message submit_queues "100000\n" \
		"rnull_mod: v: submit_queues cannot be changed: there are not so many CPUs"
}

# The driver logs a reason where the block layer refuses silently.
refusal_of_power_is_explained() {
	local attr value text
	while read -r attr value text; do
		make_device v
		set_attr v size 4
		set_attr v "$attr" "$value"
		message power "1\n" "rnull_mod: $text"
		remove_device v
	done <<-EOF
		hw_queue_depth 0 hw_queue_depth must not be 0
		max_sectors 7 max_sectors is less than a page or a block
		size 9223372036854775807 size is too large for a block device
	EOF
}

load_both nr_devices=0

MAX32=4294967295
MAX64=18446744073709551615

for attr in blocksize irqmode index; do
	case $attr in
	blocksize) default=512 ;;
	irqmode) default=1 ;;
	index) default=0 ;;
	esac
	row "$attr" '0' "0 1 -> 0"
	row "$attr" '7\n' "0 2 -> 7"
	row "$attr" '+7\n' "0 3 -> 7"
	row "$attr" '0x1f\n' "0 5 -> 31"
	row "$attr" '0X1F\n' "0 5 -> 31"
	row "$attr" '017\n' "0 4 -> 15"
	row "$attr" "$MAX32" "0 10 -> $MAX32"
	row "$attr" '7\x00junk' "0 6 -> 7"
	row "$attr" '' "EFAULT -> $default"
	row "$attr" '\n' "EINVAL -> $default"
	row "$attr" ' 7\n' "EINVAL -> $default"
	row "$attr" '7 \n' "EINVAL -> $default"
	row "$attr" '7\n\n' "EINVAL -> $default"
	row "$attr" '7\r\n' "EINVAL -> $default"
	row "$attr" '-1\n' "EINVAL -> $default"
	row "$attr" '+\n' "EINVAL -> $default"
	row "$attr" '++7\n' "EINVAL -> $default"
	row "$attr" '1.5\n' "EINVAL -> $default"
	row "$attr" '4k\n' "EINVAL -> $default"
	row "$attr" '08\n' "EINVAL -> $default"
	row "$attr" '0x\n' "EINVAL -> $default"
	row "$attr" '\xff\xfe\n' "EINVAL -> $default"
	row "$attr" '\x00' "EINVAL -> $default"
	row "$attr" '4294967296\n' "ERANGE -> $default"
	row "$attr" '4294967296x\n' "EINVAL -> $default"
	row "$attr" '99999999999999999999999\n' "ERANGE -> $default"
	row "$attr" '99999999999999999999999x\n' "ERANGE -> $default"
done

for attr in size completion_nsec; do
	case $attr in
	size) default=256000 ;;
	completion_nsec) default=10000 ;;
	esac
	row "$attr" '0' "0 1 -> 0"
	row "$attr" '7\n' "0 2 -> 7"
	row "$attr" '+7\n' "0 3 -> 7"
	row "$attr" '0x1f\n' "0 5 -> 31"
	row "$attr" '017\n' "0 4 -> 15"
	row "$attr" '4294967296\n' "0 11 -> 4294967296"
	row "$attr" "$MAX64" "0 20 -> $MAX64"
	row "$attr" '7\x00junk' "0 6 -> 7"
	row "$attr" '' "EFAULT -> $default"
	row "$attr" '\n' "EINVAL -> $default"
	row "$attr" ' 7\n' "EINVAL -> $default"
	row "$attr" '7 \n' "EINVAL -> $default"
	row "$attr" '-1\n' "EINVAL -> $default"
	row "$attr" '1e3\n' "EINVAL -> $default"
	row "$attr" '10us\n' "EINVAL -> $default"
	row "$attr" '\xc2\xb2\n' "EINVAL -> $default"
	row "$attr" '18446744073709551616\n' "ERANGE -> $default"
	row "$attr" '18446744073709551616x\n' "ERANGE -> $default"
done

# Of more than a page, configfs takes only the first part.
printf -v LONG '%05000d' 7
row size "$LONG" "0 4095 -> 0"
row blocksize "$LONG" "0 4095 -> 0"
printf -v LONG '%5000d' 7
row size "$LONG" "EINVAL -> 256000"

# The first character decides a boolean, or the second one after an o.
for value in 0 n N f F off oF; do
	row power "$value" "0 ${#value} -> 0"
done
row power '0\n' "0 2 -> 0"
row power '0x1\n' "0 4 -> 0"
row power '' "EFAULT -> 0"
for value in '\n' 2 -1 ' 1' o x ox '\x00' '\xff'; do
	row power "$value" "EINVAL -> 0"
done
for value in 1 y Y t T on oN 1junk '10\n'; do
	count=${value//\\n/.}
	tap_case "power \"${value//\\/\\\\}\" is on" tabled \
		"0 ${#count} power 1" power_word "$value"
done

power_row blocksize 512 "0 power 1 blocksize 512 disk 8192/512"
power_row blocksize 4096 "0 power 1 blocksize 4096 disk 8192/4096"
power_row blocksize 0 "0 power 1 blocksize 0 disk 8192/512"
for value in 1 256 511 513 1536 4097 131072 "$MAX32"; do
	power_row blocksize "$value" "EINVAL power 0 blocksize $value"
done
tap_case "power-on with blocksize=8192, as null_blk" parity powered blocksize 8192
tap_case "power-on with blocksize=65536, as null_blk" parity powered blocksize 65536
power_row irqmode 2 "0 power 1 irqmode 2 disk 8192/512"
tap_case "power-on with irqmode=3: completion by tag, null_blk: 2" differs \
	"0 power 1 irqmode 2 disk 8192/512" "0 power 1 irqmode 3 disk 8192/512" powered irqmode 3
power_row irqmode 4 "0 power 1 irqmode 2 disk 8192/512"
power_row irqmode "$MAX32" "0 power 1 irqmode 2 disk 8192/512"
power_row completion_nsec "$MAX64" "0 power 1 completion_nsec $MAX64 disk 8192/512"
power_row index 77 "0 power 1 index 0 disk 8192/512"
power_row size 0 "0 power 1 size 0 disk 0/512"
power_row size 1 "0 power 1 size 1 disk 2048/512"
power_row size 8796093022207 "0 power 1 size 8796093022207 disk 18014398509479936/512"
# These sizes are too large for a disk, but null_blk makes one of another size.
size_row() {
	tap_case "power-on with size=$1: EINVAL, null_blk: a disk of $2 sectors" differs \
		"0 power 1 size $1 disk $2/512" "EINVAL power 0 size $1" powered size "$1"
}
size_row 8796093022208 18014398509481983
size_row 17592186044416 0
size_row 9007199254740991 18014398509481983
size_row 9007199254740992 0
size_row 9223372036854775808 0
size_row "$MAX64" 18014398509481983

tap_case "settings that power-on refuses can be corrected" refusal_is_not_fatal
tap_case "a refused block size logs one message" refusal_message
tap_case "a refused write logs one message, with null_blk none" refused_writes_are_named
# null_blk makes some of these devices, or triggers a kernel warning.
[[ $DRIVER != rnull ]] ||
	tap_case "a refused power-on logs the reason" refusal_of_power_is_explained
tap_run
