#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Make the build root, once: a Debian 13 tree in the cache with the compilers,
# the emulator, fio and the kernel source. It is also the guests' root file
# system. Its key is this file's hash, so that a change here makes a new one.
#
#	buildroot.sh		make it if it is not there
#	buildroot.sh --ruff	and insist that ruff is in it

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings

SUITE=trixie
SOURCE=linux-source-7.3
RUFF=ruff==0.14.5
PACKAGES=(
	# to build a kernel
	build-essential clang lld llvm rustc rust-src rustfmt rust-clippy bindgen
	flex bison bc kmod cpio libelf-dev libssl-dev libdw-dev dwarves
	python3 python3-ply python3-git perl rsync git patch xz-utils zstd ccache
	# to run it, and to be its user space
	qemu-system-x86 busybox-static fio mount udev procps util-linux iproute2
	# to put file systems and other drivers on top of it
	e2fsprogs xfsprogs btrfs-progs f2fs-tools zonefs-tools zbd-utils mdadm dmsetup
	nvme-cli trace-cmd
	# to draw what was measured
	python3-matplotlib
	# to check the sources
	shellcheck python3-pip
)

# The Debian mirror of this machine's own apt: of all the entries that serve
# this release's main component, the first whose path looks like the archive's,
# else the first; never -security, which has no other release's packages.
mirror() {
	local codename
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	{
		cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
			sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?//p'
		awk '
		function flush(    u, s, n, m, i, j, us, ss) {
			n = split(f["uris"], us, " "); m = split(f["suites"], ss, " ")
			if (f["enabled"] !~ /^ *no/ && " " f["types"] " " ~ / deb /)
				for (i = 1; i <= n; i++) for (j = 1; j <= m; j++)
					print us[i], ss[j], f["components"]
			split("", f)
		}
		FNR == 1 || /^[ \t]*$/ { flush() }
		/^#/ { next }
		/^[ \t]+[^ \t]/ { f[key] = f[key] " " $0; next }
		match($0, /^[A-Za-z-]+:/) {
			key = tolower(substr($0, 1, RLENGTH - 1))
			f[key] = substr($0, RLENGTH + 1)
		}
		END { flush() }' /etc/apt/sources.list.d/*.sources /dev/null 2>/dev/null
	} | awk -v codename="$codename" '
		$1 !~ /security/ && $1 !~ /^cdrom:/ && $2 !~ /security/ &&
		($2 == codename || $2 ~ /^(stable|oldstable|testing|sid|unstable)$/) {
			for (i = 3; i <= NF; i++) if ($i == "main") {
				if ($1 ~ /\/debian\/?$|debian\.list$/) { print $1; found = 1; exit }
				if (!any) any = $1
			}
		}
		END { if (!found && any) print any }'
}

host_tools() {
	local tool missing=() packages=()
	local -A package=([mmdebstrap]=mmdebstrap [bwrap]=bubblewrap [flock]=util-linux
		[git]=git [python3]=python3 [make]=make [tar]=tar)
	(( EUID == 0 )) || package[newuidmap]=uidmap
	for tool in "${!package[@]}"; do
		command -v "$tool" > /dev/null || {
			missing+=("$tool")
			packages+=("${package[$tool]}")
		}
	done
	(( ${#missing[@]} )) || return 0
	(( EUID == 0 )) ||
		die "not installed: ${missing[*]}. Ask for: apt-get install ${packages[*]}"
	say "installing on this machine: ${packages[*]}"
	{
		run apt-get update &&
			run env DEBIAN_FRONTEND=noninteractive apt-get install -y \
				--no-install-recommends "${packages[@]}"
	} > "$CACHE/log/host-tools.log" 2>&1 < /dev/null ||
		fail_log "installing ${packages[*]}" "$CACHE/log/host-tools.log" \
			"Install them by hand, then call again."
}

user_can() {
	(( EUID )) || return 0
	unshare --user --map-root-user true 2>/dev/null ||
		die "unprivileged user namespaces are off here. Ask for" \
			"kernel.unprivileged_userns_clone=1, or run as root"
	grep -q "^\($(id -un)\|$EUID\):" /etc/subuid ||
		die "no subordinate user ids. Ask for: usermod" \
			"--add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
}

# What the guest's kernel runs first. The run directory, which guest.sh shares,
# says what comes then.
guest_init() {
	cat <<-'END'
	#!/bin/sh
	export PATH=/usr/sbin:/usr/bin HOME=/tmp LANG=C.UTF-8
	mount -t proc proc /proc
	mount -t sysfs sys /sys
	mkdir -p /dev/shm
	mount -t tmpfs shm /dev/shm
	mount -t tmpfs tmp /tmp
	mount -t tmpfs run /run
	mount -t debugfs debug /sys/kernel/debug
	mount -t configfs config /sys/kernel/config
	mkdir /run/rnull
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 run /run/rnull
	mount --bind /run/rnull/lib/modules /usr/lib/modules
	cd /tmp
	sh /run/rnull/init
	exec busybox reboot -f
	END
}

# In the new root $1, as its root, with the network and with what this machine
# tells pip about its index.
install_ruff() {
	local bind=() env=() name file
	for name in "${!PIP_@}" http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY; do
		[[ ! ${!name:-} ]] || env+=("$name=${!name}")
	done
	for file in /etc/resolv.conf /etc/hosts /etc/pip.conf "${PIP_CERT:-}" \
		/etc/ssl/certs/ca-certificates.crt; do
		[[ ! -f $file ]] || bind+=(--ro-bind "$(realpath "$file")" "$file")
	done
	for file in "${HOME:-/}/.config/pip" "${PIP_FIND_LINKS:-}"; do
		[[ ! -d $file ]] || bind+=(--ro-bind "$file" "$file")
	done
	(( EUID == 0 )) || bind+=(--unshare-user --uid 0 --gid 0)
	run env -i PATH=/usr/bin:/usr/sbin HOME="${HOME:-/}" "${env[@]}" \
		bwrap --die-with-parent --bind "$1" / --dev /dev --proc /proc --tmpfs /tmp \
		"${bind[@]}" \
		pip install --break-system-packages --no-cache-dir --no-compile \
		--root-user-action=ignore --retries 1 "$RUFF"
}

build() {
	local new=$1 log=$CACHE/log/buildroot.log uri keyring proxy mode=root args=()
	uri=$(mirror)
	[[ $uri ]] || die "no Debian mirror found in /etc/apt/sources.list or" \
		"/etc/apt/sources.list.d. Add this machine's mirror there"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[[ -r $keyring ]] || die "$keyring is missing: install debian-archive-keyring"
	for proxy in http https; do
		args+=(--aptopt="$(apt-config dump --format '%f "%v";%n' \
			"Acquire::$proxy::Proxy" 2>/dev/null || true)")
		[[ ${args[-1]} != --aptopt= ]] || unset 'args[-1]'
	done
	(( EUID == 0 )) || mode=unshare

	mkdir -p "$new"
	rm -f "$new.fifo"
	mkfifo "$new.fifo"
	at_exit "rm -rf '$new' '$new.fifo'"
	# No device nodes: the guest's kernel and the sandbox bring their own.
	start tar -x -p -f "$new.fifo" -C "$new" --exclude='./dev/*' \
		"$( (( EUID == 0 )) && echo --numeric-owner || echo --no-same-owner)"
	local tar=$CHILD
	# A missing kernel package must not keep a user with KERNEL_SRC= from
	# the rest, hence a step of its own: in the hook, apt is this machine's
	# and its lists are the new root's. /var/tmp is on disk and open to the
	# subordinate ids; neither is certain of /tmp or a home directory.
	# shellcheck disable=SC2016
	TMPDIR=/var/tmp progress "$log" 0 sh -c 'exec "$@" > "$0"' "$new.fifo" \
		mmdebstrap --mode=$mode --variant=apt --format=tar --architectures=amd64 \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--include="$(IFS=,; echo "${PACKAGES[*]}")" "${args[@]}" \
		--customize-hook='
			set -e
			export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
			apt-cache show '$SOURCE' > /dev/null 2>&1 || exit 0
			mkdir "$1/rnull-deb"
			cd "$1/rnull-deb"
			apt-get -o APT::Sandbox::User=root download '$SOURCE'
			dpkg-deb --fsys-tarfile *.deb | tar -x -C "$1" ./usr/src
			dpkg-deb -f *.deb Version > "$1/rnull-source-version"
			rm -r "$1/rnull-deb"' \
		--customize-hook='mkdir -p "$1/guest" "$1/usr/lib/modules"' \
		"$SUITE" - \
		"deb [signed-by=$keyring] $uri $SUITE main" \
		"deb [signed-by=$keyring] $uri $SUITE-updates main" \
		"deb [signed-by=$keyring] $uri $SUITE-backports main" ||
		fail_log "making the build root from $uri" "$log" \
			"Check the network and that this mirror carries $SUITE, then call again."
	reap "$tar" || die "unpacking the build root failed: is the disk full?"

	if [[ -f $new/rnull-source-version ]]; then
		printf '%s-%s\n' "$(<"$new/rnull-source-version")" \
			"$(hash16 < "$new/usr/src/$SOURCE.tar.xz")" > "$new/rnull-source"
	fi
	guest_init > "$new/rnull-init"
	chmod 755 "$new/rnull-init"
	install_ruff "$new" > "$CACHE/log/ruff.log" 2>&1 ||
		say "      ruff could not be installed; only \`make lint' needs it"
}

root=$(root_dir)
new=$CACHE/buildroot/.new-$(root_key)
if [[ ! -d $root ]]; then
	host_tools
	user_can
	lock -x "$root.lock" "another call makes the build root"
	if [[ ! -d $root ]]; then
		rm -rf "$new"
		say "      making the build root (once; about two minutes)"
		build "$new"
		mv "$new" "$root"
		prune "$CACHE/buildroot/*" 2
	fi
fi
if [[ ${1:-} == --ruff ]] && ! compgen -G "$root/usr/*/bin/ruff" > /dev/null; then
	install_ruff "$root" > "$CACHE/log/ruff.log" 2>&1 ||
		fail_log "installing ruff by pip" "$CACHE/log/ruff.log" \
			"Check pip's configuration and the network, then call again."
fi
if [[ ! $KERNEL_SRC && ! -f $root/rnull-source ]]; then
	die "$SOURCE is no longer in the archive." \
		"Set KERNEL_SRC= to a source tree of Linux $RELEASE"
fi
