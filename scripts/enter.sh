#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run a command inside the build root, in the current directory:
#
#	enter.sh [--herd] [--guest] [--bind DIR]... COMMAND [ARGUMENT]...
#
# The root is read-only. The clone and the cache are where they are outside,
# and writable; --bind adds another directory. --guest shows the root a second
# time under /guest, with nothing mounted in it, to be a guest's file system,
# and /dev/kvm if the processor can. --herd enters herd7's root instead. There is
# no network, and of the environment only what is listed here gets in.

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
# The top levels are empty, so that any directory can appear where it is. Not
# every root has them all.
for dir in "$root"/usr/* "$root"/usr/local/* "$root"/etc "$root"/var/lib; do
	[[ ! -d $dir || $dir == "$root/usr/local" ]] || args+=(--ro-bind "$dir" "${dir#"$root"}")
done
for dir in bin sbin lib lib64; do args+=(--symlink "usr/$dir" "/$dir"); done
args+=(--dev /dev --proc /proc --tmpfs /tmp --tmpfs /run --dir /var/tmp)

while [[ ${1:-} == --* ]]; do
	case $1 in
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

# A fixed user, host and time keep one source at one kernel image.
env=(PATH=/usr/local/bin:/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8
	CCACHE_DIR="$CACHE/ccache" CCACHE_BASEDIR="$CACHE" CCACHE_COMPRESS=1
	KBUILD_BUILD_USER=rnull KBUILD_BUILD_HOST=rnull
	KBUILD_BUILD_TIMESTAMP=@0 KBUILD_BUILD_VERSION=1)
for name in TERM CACHE JOBS SMP MEM KERNEL_SRC CONFIG_EXTRA "${!RNULL_@}"; do
	[[ ! ${!name:-} ]] || env+=("$name=${!name}")
done
exec env -i "${env[@]}" bwrap "${args[@]}" -- "$@"
