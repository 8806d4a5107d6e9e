#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boot a published kernel in QEMU, run a command in it, and report success or failure:
#
#	guest.sh --kernel DIR --name NAME [--timeout SECONDS] [--smp N]
#		[--mem MB] [--append TEXT] [--share DIR=NAME]... [--icount]
#		[--monitor SOCKET] -- COMMAND...
#	guest.sh --kernel DIR --name NAME --shell [-- COMMAND...]
#
# The kernel must be one for ARCH. The guest's root file system is the build root, or the
# extra root for ARCH, read-only. /run/rnull holds selftests/ (the current directory of
# COMMAND), lib/modules with the kernel's config, and each directory of --share, writable.
# COMMAND's output is shown at once.
# With --shell an interactive shell follows COMMAND, and there is no timeout.
# With --icount there is one processor, unless --smp follows, and its clock
# advances by 1 ns for each instruction. QEMU's monitor listens at SOCKET, which
# must be in the cache.
#
# Exit: 0 success, 1 COMMAND failed, 2 the kernel complained (even if COMMAND
# succeeded), 3 COMMAND did not end within the timeout, 4 the guest died.
#
# virtme-ng would replace only the call of QEMU and the init script: it returns COMMAND's
# status, and has no timeout, no log of blocked tasks, no check of the console and no
# verdict on a guest that died.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings

KERNEL='' NAME='' TIMEOUT=300 APPEND='' SHARES=() SHELL_WANTED='' ICOUNT='' MONITOR=''
while (( $# )); do
	case $1 in
	--kernel) KERNEL=$2; shift 2 ;;
	--name) NAME=$2; shift 2 ;;
	--timeout) positive --timeout "$2" 86400; TIMEOUT=$2; shift 2 ;;
	--smp) positive --smp "$2" 64; SMP=$2; shift 2 ;;
	--mem) positive --mem "$2" 1048576; MEM=$2; shift 2 ;;
	--append) APPEND=$2; shift 2 ;;
	--share)
		[[ $2 =~ ^/.*=[a-z0-9_-]+$ && -d ${2%=*} ]] || die -2 "--share $2: want DIR=NAME"
		SHARES+=("$2")
		shift 2 ;;
	--shell) SHELL_WANTED=yes; shift ;;
	--icount) ICOUNT=yes; SMP=1; shift ;;
	--monitor)
		[[ $2 == "$CACHE"/* ]] || die -2 "--monitor $2: must be in $CACHE"
		MONITOR=$2
		shift 2 ;;
	--) shift; break ;;
	*) die -2 "unknown option $1" ;;
	esac
done
IMAGE=$KERNEL/${ARCH_IMAGE##*/}
[[ -f $IMAGE ]] || die -2 "--kernel $KERNEL: no ${IMAGE##*/} in it"
[[ $NAME =~ ^[A-Za-z0-9_.-]+$ ]] || die -2 "--name $NAME: want a plain name"
[[ $SHELL_WANTED ]] || (( $# )) || die -2 "no command"
KERNEL=$(realpath "$KERNEL")
NAME=$ARCH_PREFIX$NAME
lock -s "$KERNEL.lock" "this kernel is being published or removed"

need_root
need_extra "${ARCH_EXTRA[@]}"
RUN=$(mktemp -d "$CACHE/run/$NAME.XXXXXX")
at_exit "rm -rf '$RUN'"
CONSOLE=$CACHE/log/guest-$NAME.console
OUTPUT=$CACHE/log/guest-$NAME.output

# Fill the guest's /run/rnull. /rnull-init (see buildroot.sh) runs the file init in it.
fill_run() {
	local share number=0
	mkdir -p "$RUN/lib" "$RUN/selftests"
	cp -a "$KERNEL/lib/modules" "$RUN/lib/"
	cp "$KERNEL/config" "$RUN/lib/modules/$(<"$KERNEL/release")/"
	[[ ! -d $REPO/tools/testing/selftests/rnull ]] ||
		cp -a "$REPO/tools/testing/selftests/rnull/." "$RUN/selftests/"
	: > "$RUN/output"
	: > "$RUN/console"
	{
		# there is no udev to make these
		echo 'ln -s /proc/self/fd /dev/fd'
		for share in stdin stdout stderr; do
			echo "ln -s fd/$(( number++ )) /dev/$share"
		done
		for share in "${SHARES[@]}"; do
			share=${share##*=}
			mkdir "$RUN/$share"
			echo "mount -t 9p -o trans=virtio,version=9p2000.L $share /run/rnull/$share"
		done
		echo 'cd /run/rnull/selftests'
		if [[ $SHELL_WANTED ]]; then
			echo "exec < /dev/$ARCH_TERMINAL > /dev/$ARCH_TERMINAL 2>&1"
			(( ! $# )) || echo 'bash /run/rnull/command'
			echo 'setsid -c bash -i'
			echo 'echo 0 > /run/rnull/status'
		else
			# Shortly before the timeout, log the tasks that hang. Not with
			# --icount: the guest's clock is not the host's.
			[[ $ICOUNT ]] || {
				echo "(sleep $(( TIMEOUT > 20 ? TIMEOUT - 8 : TIMEOUT * 3 / 4 ))"
				echo ' echo "rnull: still running, blocked tasks follow" > /dev/kmsg'
				echo ' echo w > /proc/sysrq-trigger; echo l > /proc/sysrq-trigger) &'
			}
			echo 'bash /run/rnull/command < /dev/null > /run/rnull/output 2>&1'
			echo 'echo $? > /run/rnull/status'
		fi
	} > "$RUN/init"
	(( ! $# )) || printf '%q ' "$@" > "$RUN/command"
}

qemu_arguments() {
	local share from command_line=(
		"console=$ARCH_CONSOLE" panic=-1 oops=panic "${ARCH_APPEND[@]}"
		root=rootfs ro rootfstype=9p init=/rnull-init
		rootflags="trans=virtio,version=9p2000.L,msize=262144,cache=loose"
		"$APPEND"
	)
	QEMU=("${ARCH_QEMU[@]}" -nodefaults -display none -no-reboot -m "$MEM" -smp "$SMP"
		-kernel "$IMAGE" -serial "file:$RUN/console"
		-append "${command_line[*]}")
	nine_p rootfs /guest ,readonly=on,multidevs=remap
	nine_p run "$RUN"
	for share in "${SHARES[@]}"; do
		from=$(realpath "${share%=*}")
		BIND+=(--bind "$from")
		nine_p "${share##*=}" "$from"
	done
	# /dev/kvm is not enough: some virtual machines have it, and a guest hangs.
	# So check the processor's flag.
	if [[ $ICOUNT ]]; then
		QEMU+=(-accel "tcg,thread=single" -cpu max -icount "shift=0,sleep=off")
	elif [[ $ARCH_KVM && -w /dev/kvm ]] && grep -qwE "$ARCH_KVM" /proc/cpuinfo; then
		QEMU+=(-accel kvm -cpu host)
	else
		QEMU+=(-accel "tcg,thread=multi" -cpu "$ARCH_CPU")
	fi
	[[ ! $MONITOR ]] || QEMU+=(-monitor "unix:$MONITOR,server=on,wait=off")
	[[ ! $SHELL_WANTED ]] || QEMU+=(-serial mon:stdio)
}

nine_p() {			# TAG DIRECTORY [OPTIONS]
	QEMU+=(-fsdev "local,id=$1,path=$2,security_model=none${3:-}"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

# verdict STATUS TEXT [LOG]: print one line, and on failure the end of the log.
verdict() {
	mv "$RUN/console" "$CONSOLE"
	mv "$RUN/output" "$OUTPUT"
	if (( $1 )); then
		[[ ! ${3:-} ]] || {
			say "--- the end of $3:"
			tail -n 25 "$3" | tr -d '\r' >&2
			say "---"
		}
		say "guest $NAME: FAILED: $2"
		say "guest $NAME: see its console in $CONSOLE, its output in $OUTPUT"
		say "guest $NAME: to try commands in a guest, run make shell"
	else
		say "guest $NAME: $2"
	fi
	exit "$1"
}

fill_run "$@"
BIND=()
qemu_arguments
QEMU=("$REPO/scripts/enter.sh" --guest "${ARCH_WITH[@]}" "${BIND[@]}" "${QEMU[@]}")
if [[ $SHELL_WANTED ]]; then
	"${QEMU[@]}"		# in front: it reads the terminal
	exit 0
fi

# boot: run the guest until it ends or times out. Sets late and crashed.
boot() {
	local guest shown
	start "${QEMU[@]}" > "$RUN/qemu.log" 2>&1 < /dev/null
	guest=$CHILD
	start tail -n +1 -q -s 0.2 --pid="$guest" -f "$RUN/output"
	shown=$CHILD
	while kill -0 "$guest" 2>/dev/null && (( SECONDS - from < TIMEOUT )); do
		sleep 0.2 & wait $! || true
	done
	late=
	if kill -0 "$guest" 2>/dev/null; then
		late=yes
		kill -TERM -- "-$guest" 2>/dev/null || true
	fi
	reap "$guest" && crashed='' || crashed=$?
	reap "$shown" || true
}

# emulator_fault: QEMU 10 with several emulated processors sometimes aborts while the
# guest maps its PCI devices, before COMMAND runs.
emulator_fault() {
	[[ $crashed && ! -s $RUN/output ]] &&
		grep -q 'iotlb_to_section: Assertion .* failed' "$RUN/qemu.log"
}

from=$SECONDS
boot
for (( again = 0; again < 3; again++ )); do
	emulator_fault || break
	say "guest $NAME: QEMU aborted while the guest booted (a bug of QEMU 10); trying again"
	boot
done

splats=$RUN/splats
complained=
python3 "$REPO/scripts/splat.py" "$RUN/console" > "$splats" 2>&1 || complained=yes
[[ ! $complained ]] || { say "--- kernel complaints:"; head -n 60 "$splats" >&2; }
took="after $(elapsed $(( SECONDS - from )))"

if [[ $late ]]; then
	verdict 3 "no end within $TIMEOUT s" "$CONSOLE"
elif [[ ! -s $RUN/status && $crashed ]]; then
	cat "$RUN/qemu.log" >&2
	verdict 4 "QEMU ended with status $crashed $took" "$CONSOLE"
elif [[ ! -s $RUN/status ]]; then
	verdict 4 "the guest died $took" "$CONSOLE"
elif [[ $complained ]]; then
	verdict 2 "the kernel complained (the command's status: $(<"$RUN/status"))"
elif (( $(<"$RUN/status") )); then
	verdict 1 "the command ended with status $(<"$RUN/status") $took" "$OUTPUT"
fi
verdict 0 "good $took"
