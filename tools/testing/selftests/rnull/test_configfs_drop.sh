#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A module drops a configfs subsystem and stays loaded, as safe Rust code can do at any time. The
# drop waits until directories are removed, and files that user space keeps open never access
# freed memory.

. "$(dirname "$0")/rnull_lib.sh"

DROP_MODULE=rust_configfs_abuse
TOP=$CONFIGFS/$DROP_MODULE
REGISTERED=/sys/kernel/debug/$DROP_MODULE/registered
CYCLES=30
[[ ${FULL:-} != 1 ]] || CYCLES=300

drop_file=$(modinfo -n "$DROP_MODULE" 2>/dev/null) ||
	skip "no module $DROP_MODULE for this kernel"
mountpoint -q /sys/kernel/debug || skip "no debugfs"

# registered: load the module and register its subsystem. The exit of the case's shell removes
# both.
registered() {
	trap cleared EXIT
	rm -f "$WORK/dropped"
	must insmod "$drop_file" ""
	must write "$REGISTERED" 1
}

cleared() {
	exec 5<&- 6<&- 7<&-
	[[ ! -d $TOP ]] || find "$TOP" -mindepth 1 -depth -type d -exec rmdir {} + || :
	wait
	[[ ! -d /sys/module/$DROP_MODULE/holders ]] || unload_module
}

unload_module() { must rmmod "$DROP_MODULE"; }

# held FD: print the name of the file that a descriptor of this shell is open on.
held() { HELD=/proc/$BASHPID/fd/$1; }

# start_drop DIRECTORY: drop the subsystem in the background, and wait until no directory can be
# made in DIRECTORY.
start_drop() {
	(printf 0 >"$REGISTERED" && : >"$WORK/dropped") &
	wait_for 30 closed "$1"
}

closed() {
	sys mkdir "$1/probe"
	[[ $ERR != 0 ]] || { must rmdir "$1/probe"; return 1; }
	want "mkdir while the subsystem is dropped" "$ERR" ENODEV
}

dropped() { [[ -e $WORK/dropped ]]; }

# waits: whether the drop waits. If it did not, it would end in less time.
waits() {
	sleep 0.5
	fails dropped
}

ends() {
	wait_for 30 dropped
	must exists "$TOP"
	want "the directory of the subsystem" "$RET" 0
}

empty() {
	registered
	must read "$TOP/kind"
	want "kind" "$RET" 't\n'
	must write "$REGISTERED" 0
	refused ENOENT mkdir "$TOP/a"
	refused ENOENT write "$REGISTERED" 0
	# Register it again; unloading the module drops it.
	must write "$REGISTERED" 1
	must mkdir "$TOP/a"
	must rmdir "$TOP/a"
	unload_module
	must exists "$TOP"
	want "the directory of the subsystem" "$RET" 0
}

directories() {
	local dir
	needs_fixes configfs
	registered
	must mkdir "$TOP/a"
	must mkdir "$TOP/a/b"
	exec 7<"$TOP/a"
	held 7
	start_drop "$HELD"
	for dir in "$TOP" "$TOP/a" "$TOP/a/b" "$HELD" "$HELD/b"; do
		refused ENODEV mkdir "$dir/x"
	done
	must read "$TOP/kind"
	must read "$TOP/a/b/kind"
	want "kind" "$RET" 'i\n'
	refused ENOTEMPTY rmdir "$TOP/a"
	refused EEXIST write "$REGISTERED" 1
	refused EAGAIN rmmod "$DROP_MODULE"
	must rmdir "$TOP/a/b"
	waits
	refused ENODEV mkdir "$TOP/a/b"
	must rmdir "$TOP/a"
	ends
	refused ENOENT mkdir "$HELD/x"
	unload_module
	refused ENOENT mkdir "$HELD/x"
}

# Open files of removed directories do not delay the drop.
open_files() {
	local fd
	needs_fixes configfs
	registered
	must mkdir "$TOP/a"
	exec 5<"$TOP" 6<"$TOP/a" 7<"$TOP/a/kind"
	start_drop "$TOP"
	must rmdir "$TOP/a"
	ends
	for fd in 5 6; do
		held "$fd"
		refused ENOENT mkdir "$HELD/x"
		refused ENOENT read "$HELD/kind"
	done
	held 7
	refused ENOENT read "$HELD"
	fails cat <&7 2>"$WORK/cat"
	grep -q "No such file" "$WORK/cat"
	# Another subsystem takes the name.
	must write "$REGISTERED" 1
	must mkdir "$TOP/a"
	refused ENOENT mkdir "/proc/$BASHPID/fd/6/x"
	must rmdir "$TOP/a"
	must write "$REGISTERED" 0
	refused EAGAIN rmmod "$DROP_MODULE"
	exec 7<&-
	unload_module
}

race() {
	local seed=${RNULL_SEED:-$RANDOM}
	needs_fixes configfs
	registered
	printf 'seed %s\n' "$seed"
	python3 "$LIB_DIR/stress.py" drop "$TOP" "$CYCLES" "$seed" "$REGISTERED"
	must write "$REGISTERED" 0
	must exists "$TOP"
	want "the directory of the subsystem" "$RET" 0
	unload_module
}

tap_case "an empty subsystem is dropped at once" empty
tap_case "a drop waits for directories, and refuses new ones meanwhile" directories
tap_case "files of removed directories stay open after the drop" open_files
tap_case "mkdir and rmdir while the subsystem is dropped" race
tap_run
