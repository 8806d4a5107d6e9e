#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run a command inside the build root, in the current directory:
#
#	enter.sh [--herd] [--elf] [--guest] [--bind DIR]... COMMAND [ARGUMENT]...
#
# The root is read-only. The clone and the cache keep their paths, and are
# writable; --bind adds another directory. --guest also mounts the root at /guest,
# as a guest's file system, and passes /dev/kvm. --elf adds pyelftools and capstone
# to Python's modules. --herd enters herd7's root instead. There is no network. The
# command gets only the environment variables that are listed below.
#
# virtme-ng has nothing for this: it builds with the host's compilers. bwrap needs no
# daemon and no image, and ends the command with its caller.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
trap - EXIT INT TERM HUP	# this process becomes the command

root=$(root_dir)
maker=(buildroot.sh)
if [[ ${1:-} == --herd ]]; then
	root=$(extra_dir herd)
	maker=(extraroot.sh herd)
	shift
fi
[[ -d $root ]] || "$REPO/scripts/${maker[0]}" "${maker[@]:1}"
lock -s "$root.lock" "another call changes that root"

args=(--die-with-parent --unshare-pid --unshare-net --unshare-ipc)
(( EUID == 0 )) || args+=(--unshare-user --uid 0 --gid 0)
# Only the second level of the root is mounted, so that the clone and the cache can
# keep any path. Extra roots lack some directories.
for dir in "$root"/usr/* "$root"/usr/local/* "$root"/etc "$root"/var/lib; do
	[[ ! -d $dir || $dir == "$root/usr/local" ]] || args+=(--ro-bind "$dir" "${dir#"$root"}")
done
for dir in bin sbin lib lib64; do args+=(--symlink "usr/$dir" "/$dir"); done
args+=(--dev /dev --proc /proc --tmpfs /tmp --tmpfs /run --dir /var/tmp)

packages=()
while [[ ${1:-} == --* ]]; do
	case $1 in
	--elf)
		elf=$(extra_dir elf)
		[[ -d $elf ]] || "$REPO/scripts/extraroot.sh" elf
		lock -s "$elf.lock" "another call makes that root"
		packages=(PYTHONPATH="$elf/usr/lib/python3/dist-packages"
			LD_LIBRARY_PATH="$elf/usr/lib/x86_64-linux-gnu")
		shift ;;
	--guest)
		args+=(--ro-bind "$root" /guest)
		[[ ! -w /dev/kvm ]] || args+=(--dev-bind /dev/kvm /dev/kvm)
		shift ;;
	--bind)
		args+=(--bind "$2" "$2")
		shift 2 ;;
	*)
		die -2 "unknown option $1" ;;
	esac
done
(( $# )) || die -2 "no command"
args+=(--bind "$CACHE" "$CACHE" --bind "$REPO" "$REPO")
case $PWD/ in
"$REPO"/* | "$CACHE"/*) args+=(--chdir "$PWD") ;;
*) args+=(--chdir "$REPO") ;;
esac

# With a fixed user, host and time, the same source gives the same kernel image.
env=(PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8
	CCACHE_DIR="$CACHE/ccache" CCACHE_BASEDIR="$CACHE" CCACHE_COMPRESS=1
	KBUILD_BUILD_USER=rnull KBUILD_BUILD_HOST=rnull
	KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_VERSION=1)
for name in TERM CACHE JOBS SMP MEM KERNEL_SRC CONFIG_EXTRA "${!RNULL_@}"; do
	[[ ! ${!name:-} ]] || env+=("$name=${!name}")
done
exec env -i "${env[@]}" "${packages[@]}" bwrap "${args[@]}" -- "$@"
