#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Attributes are written by several processes at once, while the device is powered on and
# off. A write may be refused. But an attribute never has a value that no process wrote, the
# device agrees with its attributes, and no memory is lost. Takes a minute; with
# FULL=1 ten.

. "$(dirname "$0")/rnull_lib.sh"
. "$(dirname "$0")/zoned_lib.sh"

ROUNDS=15
CYCLES=4
if [[ ${FULL:-} == 1 ]]; then
	ROUNDS=1000
	CYCLES=200
fi

# stores DEVICE ROUNDS ATTRIBUTE=VALUES...: run stores.py, and print the results.
stores() {
	python3 "$LIB_DIR/stores.py" "$SUBSYS/$1" "${@:2}" >"$WORK/stores" || {
		cat "$WORK/stores"
		return 1
	}
	cat "$WORK/stores"
}

# written ATTRIBUTE: check that each process that wrote the attribute succeeded.
written() {
	local lines
	lines=$(grep "^$1 " "$WORK/stores")
	fails grep -v ' 0=' <<<"$lines"
}

# queues_agree DEVICE: check that the device has as many hardware queues as its attributes
# say.
queues_agree() {
	local sum
	get_attr "$1" submit_queues
	sum=$RET
	get_attr "$1" poll_queues
	want "hardware queues" "$(find "/sys/block/$1/mq" -mindepth 1 -maxdepth 1 | wc -l)" \
		$((sum + RET))
}

# power_race: attributes change while the device is powered on and off. Only those of the
# queues can change while it is on. With 4000000 conventional zones, power-on leaves one
# sequential zone, the last.
power_race() {
	local attr
	load nr_devices=0
	has_feature zoned || skip "$MODULE has no zones"
	make_device a
	set_attr a size 64
	set_attr a zone_size 1
	stores a "$ROUNDS" power=0,1 zoned=0,1 zone_nr_conv=0,4000000:63 submit_queues=1,2 \
		submit_queues=2,1
	for attr in power zoned zone_nr_conv submit_queues; do
		written $attr
	done
	power_on a
	queues_agree a
	for attr in 2 1; do
		set_attr a submit_queues $attr
		queues_agree a
	done
	must hold /dev/a
	must read_held /dev/a
}

# memory NAME: set RET to a line of /proc/meminfo, in KiB, without what can be reclaimed.
memory() {
	echo 3 >/proc/sys/vm/drop_caches
	RET=$(awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo)
}

# leaks: print what the kernel's leak detector finds. It reports an object after two scans.
KMEMLEAK=/sys/kernel/debug/kmemleak
leaks() {
	sleep 6
	echo scan >$KMEMLEAK
	echo scan >$KMEMLEAK
	cat $KMEMLEAK
}

# The memory that a kernel may have less of after the test, in KiB. KASAN keeps freed
# memory for a while.
noise() {
	if grep -q ' kasan_save_stack$' /proc/kallsyms; then
		printf 98304
	else
		printf 12288
	fi
}

# zones_race: zones become read-only, offline and usable again while the device is powered
# on and off. It has 65536 zones, so that losing those of a few power cycles is noticed.
zones_race() {
	local attr last=$((65535 * MIB)) left used
	load nr_devices=0
	has_feature zoned || skip "$MODULE has no zones"
	make_device a
	set_attr a zoned 1
	set_attr a zone_size 1
	set_attr a size 65536
	for attr in 1 0 1 0; do
		set_attr a power $attr
	done
	if [[ -e $KMEMLEAK ]]; then
		leaks >/dev/null
		echo clear >$KMEMLEAK
	fi
	memory MemAvailable
	left=$RET
	memory VmallocUsed
	used=$RET

	stores a "$CYCLES" power=1,0 zone_readonly=0,$last,2048,4096 zone_offline=2048,0,$last
	for attr in power zone_readonly zone_offline; do
		written $attr
	done

	if [[ -e $KMEMLEAK ]]; then
		want "leaks" "$(leaks)" ""
		return
	fi
	memory MemAvailable
	printf 'KiB available: %s, then %s\n' "$left" "$RET"
	((left - RET < $(noise)))
	memory VmallocUsed
	printf 'KiB of vmalloc: %s, then %s\n' "$used" "$RET"
	((RET - used < 2048))
}

tap_case "power, zones and queues are written at once" power_race
tap_case "zones fail during power cycles, and no memory is lost" zones_race
tap_run
