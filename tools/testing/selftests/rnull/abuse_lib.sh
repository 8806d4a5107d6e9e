# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions for the tests of rust_block_abuse, a driver that does the worst that safe
# code can do. Whatever it does, no I/O may be lost, end twice or return wrong data, all
# requests must end, and the kernel must not complain. Sourced after rnull_lib.sh.

ABUSE_MODULE=rust_block_abuse
ABUSE_DEBUG=/sys/kernel/debug/$ABUSE_MODULE
ABUSE_COUNTS=$ABUSE_DEBUG/counts
CPU1=/sys/devices/system/cpu/cpu1/online

# The amount that a case writes and reads back. With FULL=1 all files together do a
# million I/Os, otherwise as many as an emulated guest can do quickly.
if [[ ${FULL:-} == 1 ]]; then
	ABUSE_SIZE=4m ABUSE_LOOPS=9 ABUSE_LEAST=1000000
else
	ABUSE_SIZE=1m ABUSE_LOOPS=1 ABUSE_LEAST=25000
fi
# The number of I/Os of each file. The last file adds them up.
ABUSE_TOTAL=${TMPDIR:-/tmp}/rnull_abuse_total

# The bits of the parameter "abuse", as in drivers/block/tests/rust_block_abuse.rs.
declare -A ABUSE_BIT=(
	[inline]=0 [softirq]=1 [park]=2 [timer]=3 [batch]=4
	[late]=5 [watch]=6 [clones]=7 [requeue]=8 [refuse]=9 [refuse_hard]=10
	[drop]=11 [fail_flush]=12 [leak]=13 [leak_disk]=14 [hold]=15 [fail_load]=16
	[lists]=17 [together]=18
)

abuse_file=$(modinfo -n "$ABUSE_MODULE" 2>/dev/null) ||
	skip "no module $ABUSE_MODULE for this kernel"
mountpoint -q /sys/kernel/debug || skip "no debugfs"

# abuse_bits "WHAT...": print the parameter for the module.
abuse_bits() {
	local word sum=0
	for word in $1; do
		sum=$((sum | 1 << ABUSE_BIT[$word]))
	done
	printf 'abuse=%d' "$sum"
}

# abuse_load "WHAT..." PARAMS...: load the module. The exit of the case's shell unloads it.
abuse_load() {
	local word
	trap abuse_unload EXIT
	must insmod "$abuse_file" "$(abuse_bits "$1") ${*:2}"
	for word in /sys/block/rbabuse*/queue/nomerges; do
		must write "$word" 2
	done
	abuse_at_rest
}

abuse_unload() {
	calm || :
	[[ ! -d /sys/module/$ABUSE_MODULE/holders ]] || must rmmod "$ABUSE_MODULE"
}

# counts: read the driver's counts into COUNT[...], with one read, so that they agree.
declare -A COUNT
counts() {
	local name value
	while read -r name value && [[ $name ]]; do
		COUNT[$name]=$value
	done <<<"$(<"$ABUSE_COUNTS")"
}

# balanced: whether the driver has no request.
balanced() {
	counts
	((COUNT[handed] == COUNT[ended] + COUNT[flushed] + COUNT[failed] + COUNT[dropped] +
		COUNT[refused] + COUNT[requeued]))
}

abuse_at_rest() {
	wait_for 60 balanced || { show_counts; return 1; }
	want "broken promises" "${COUNT[broken]}" 0
}

show_counts() { printf '%s\n' "$(<"$ABUSE_COUNTS")"; }

# verified "DISK..." OPTIONS...: write, read back and verify, and check that the driver
# counted each I/O once.
verified() {
	local before report disk jobs=()
	for disk in $1; do
		jobs+=("--name=$disk" "--filename=/dev/$disk")
	done
	counts
	before=${COUNT[ended]}
	fio --ioengine=io_uring --direct=1 --bs=4k --size="$ABUSE_SIZE" --loops="$ABUSE_LOOPS" \
		--numjobs=2 --offset_increment=4m --thread --iodepth=16 --rw=randwrite \
		--verify=crc32c --verify_fatal=1 --group_reporting \
		--output-format=json --output="$WORK/fio" "${@:2}" "${jobs[@]}"
	must fio_report "$WORK/fio"
	read -ra report <<<"$RET"
	abuse_at_rest
	show_counts
	printf 'fio: %s reads, %s writes\n' "${report[1]}" "${report[3]}"
	want "errors" "${report[0]}" 0
	want "I/Os ended" "$((COUNT[ended] - before))" "$((report[1] + report[3]))"
	((report[1] > 0 && report[3] > 0))
	printf '%s %s\n' "$TEST_NAME" "$((report[1] + report[3]))" >>"$ABUSE_TOTAL"
}

# does "WHAT..." "COUNTER..." "STORM..." PARAMS...: verify I/O to the disks DISKS while the
# driver does WHAT, and check that each counter has increased. OPTIONS are fio's.
DISKS=rbabuse0
OPTIONS=
does() {
	local storm
	abuse_load "$1" "${@:4}"
	read -ra storm <<<"$3"
	storm rbabuse0 "${storm[@]}"
	# shellcheck disable=SC2086 # a list
	verified "$DISKS" $OPTIONS
	calm
	# shellcheck disable=SC2086 # a list
	happened $2
}

# fails_some WHAT...: check that the I/Os that the driver fails, and no others, fail.
fails_some() {
	local before report total
	abuse_load "$1" "${@:2}"
	before=$((COUNT[failed] + COUNT[dropped]))
	total=${COUNT[ended]}
	# shellcheck disable=SC2086 # a list
	fio --name=job --filename=/dev/rbabuse0 --ioengine=io_uring --direct=1 --bs=4k --size=4m \
		--thread --iodepth=16 --rw=randrw --norandommap --number_ios=4000 \
		--continue_on_error=all --output-format=json --output="$WORK/fio" $OPTIONS || true
	must fio_report "$WORK/fio"
	read -ra report <<<"$RET"
	must fio_errors "$WORK/fio"
	abuse_at_rest
	show_counts
	printf 'fio: %s reads, %s writes, %s errors\n' "${report[1]}" "${report[3]}" "$RET"
	want "I/Os failed" "$((COUNT[failed] + COUNT[dropped] - before))" "$RET"
	want "I/Os ended" "$((COUNT[ended] - total + RET))" "$((report[1] + report[3]))"
	((RET > 0))
}

# total_at_least: check that all files together have verified ABUSE_LEAST I/Os.
total_at_least() {
	local file name ios total=0
	local -A seen=()
	while read -r name ios; do
		seen[$name]=1
		total=$((total + ios))
	done < <(cat "$ABUSE_TOTAL")
	rm -f "$ABUSE_TOTAL"
	for file in "$LIB_DIR"/test_abuse_*.sh; do
		name=$(basename "$file" .sh)
		[[ ${seen[$name]:-} ]] || skip "$name did not run, or failed"
	done
	printf '%s I/Os in all\n' "$total"
	printf 'rnull_test: %s I/Os in all\n' "$total" >/dev/kmsg
	((total >= ABUSE_LEAST))
}

# happened NAME...: check that these counts are not 0, so that the case tested something.
happened() {
	local name
	for name; do
		((COUNT[$name] > 0)) || { printf '%s is 0\n' "$name"; return 1; }
	done
}

# storm DISK WHAT...: change the disk or the system again and again in the background.
# calm ends this, and checks that each change happened.
storm() {
	: >"$WORK/storm"
	STORMS="${*:2}"
	storms "$@" &
	STORM=$!
}

# Most of these writes wait until the driver has ended its requests.
storms() {
	local queue=/sys/block/$1/queue round=0 what
	local schedulers=(mq-deadline none kyber none) numbers=(4 64 17 32 64)
	local -A seen=()
	trap - EXIT ERR
	set +e
	while [[ -e $WORK/storm ]]; do
		for what in "${@:2}"; do
			case $what in
			elevator) echo "${schedulers[round % 4]}" >"$queue/scheduler" ;;
			nr_requests) echo "${numbers[round % 5]}" >"$queue/nr_requests" ;;
			freeze) echo $((4 + 4 * (round % 3))) >"$queue/max_sectors_kb" ;;
			hw_queues) echo $((1 + round % 2)) >"$ABUSE_DEBUG/hw_queues" ;;
			hotplug) echo $((round % 2)) >"$CPU1" ;;
			esac && seen[$what]=1
		done
		printf '%s\n' "${!seen[@]}" >"$WORK/storm_done"
		sleep 0.05
		round=$((round + 1))
	done
	[[ ! -e $CPU1 ]] || echo 1 >"$CPU1"
}

calm() {
	[[ ${STORM:-} ]] || return 0
	local what
	rm -f "$WORK/storm"
	wait "$STORM" || true
	STORM=
	for what in $STORMS; do
		grep -qx "$what" "$WORK/storm_done" || { printf 'no %s\n' "$what"; return 1; }
	done
}
