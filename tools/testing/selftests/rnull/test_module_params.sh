#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Module parameters: their effects, refused values and errnos, and the defaults of new
# configfs devices. A row has parameters, and the observation with both drivers.

. "$(dirname "$0")/rnull_lib.sh"

# observed PARAMS...: print the errno of the load; the size in sectors and the logical
# and physical block size of each disk; and the defaults of a configfs device.
observed() {
	local disk attr
	sys insmod "$MODULE_FILE" "$*"
	printf '%s' "$ERR"
	[[ $ERR == 0 ]] || return 0
	for disk in $(disks); do
		printf ' %s:%s/%s/%s' "$disk" "$(disk_field "$disk" size)" \
			"$(disk_field "$disk" queue/logical_block_size)" \
			"$(disk_field "$disk" queue/physical_block_size)"
	done
	make_device new
	for attr in size blocksize irqmode completion_nsec; do
		get_attr new "$attr"
		printf ' %s' "$RET"
	done
}

# outcome PARAMS...: print the errno of the load, and all effects of the parameters.
outcome() {
	sys insmod "$MODULE_FILE" "$*"
	printf '%s\n' "$ERR"
	[[ $ERR != 0 ]] || python features loaded "$SUBSYS" "$MODULE" "$DISK"
}

# outcomes PARAMETER VALUE...: print the outcome with each value, and without a value.
outcomes() {
	local value
	outcome nr_devices=0 "$1"
	[[ $ERR != 0 ]] || unload
	for value in "${@:2}"; do
		printf '%s=%s: ' "$1" "$value"
		outcome nr_devices=0 "$1=$value"
		[[ $ERR != 0 ]] || unload
	done
}

row() {
	tap_case "parameters \"$1\": $2" tabled "$2" observed "$1"
}

# row_differs PARAMETERS C RNULL
row_differs() {
	tap_case "parameters \"$1\": $3, null_blk: $2" differs "$2" "$3" observed "$1"
}

# row_here PARAMETERS RNULL: null_blk is not tried.
row_here() {
	[[ $DRIVER == null_blk ]] || tap_case "parameters \"$1\": $2" here "$2" observed "$1"
}
here() { want "$DRIVER" "$("${@:2}")" "$1"; }

# row_replaced PARAMETER C RNULL: in sysfs, null_blk shows the value in effect, and rnull
# the given one.
row_replaced() {
	tap_case "parameter out of range: $1" differs "$2" "$3" replaced "$1"
}

# Print the parameters that sysfs shows.
shown() {
	local name value
	load nr_devices=2 gb=3 bs=1024 irqmode=2 completion_nsec=4000
	for name in nr_devices gb bs irqmode completion_nsec; do
		[[ -e /sys/module/$MODULE/parameters/$name ]] || continue
		read -r value <"/sys/module/$MODULE/parameters/$name"
		printf '%s=%s ' "$name" "$value"
	done
}

# replaced PARAMETER=VALUE: print how a value out of range shows up in sysfs, in a new
# device, and in the hardware queues of a disk.
replaced() {
	local name=${1%=*} value queues
	sys insmod "$MODULE_FILE" "gb=1 $1"
	printf '%s' "$ERR"
	[[ $ERR == 0 ]] || return 0
	read -r value <"/sys/module/$MODULE/parameters/$name"
	make_device new
	get_attr new "$name"
	queues=$(find "/sys/block/${DISK}0/mq" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n)
	printf ' %s %s mq %s' "$value" "$RET" "$(paste -sd' ' <<<"$queues")"
}

# faults PARAMS...: print the defaults of a new device's fault injection.
faults() {
	local file
	sys insmod "$MODULE_FILE" "nr_devices=0 $*"
	printf '%s\n' "$ERR"
	[[ $ERR == 0 ]] || return 0
	make_device new
	for file in "$SUBSYS"/new/*_inject/*; do
		# Only rnull has this one.
		[[ $file != */tag_inject/* ]] || continue
		must read "$file"
		printf '%s %s %s\n' "$(stat -c %a "$file")" "${file#"$SUBSYS/"}" "$RET"
	done
}

fault_parameters() {
	have_faults || skip "no faults on request in null_blk"
	parity faults "$@"
}

# null_blk has each parameter of the driver, except for the driver's own.
known_names() {
	local name own
	have null_blk || skip "no null_blk to compare with"
	own=" $(python features own "$SUBSYS") "
	for name in $(modinfo -p "$MODULE" | cut -d: -f1); do
		# null_blk has these only with fault injection.
		case $name in timeout | requeue | init_hctx) continue ;; esac
		[[ $own != *" $name "* ]] || continue
		modinfo -p null_blk | cut -d: -f1 | grep -x -e "$name" >/dev/null ||
			{ printf '%s is none of null_blk\n' "$name"; return 1; }
	done
}

# limits: print the limits of the queue, except for polling, which rnull supports even
# without poll_queues.
limits() {
	local file
	load "$@"
	for file in "/sys/block/${DISK}0/queue/"*; do
		[[ -f $file ]] || continue
		case ${file##*/} in
		io_poll | io_poll_delay) continue ;;
		esac
		sys read "$file"
		printf '%s %s %s\n' "${file##*/}" "$ERR" "$RET"
	done
	for file in ro removable range ext_range hidden capability discard_alignment \
		alignment_offset events; do
		printf '%s %s\n' "$file" "$(disk_field "${DISK}0" "$file")"
	done
}

# A replaced block size logs one message, not one for each device.
bs_message() {
	dmesg -C
	load bs=65536 nr_devices=3
	want "messages" "$(dmesg -t | grep -c 'defaults block size to')" 1
}

row "" "0 DISK0:524288000/512/512 256000 512 1 10000"
row "nr_devices=0" "0 256000 512 1 10000"
row "nr_devices=3 gb=1" "0 DISK0:2097152/512/512 DISK1:2097152/512/512 DISK2:2097152/512/512 \
1024 512 1 10000"
row "nr_devices=-1" "EINVAL"
row "nr_devices=two" "EINVAL"
row "nr_devices=" "EINVAL"
row "nr_devices=4294967296" ERANGE
row "gb=2" "0 DISK0:4194304/512/512 2048 512 1 10000"
row "gb=0" "0 DISK0:0/512/512 0 512 1 10000"
row "gb=0x10" "0 DISK0:33554432/512/512 16384 512 1 10000"
row "gb=lots" "EINVAL"
row "gb=2147483648" ERANGE
row "gb=-2147483649" ERANGE
# null_blk multiplies 32-bit numbers. A negative size becomes the largest disk.
row_differs "gb=-1" "0 DISK0:18014398509481983/512/512 18446744073709550592 512 1 10000" EINVAL
row_differs "gb=2097152" \
	"0 DISK0:18014398509481983/512/512 18446744071562067968 512 1 10000" \
	"0 DISK0:4398046511104/512/512 2147483648 512 1 10000"
row_differs "gb=4194304" "0 DISK0:0/512/512 0 512 1 10000" \
	"0 DISK0:8796093022208/512/512 4294967296 512 1 10000"
row_differs "gb=2147483647" \
	"0 DISK0:18014398509481983/512/512 18446744073709550592 512 1 10000" \
	"0 DISK0:4503599625273344/512/512 2199023254528 512 1 10000"
row "bs=1024" "0 DISK0:524288000/1024/1024 256000 1024 1 10000"
row "bs=4096" "0 DISK0:524288000/4096/4096 256000 4096 1 10000"
row "bs=8192" "0 DISK0:524288000/4096/4096 256000 4096 1 10000"
row "bs=-1" "0 DISK0:524288000/4096/4096 256000 4096 1 10000"
row "bs=0" "0 DISK0:524288000/512/512 256000 0 1 10000"
row "bs=511" "EINVAL"
row "bs=513" "EINVAL"
row "bs=3000" "EINVAL"
row "bs=512k" "EINVAL"
row "irqmode=0" "0 DISK0:524288000/512/512 256000 512 0 10000"
row "irqmode=2" "0 DISK0:524288000/512/512 256000 512 2 10000"
row_differs "irqmode=3" "EINVAL" "0 DISK0:524288000/512/512 256000 512 3 10000"
row "irqmode=4" "EINVAL"
row "irqmode=-1" "EINVAL"
row "irqmode=0x1" "EINVAL"
# A device needs a queue depth, and zones that it has room for.
row "gb=1 hw_queue_depth=0" EINVAL
row "gb=1 hw_queue_depth=0 shared_tags=1" EINVAL
row "gb=1 hw_queue_depth=-1" "0 DISK0:2097152/512/512 1024 512 1 10000"
for value in 0 3 2048 8796093022208 17592186044416 9007199254740992 9223372036854775808; do
	row "gb=1 zoned=1 zone_size=$value" EINVAL
done
row "gb=1 zoned=1 zone_size=4 zone_capacity=5" EINVAL
row "gb=1 zoned=1 zone_size=4 zone_capacity=17592186044416" EINVAL
row "gb=0 zoned=1" EINVAL
row "gb=1 gb=2" "0 DISK0:4194304/512/512 2048 512 1 10000"
row "irqmode=softirq" "EINVAL"
row "irqmode=99999999999" "EINVAL"
row "completion_nsec=0" "0 DISK0:524288000/512/512 256000 512 1 0"
row "completion_nsec=123456789" "0 DISK0:524288000/512/512 256000 512 1 123456789"
row "completion_nsec=-1" "EINVAL"
row "completion_nsec=1ms" "EINVAL"
row "completion_nsec=18446744073709551616" ERANGE
row "nosuchparameter=1" "0 DISK0:524288000/512/512 256000 512 1 10000"

# null_blk adds poll_queues to submit_queues. It refuses a sum of 0, and a negative one after
# a kernel warning. With a positive one, it maps CPUs to queues that do not exist.
row "gb=1 poll_queues=-1" EINVAL
row_here "gb=1 poll_queues=-2" EINVAL
row_here "gb=1 poll_queues=-2147483648" EINVAL
row_here "gb=1 poll_queues=-1 submit_queues=2" EINVAL
row_differs "nr_devices=0 poll_queues=-1" "0 256000 512 1 10000" EINVAL
# Requests of less than a page cause a kernel warning with null_blk.
row_here "gb=1 max_sectors=7" EINVAL
row_here "gb=1 bs=4096 max_sectors=7" EINVAL
row "gb=1 max_sectors=8" "0 DISK0:2097152/512/512 1024 512 1 10000"
row "gb=1 max_sectors=-1" "0 DISK0:2097152/512/512 1024 512 1 10000"

BOOLS=(virt_boundary blocking shared_tags shared_tag_bitmap use_per_node_hctx memory_backed
	discard fua zoned zone_full rotational)
# Without the parameters whose values are replaced: in sysfs, rnull shows the given value.
NUMBERS=(no_sched gb max_sectors completion_nsec hw_queue_depth cache_size mbps zone_size
	zone_capacity zone_nr_conv zone_max_open zone_max_active zone_append_max_sectors)

for parameter in "${BOOLS[@]}"; do
	tap_case "values of $parameter" parity outcomes "$parameter" 1 N on "" 2
done
for parameter in "${NUMBERS[@]}"; do
	tap_case "values of $parameter" parity outcomes "$parameter" 3 0x20 -1 "" 7x 2147483648 \
		18446744073709551616
done
tap_case "values of queue_mode" parity outcomes queue_mode 0 1 2 3 0x2 -1 x
while read -r parameters; do
	# shellcheck disable=SC2086 # several words
	tap_case "together: $parameters" parity outcome $parameters
done <<-END
	gb=1 bs=4096 nr_devices=2 submit_queues=2 poll_queues=3 hw_queue_depth=32 no_sched=1
	gb=1 memory_backed=1 discard=1 cache_size=3 fua=0 mbps=50000 irqmode=2 completion_nsec=7
	gb=1 nr_devices=2 shared_tags=1 shared_tag_bitmap=1 submit_queues=2 blocking=1
	gb=1 zoned=1 zone_size=64 zone_capacity=60 zone_nr_conv=2 zone_max_open=3 zone_max_active=4
	gb=1 zoned=1 zone_size=3
	gb=1 queue_mode=1 nr_devices=0
END

while read -r parameters; do
	# shellcheck disable=SC2086 # several words
	tap_case "faults: ${parameters:-none}" fault_parameters $parameters
done <<-END

	timeout=3,20,40,5 requeue=7,1,0,-1 init_hctx=1,100,2,9
	timeout= requeue=0x10,2,3,4 init_hctx=1,2,3,4,5
	timeout=1,2
	requeue=1,2,3
	init_hctx=often
END

# One hardware queue for each possible CPU, and one for polling.
read -r CPUS </sys/devices/system/cpu/possible
CPUS=$((${CPUS##*[-,]} + 1))
ALL_QUEUES="$CPUS mq $(seq -s' ' 0 "$CPUS")"

row_replaced "submit_queues=-1" "0 $CPUS $ALL_QUEUES" "0 -1 $ALL_QUEUES"
row_replaced "submit_queues=0" "0 1 1 mq 0 1" "0 0 1 mq 0 1"
row_replaced "submit_queues=9999" "0 $CPUS $ALL_QUEUES" "0 9999 $ALL_QUEUES"
row_replaced "poll_queues=0" "0 0 0 mq 0" "0 0 0 mq 0"
row_replaced "poll_queues=2" "0 2 2 mq 0 1 2" "0 2 2 mq 0 1 2"
row_replaced "home_node=1024" "0 -1 4294967295 mq 0 1" "0 1024 4294967295 mq 0 1"
row_replaced "home_node=-2" "0 -1 4294967295 mq 0 1" "0 -2 4294967295 mq 0 1"

tap_case "each parameter is one of null_blk's" known_names
tap_case "sysfs shows the parameters" tabled \
	"nr_devices=2 gb=3 bs=1024 irqmode=2 completion_nsec=4000 " shown
tap_case "queue limits equal null_blk's by default" parity limits
tap_case "queue limits equal null_blk's with 4 KiB blocks" parity limits bs=4096 gb=1
tap_case "a block size that is too big is replaced with one message" bs_message
tap_run
