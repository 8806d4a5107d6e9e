# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # the variables are for the other scripts
#
# All differences between the architectures for which ARCH= can build and test:
#
#	ARCH_PREFIX	of build directories, published kernels and logs
#	ARCH_TARGET	of make(1), for the image
#	ARCH_IMAGE	the image in the build directory. Its name is also that in the
#			published directory
#	ARCH_EXTRA	extra roots that a guest needs
#	ARCH_ROOT	the extra root that is the guest's root file system; none: the build
#			root
#	ARCH_WITH	options with which enter.sh finds QEMU
#	ARCH_QEMU	QEMU and the machine
#	ARCH_CPU	the processor, if it is emulated
#	ARCH_KVM	flags of a host's processor that has KVM for such guests; none: no
#			such host
#	ARCH_CONSOLE	the first serial port, for the kernel's messages
#	ARCH_TERMINAL	the second one, for an interactive shell
#	ARCH_APPEND	parameters of the kernel
#	KUNIT_ARCH	the architecture of the KUnit tests
#	KUNIT_MACHINE	what it is called
#	KUNIT_RUN	further arguments of kunit.py, to have two processors
#
# configs/ARCH.config has the options. The build root is for x86-64 only: its compilers
# build for all architectures.

ARCHES=(x86_64 arm64)

arch_settings() {
	case $ARCH in
	x86_64)
		ARCH_PREFIX=
		ARCH_TARGET=bzImage
		ARCH_IMAGE=arch/x86/boot/bzImage
		ARCH_EXTRA=()
		ARCH_ROOT=
		ARCH_WITH=()
		ARCH_QEMU=(qemu-system-x86_64 -M q35)
		# identify_cpu() clears the flags of the boot CPU for a moment. In an
		# interrupt at that time, KASAN assumes four levels of page tables, and
		# reports addresses of a kernel with five.
		ARCH_CPU="max,la57=off"
		ARCH_KVM="vmx|svm"
		ARCH_CONSOLE=ttyS0
		ARCH_TERMINAL=ttyS1
		# If the host does not schedule a booting guest for a moment, the guest finds
		# its timer broken, and panics. no_timer_check disables that test.
		ARCH_APPEND=(tsc=reliable no_timer_check)
		# User-mode Linux needs no emulator. It supports two processors only with
		# seccomp.
		KUNIT_ARCH=um
		KUNIT_MACHINE="user-mode Linux"
		KUNIT_RUN=(--kernel_args seccomp=on --kernel_args ncpus=2) ;;
	arm64)
		ARCH_PREFIX=arm64-
		ARCH_TARGET=Image
		ARCH_IMAGE=arch/arm64/boot/Image
		ARCH_EXTRA=(arm64 qemu-arm)
		ARCH_ROOT=arm64
		ARCH_WITH=(--with qemu-arm)
		# The older interrupt controller has at most eight processors.
		ARCH_QEMU=(qemu-system-aarch64 -M "virt,gic-version=3")
		ARCH_CPU=max
		ARCH_KVM=
		ARCH_CONSOLE=ttyAMA0
		ARCH_TERMINAL=ttyAMA1
		ARCH_APPEND=()
		# User-mode Linux is for x86 only.
		KUNIT_ARCH=arm64
		KUNIT_MACHINE="the arm64 kernel"
		KUNIT_RUN=(--qemu_args "-smp 2") ;;
	*)
		die -2 "ARCH=$ARCH: want one of ${ARCHES[*]}" ;;
	esac
}

# x86_only: refuse any other architecture in a script that knows only this one.
x86_only() {
	[[ $ARCH == x86_64 ]] || die -2 "ARCH=$ARCH: this works for x86_64 only"
}
