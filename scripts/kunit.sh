#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Run the KUnit tests and doctests with the kernel's kunit.py, on user-mode Linux or, with
# ARCH=arm64, in QEMU:
#
#	kunit.sh [ARGUMENT...]		arguments of kunit.py, such as the filter
#					'rnull*'; without any, our suites must run
#	kunit.sh --make ARGUMENT...	only make(1) in the configured work tree

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
settings
: "${RNULL_STEPS:=6}"
STEPS=$RNULL_STEPS

CONFIG=$REPO/drivers/block/rnull/.kunitconfig
MAKE=(LLVM=1 "CC=ccache clang")

kunit() {
	local action=$1 option options=()
	shift
	for option in "${MAKE[@]}"; do options+=(--make_options "$option"); done
	[[ $PATCHES != all ]] || options+=(--kunitconfig="$REPO/configs/fixes.config")
	"$REPO/scripts/enter.sh" "${ARCH_WITH[@]}" "$SOURCE/tools/testing/kunit/kunit.py" \
		"$action" --arch="$KUNIT_ARCH" --build_dir="$OBJECTS" --kunitconfig="$CONFIG" \
		"${options[@]}" "$@"
}

kmake() {
	"$REPO/scripts/enter.sh" make -C "$SOURCE" O="$OBJECTS" ARCH="$KUNIT_ARCH" "${MAKE[@]}" \
		--no-print-directory "$@"
}

# Print how many cases passed and failed, and name those that failed. The rest of the
# kernel crate counts, too, because patches/ changes code under it. Our own cases are
# recognised by their names.
count() {
	python3 - "$RESULT" "$@" <<-'END'
	import json, os, sys

	def cases(group):
	    for case in group["test_cases"]:
	        yield group["name"], case["name"], case["status"]
	    for sub in group["sub_groups"]:
	        yield from cases(sub)

	def say(text):
	    print(text, file=sys.stderr)

	found = list(cases(json.load(open(sys.argv[1]))))
	bad = [case for case in found if case[2] in ("FAIL", "ERROR")]
	good = [case for case in found if case[2] == "PASS"]
	doctests = [c for c in good if c[1].startswith("rust_doctest_kernel_block_")]
	suites = [c for c in good if c[0].startswith(("rust_block_", "rnull_"))]
	for suite, case, status in bad:
	    say(f"{status} {suite}.{case}")
	if os.environ["PATCHES"] != "all":
	    for suite, case, status in found:
	        if status == "SKIP" and suite.startswith("rust_block_"):
	            say(f"      skipped with PATCHES={os.environ['PATCHES']}: {suite}.{case}")
	say(f"      ours passed: {len(doctests)} doctests, {len(suites)} tests")
	print(len(good), len(bad))
	if len(sys.argv) == 2 and not (doctests and suites):
	    sys.exit("kunit: no doctest of kernel::block, or no rust_block or rnull suite, passed")
	END
}

step "build root"
need_root
step "kernel source"
need_base
step "work tree"
need_tree
OBJECTS=$TREE/${ARCH_PREFIX}kunit
LOG=$OBJECTS/build.log
RESULT=$OBJECTS/result.json
mkdir -p "$OBJECTS"

step "configure $KUNIT_MACHINE"
run kunit config > "$LOG" 2>&1 < /dev/null ||
	fail_log "configuring $KUNIT_MACHINE" "$LOG" "Fix $CONFIG, or the options that it names."
if [[ ${1:-} == --make ]]; then
	shift
	run kmake "$@" < /dev/null
	exit 0
fi
step "build it with $JOBS jobs"
start_build "$OBJECTS"
if [[ -e $OBJECTS/vmlinux ]]; then expected=0; else expected=1700; fi
progress "$LOG" "$expected" kmake -j"$JOBS" all || {
	end_build "$OBJECTS"	# make has tidied up itself
	first_errors "$LOG"
	fail_log "building $KUNIT_MACHINE" "$LOG" \
		"The first errors are above; the whole log is $LOG"
}
end_build "$OBJECTS"

# run_tests ARGUMENT...: run kunit.py, and set status.
run_tests() {
	rm -f "$RESULT"
	run kunit run --jobs="$JOBS" --timeout=600 --json="$RESULT" "$@" > "$LOG" 2>&1 < /dev/null &&
		status=0 || status=$?
}

step "run the tests"
# Two CPUs make races possible.
run_tests "${KUNIT_RUN[@]}" "$@"
if grep -q 'SECCOMP userspace requested but not functional' "$OBJECTS/test.log"; then
	say "      this host has no seccomp: running again with one CPU"
	run_tests "$@"
fi
grep -E '^\[|FAILED|Testing complete' "$LOG" | tail -n 3 >&2 || true
[[ -s $RESULT ]] || fail_log "kunit.py ended with status $status without results" "$LOG" \
	"The kernel's own log is $OBJECTS/test.log"
output counts count "$@" || status=1
# shellcheck disable=SC2154 # output sets it
read -r PASSED FAILED <<< "$counts"
results kunit || status=1
python3 "$REPO/scripts/splat.py" "$OBJECTS/test.log" >&2 || {
	say "kunit: the kernel complained, see $OBJECTS/test.log"
	status=1
}
(( ! status )) || fail_log "KUnit tests" "$LOG" "The kernel's own log is $OBJECTS/test.log"
