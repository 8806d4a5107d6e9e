#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run a command inside the build root, in the current directory:
#
#	enter.sh [--herd] [--with NAME] [--guest] [--bind DIR]... [--mount DIR PATH]...
#		COMMAND [ARGUMENT]...
#
# The root is read-only. The clone and the cache keep their paths, and are
# writable; --bind adds another directory, and --mount adds one at PATH. --guest also mounts
# the root at /guest, as a guest's file system (for some architectures, an extra root), and
# passes /dev/kvm. --with adds the programs and modules of an extra root. --herd enters
# herd7's root instead. There is no network. The command gets only the environment variables
# that are listed below.
#
# virtme-ng has nothing for this: it builds with the host's compilers. bwrap needs no
# daemon and no image, and ends the command with its caller.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
trap - EXIT INT TERM HUP	# this process becomes the command

root=$(root_dir)
if [[ ${1:-} == --herd ]]; then
	root=$(extra_dir herd)
	[[ -d $root ]] || "$REPO/scripts/extraroot.sh" herd
	shift
fi
[[ -d $root ]] || make_root
lock -s "$root.lock" "another call changes that root"

args=() with=
path=/usr/local/bin:/usr/sbin:/usr/bin
packages=()
while [[ ${1:-} == --* ]]; do
	case $1 in
	--with)
		with=$(extra_dir "$2")
		[[ -d $with ]] || "$REPO/scripts/extraroot.sh" "$2"
		lock -s "$with.lock" "another call makes that root"
		path=$with/usr/bin:$path
		packages=(PYTHONPATH="$with/usr/lib/python3/dist-packages"
			PERL5LIB="$with/usr/share/perl5"
			LD_LIBRARY_PATH="$with/usr/lib/x86_64-linux-gnu")
		shift 2 ;;
	--guest)
		guest=$root
		if [[ $ARCH_ROOT ]]; then
			guest=$(extra_dir "$ARCH_ROOT")
			[[ -d $guest ]] || "$REPO/scripts/extraroot.sh" "$ARCH_ROOT"
			lock -s "$guest.lock" "another call makes that root"
		fi
		args+=(--ro-bind "$guest" /guest)
		[[ ! -w /dev/kvm ]] || args+=(--dev-bind /dev/kvm /dev/kvm)
		shift ;;
	--bind)
		args+=(--bind "$2" "$2")
		shift 2 ;;
	--mount)
		args+=(--bind "$2" "$3")
		shift 3 ;;
	*)
		die -2 "unknown option $1" ;;
	esac
done
(( $# )) || die -2 "no command"

# mount FROM DIRECTORY...: mount these directories of the root FROM, unless there is one.
declare -A mounted=()
mount() {
	local dir name
	for dir in "${@:2}"; do
		name=${dir#"$1"}
		[[ -d $dir && ! ${mounted[$name]:-} ]] || continue
		mounted[$name]=yes
		sandbox+=(--ro-bind "$dir" "$name")
	done
}

sandbox=(--die-with-parent --unshare-pid --unshare-net --unshare-ipc)
(( EUID == 0 )) || sandbox+=(--unshare-user --uid 0 --gid 0)
# Only the second level of the root is mounted, so that the clone and the cache can keep
# any path; of usr/share the third, because programs of an extra root look there for theirs.
# Extra roots lack some directories.
mounted[/usr/local]=yes
[[ ! $with ]] || mounted[/usr/share]=yes
mount "$root" "$root"/usr/* "$root"/usr/local/* "$root"/etc "$root"/var/lib
if [[ $with ]]; then
	mount "$root" "$root"/usr/share/*
	mount "$with" "$with"/usr/share/*
fi
for dir in bin sbin lib lib64; do sandbox+=(--symlink "usr/$dir" "/$dir"); done
sandbox+=(--dev /dev --proc /proc --tmpfs /tmp --tmpfs /run --dir /var/tmp)
args+=(--bind "$CACHE" "$CACHE" --bind "$REPO" "$REPO")
case $PWD/ in
"$REPO"/* | "$CACHE"/*) args+=(--chdir "$PWD") ;;
*) args+=(--chdir "$REPO") ;;
esac

# With a fixed user, host and time, the same source gives the same kernel image.
env=(PATH="$path" HOME=/tmp LANG=C.UTF-8
	CCACHE_DIR="$CACHE/ccache" CCACHE_BASEDIR="$CACHE" CCACHE_COMPRESS=1
	KBUILD_BUILD_USER=rnull KBUILD_BUILD_HOST=rnull
	KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_VERSION=1)
# Here bindgen would take the library of another compiler.
[[ $TOOLCHAIN != backports ]] || env+=(LIBCLANG_PATH=/usr/local/lib/libclang)
for name in TERM CACHE JOBS SMP MEM KERNEL_SRC CONFIG_EXTRA "${!RNULL_@}"; do
	[[ ! ${!name:-} ]] || env+=("$name=${!name}")
done
exec env -i "${env[@]}" "${packages[@]}" bwrap "${sandbox[@]}" "${args[@]}" -- "$@"
