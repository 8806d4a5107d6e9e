#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Check the sources; each check counts as one test:
#
#	lint.sh [PATTERN]	only the checks whose names have PATTERN in them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
x86_only
cd "$REPO"

PATTERN=${1:-}
LOG=$(mktemp "$CACHE/run/lint.XXXXXX")
at_exit "rm -f '$LOG'"

enter() { "$REPO/scripts/enter.sh" "$@"; }

# files GLOB...: print our existing files, tracked or not ignored.
files() {
	git ls-files -co --exclude-standard -- "$@" | while read -r file; do
		[[ ! -f $file ]] || printf '%s\n' "$file"
	done
}

# The work tree has the kernel's tools and their settings. clippy and rustdoc read the
# built dependencies of the kernel crate and the driver. The debug kernel has all options
# of the driver, user-mode Linux has the KUnit tests, and the lean kernel is for the fast
# path.
SOURCE=
need_sources() {
	local parts=(-j"$JOBS" rust/kernel.o drivers/block/rnull/) command
	[[ ! $SOURCE ]] || return 0
	say "lint: building the crates that clippy and rustdoc need"
	for command in "kernel.sh lean" "kernel.sh debug" kunit.sh; do
		[[ $command != *debug ]] || parts+=(drivers/block/tests/)
		# shellcheck disable=SC2086 # two words
		progress "$LOG" 0 env FULL= CONFIG_EXTRA= "$REPO/scripts/"$command --make "${parts[@]}" ||
			fail_log "building the Rust parts" "$LOG" "Fix the build first."
		[[ $command != *debug ]] || unset "parts[-1]"
	done
	need_root
	need_base
	need_tree
}

# check NAME COMMAND...: passes if the command succeeds.
check() {
	local name=$1 from=$SECONDS
	[[ $name == *"$PATTERN"* ]] || return 0
	shift
	case $name in
	rustfmt | checkpatch* | clippy* | rustdoc* | *fast\ path* | *module\ needs*) need_sources ;;
	esac
	if run "$@" > "$LOG" 2>&1 < /dev/null; then
		pass "$name ($(elapsed $(( SECONDS - from ))))"
	else
		head -n 100 "$LOG" | sed 's/^/    /' >&2
		fail "$name"
	fi
}

# none_match FILE... -- ARGUMENT...: grep with these arguments finds nothing in the files.
none_match() {
	local list=()
	while [[ $1 != -- ]]; do list+=("$1"); shift; done
	shift
	(( ${#list[@]} )) || return 0
	! grep -nH "$@" -- "${list[@]}"
}

mapfile -t ALL < <(files)
mapfile -t RUST < <(files '*.rs')
mapfile -t DRIVER_RUST < <(files 'drivers/block/*.rs' 'samples/rust/*.rs')
mapfile -t PYTHON < <(files '*.py')
mapfile -t PATCH_FILES < <(files 'patches/*.patch')
mapfile -t SHELL_FILES < <(grep -lE '^#!/bin/(ba)?sh|^# shellcheck shell=' -- "${ALL[@]}" || true)
# Files that belong in a kernel tree.
mapfile -t KERNEL_FILES < <(files rust drivers include lib samples Documentation Kconfig \
	tools/testing/selftests)
# The kernel's own Rust files that patches change are checked, too.
mapfile -t RUST_PATCHED < <(sed -n 's,^+++ b/\(.*\.rs\)$,\1,p' "${PATCH_FILES[@]}" /dev/null | sort -u)

# ------------------------------------------------------------------- sources

rustfmt_clean() {
	enter rustfmt --check --edition 2021 --config-path "$SOURCE/.rustfmt.toml" "${RUST[@]}"
}

# Ignored:
#  FILE_PATH_CHANGES  MAINTAINERS is not in this tree
#  UNKNOWN_COMMIT_ID  the kernel's history is not here
# checkpatch must not see this repository: it would take patches for sources, and look
# for another repository around the kernel's tools.
checkpatch() {
	enter env GIT_DIR=none perl "$SOURCE/scripts/checkpatch.pl" --root="$SOURCE" --strict \
		--quiet --no-summary --color=never --show-types --ignore FILE_PATH_CHANGES,UNKNOWN_COMMIT_ID "$@"
}
checkpatch_files() {
	local file bad=0
	for file in "${KERNEL_FILES[@]}"; do
		checkpatch -f "$file" || bad=1
	done
	return "$bad"
}
checkpatch_patches() {
	local file bad=0
	for file in "${PATCH_FILES[@]}"; do
		checkpatch "$file" || bad=1
	done
	return "$bad"
}

# rust_lint TOOL OBJECTS TARGET
rust_lint() {
	enter env CLIPPY_CONF_DIR="$SOURCE" "$REPO/scripts/rust_lint.py" "$1" "$TREE/$2" "$3" \
		"${RUST[@]}" "${RUST_PATCHED[@]}"
}

fast_path() { enter "$REPO/tools/testing/fast-path/run.py" "$TREE/lean"; }

# needs yes|no FLAVOUR SYMBOL: fail unless the driver's module refers to the symbol, or
# with "no" if it does.
needs() {
	local object=$TREE/$2/drivers/block/rnull/rnull_mod.o symbols got=no
	symbols=$(enter llvm-nm -u -j "$object") || return
	! grep -qx "$3" <<< "$symbols" || got=yes
	[[ $got == "$1" ]] && return
	echo "$object: undefined symbol $3: expected $1, found $got"
	return 1
}

# Dropping the last reference frees the request. That code is generic, so it is in the
# driver's module. With inlined helpers the module calls the block layer directly,
# otherwise a helper.
module_needs_export() {
	local bad=0
	needs yes lean __blk_mq_free_request || bad=1
	needs yes debug rust_helper_blk_mq_put_request || bad=1
	needs no debug __blk_mq_free_request || bad=1
	return "$bad"
}

readme_has_patches() {
	local table
	table=$("$REPO/scripts/series.py" table) || return
	[[ $(<README.md) != *"$table"* ]] || return 0
	printf "README.md lacks the output of \`scripts/series.py table'; copy this to it:\n%s\n" \
		"$table"
	return 1
}

shell_clean() { enter shellcheck -x -P SCRIPTDIR -P . "${SHELL_FILES[@]}"; }

ruff_clean() {
	enter ruff check --no-cache --target-version py311 --line-length 100 \
		--select E,F,W,I,B,UP,SIM "${PYTHON[@]}"
}

# --------------------------------------------------------------- conventions

# The license is in the first two lines of every file, except for patches and logs.
spdx_everywhere() {
	local file bad=0
	for file in "${ALL[@]}"; do
		case $file in
		*.patch | */harness/cases/*/log | */harness/cases/*/expected) continue ;;
		esac
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2\.0' || {
			echo "$file: no SPDX-License-Identifier: GPL-2.0"
			bad=1
		}
	done
	return "$bad"
}

# The brackets keep the patterns from matching this file.
no_hosts() {
	none_match "${ALL[@]}" -- -EI \
		'(deb|snapshot|ftp|security)[.]debian|[p]ypi\.|files[.]pythonhosted|[c]rates\.io|[d]ocker\.io'
}
no_machine_paths() { none_match "${ALL[@]}" -- -EI '/[w]ork/|/var/tmp/[r]n|/[r]oot/|/home/[a-z]'; }
no_leftovers() { none_match "${ALL[@]}" -- -EIw '[T]ODO|[F]IXME|[X]XX'; }

# Except for the trace points, the driver is safe Rust and uses only abstractions.
mapfile -t SAFE_RUST < <(printf '%s\n' "${DRIVER_RUST[@]}" | grep -v '/trace\.rs$')
driver_is_safe() {
	# Comments may contain the word.
	none_match "${SAFE_RUST[@]}" -- -E '^([^/]|/[^/])*\bunsafe\b'
}
driver_stays_above() {
	none_match "${SAFE_RUST[@]}" -- -E '^([^/]|/[^/])*\b(bindings|ffi|uapi)::'
}

check "rustfmt" rustfmt_clean
check "checkpatch: sources" checkpatch_files
check "checkpatch: patches" checkpatch_patches
for tool in clippy rustdoc; do
	check "$tool: kernel crate" rust_lint $tool debug rust/kernel.o
	check "$tool: kernel crate with its tests" rust_lint $tool kunit rust/kernel.o
	check "$tool: driver" rust_lint $tool debug drivers/block/rnull/rnull.o
	check "$tool: driver with its tests" rust_lint $tool kunit drivers/block/rnull/rnull.o
	for module in drivers/block/tests/{rust_block_abuse,rust_configfs_abuse} \
		samples/rust/{rust_blk_minimal,rust_blk_ram}; do
		check "$tool: ${module##*/}" rust_lint $tool debug "$module.o"
	done
done
check "the fast path is as short as in C" fast_path
check "the driver's module needs the export of block-lifetime/0001" module_needs_export
check "README has the table of the patches" readme_has_patches
check "shellcheck" shell_clean
check "ruff" ruff_clean
check "SPDX in every file" spdx_everywhere
check "no package hosts" no_hosts
check "no paths of one machine" no_machine_paths
check "no leftovers" no_leftovers
check "the driver has no unsafe code, except for its trace points" driver_is_safe
check "the driver uses nothing below the abstractions" driver_stays_above
check "the driver's modules depend in one direction" "$REPO/scripts/layers.py" \
	drivers/block/rnull/rnull.rs

results lint
