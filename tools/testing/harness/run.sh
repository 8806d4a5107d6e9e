#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Prove that the harness reports failures. Each fixture runs through the real scripts,
# and must get the expected verdict. Controls must pass.
#
#	run.sh [PATTERN]	only the fixtures whose names have PATTERN in them

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/lib.sh"
settings

HERE=$REPO/tools/testing/harness
PATTERN=${1:-}
KERNEL=
LOG=$(mktemp "$CACHE/run/harness.XXXXXX")
at_exit "rm -f '$LOG'"

# fixture NAME STATUS TEXT COMMAND...: the command must exit with STATUS (a number, or
# "bad" for any but 0), and its output must match TEXT, a regular expression.
fixture() {
	local status=0 why=''
	[[ $1 == *"$PATTERN"* ]] || return 0
	[[ $1 != guest:* ]] || need_kernel
	[[ $1 != install:* ]] || need_trees
	run "${@:4}" > "$LOG" 2>&1 < /dev/null || status=$?
	if [[ $2 == bad ]] && (( ! status )); then
		why="ended with 0, want a failure"
	elif [[ $2 != bad ]] && (( status != $2 )); then
		why="ended with $status, want $2"
	elif ! grep -qE -e "$3" "$LOG"; then
		why="does not say \"$3\""
	fi
	if [[ $why ]]; then
		sed 's/^/    /' "$LOG" >&2
		fail "$1: $why"
	else
		pass "$1"
	fi
}

need_kernel() {
	[[ ! $KERNEL ]] || return 0
	output KERNEL "$REPO/scripts/kernel.sh" lean
	KERNEL=${KERNEL##*$'\n'}
}

# ------------------------------------------------ the scanner on canned logs

# With &&, because set -e has no effect in a condition.
splat_case() {
	local status=0 want=0
	[[ ! -s $HERE/cases/$1/expected ]] || want=1
	"$REPO/scripts/splat.py" "$HERE/cases/$1/log" || status=$?
	diff "$HERE/cases/$1/expected" <("$REPO/scripts/splat.py" --brief "$HERE/cases/$1/log") &&
		(( status == want )) && echo "as expected"
}

for dir in "$HERE"/cases/*/; do
	name=$(basename "$dir")
	fixture "splat: $name" 0 "as expected" splat_case "$name"
done
fixture "splat: no log" 2 "No such file" "$REPO/scripts/splat.py" "$HERE/cases/none/log"
fixture "splat: empty log" 2 "empty" "$REPO/scripts/splat.py" /dev/null

# -------------------------------------------------------- the tests' runner

tests() { "$REPO/tools/testing/selftests/rnull/run.sh" -d "$HERE/fixtures/$1"; }

fixture "runner: passes (control)" 0 "Totals: pass:1 fail:0 .* skip:1" tests passes
fixture "runner: plan stops early" 1 "planned 3 cases, had 2" tests plan_stops_early
fixture "runner: no plan" 1 "has no plan" tests no_plan
fixture "runner: more cases than planned" 1 "planned 1 cases, had 2" tests more_than_planned
fixture "runner: all ok, bad exit" 1 "exited with 3" tests exits_badly
fixture "runner: not ok, good exit" 1 "success although" tests fails_quietly
fixture "runner: bail out" 1 "gave up" tests gives_up
fixture "runner: killed" 1 "planned 2 cases, had 1" tests dies
fixture "runner: everything skipped" 1 "Totals: pass:0 fail:0 .* skip:1" tests only_skips
fixture "runner: no tests" 1 "Totals: pass:0" tests ..

# ------------------------------------------------------- the bench's unit tests

fixture "bench: unit tests" 0 "^OK$" "$REPO/scripts/enter.sh" --with elf \
	env PYTHONDONTWRITEBYTECODE=1 "$REPO/tools/testing/bench/test_bench.py"

# --------------------------------------------------------- the configuration

missing_option() {
	CONFIG_EXTRA=$HERE/fixtures/missing_option.config "$REPO/scripts/kernel.sh" lean --configure
}

fixture "kernel: missing config option" bad "asked CONFIG_RNULL_NO_SUCH_OPTION=y" missing_option
fixture "kernel: unknown architecture" 2 "ARCH=alpha: want one of x86_64 arm64" \
	env ARCH=alpha "$REPO/scripts/kernel.sh" lean
fixture "kernel: architecture that a script does not know" 2 "for x86_64 only" \
	env ARCH=arm64 "$REPO/scripts/kernel.sh" native

# --------------------------------------------------- the series as mails

# The fixtures below spoil copies of mails that were written once, and of steps.toml.
MAILS=
mails() {
	env GIT_COMMITTER_NAME=Tester GIT_COMMITTER_EMAIL=tester@example.org \
		python3 "$REPO/scripts/mail.py" "$@"
}

need_mails() {
	[[ ! $MAILS ]] || return 0
	need_root
	need_base
	MAILS=$(mktemp -d "$CACHE/run/harness.XXXXXX")
	at_exit "rm -rf '$MAILS'"
	mkdir "$MAILS/good"
	run mails write "${BASE_ARGS[@]}" --out "$MAILS/good"
}

# spoilt SERIES EDIT: spoil a copy of the mails by a command, and check the series.
spoilt() {
	rm -rf "$MAILS/spoilt"
	cp -r "$MAILS/good" "$MAILS/spoilt"
	cd "$MAILS/spoilt"
	eval "$2"
	mails check "$1" "${BASE_ARGS[@]}" --out "$MAILS/spoilt" && echo "as expected"
}

# steps EDIT: check a copy of steps.toml that was spoilt by sed.
steps() {
	sed -E "$1" "$REPO/patches/steps.toml" > "$MAILS/steps.toml"
	mails names --steps "$MAILS/steps.toml"
}

# mails_case NAME STATUS TEXT COMMAND...: like fixture, with mails.
mails_case() {
	[[ series:\ $1 != *"$PATTERN"* ]] || need_mails
	fixture "series: $1" "${@:2}"
}

# A pattern, because the number of this mail changes.
LAST='07-rnull/*-block-rnull-build-the-driver.patch'
mails_case "one series (control)" 0 "as expected" spoilt rnull true
mails_case "all series (control)" 0 "as expected" spoilt all true
mails_case "steps (control)" 0 "^block-fixes$" steps ""
mails_case "one byte differs" 1 "rnull.rs: the mails give another file" \
	spoilt all "sed -i 's,^+//! A null block device,&s,' $LAST"
mails_case "a mode differs" 1 "run.sh: the mails give another file" \
	spoilt all "sed -i '/run.sh/,/^index/s/^new file mode 100755/new file mode 100644/' 06-*/*"
mails_case "a mail is missing" 1 "has [0-9]+ mails, want" spoilt all "rm $LAST"
mails_case "a mail does not apply" 1 "does not apply" \
	spoilt rnull "sed -i '/Kconfig/s,^--- a/drivers/block/Kconfig,--- a/drivers/base/Kconfig,' $LAST"
mails_case "a mail is too large" 1 "too many for a list" \
	spoilt rnull "head -c 99999 /dev/zero | tr '\\0' '\\n' >> 07-rnull/*-0000-*"
mails_case "another sender" 1 "is not from Tester" \
	spoilt rnull "sed -i 's/^From: Tester/From: Somebody/' $LAST"
mails_case "not signed off" 1 "no Signed-off-by of Tester" \
	spoilt rnull "sed -i /^Signed-off-by/d $LAST"
mails_case "not in the thread" 1 "no reply to the cover letter" \
	spoilt rnull "sed -i '/^In-Reply-To/s/cover/other/' $LAST"
mails_case "cover letter not filled in" 1 "is not filled in" \
	spoilt rnull "sed -i '0,/^$/s/^$/\n*** BLURB HERE ***\n/' 07-rnull/*-0000-*"
mails_case "a file without a step" 1 "gate.rs: no step in steps.toml has this file" \
	steps '/gate.rs/d'
mails_case "a file in two steps" 1 "gate.rs: is in two steps" \
	steps 's,^ *"drivers/block/rnull/completion.rs",  "drivers/block/rnull/gate.rs"\,&,'
mails_case "a patch without a step" 1 "no step has the patch 0006-samples" \
	steps '/^patch = "0006-samples/d; s,^files = \["samples/rust"\],title = "t"\nmessage = "m"\n&,'
mails_case "code that is not mailed" 1 "affects the build" \
	steps 's,^not_mailed = \[,&"drivers/block/tests"\,,'
fixture "series: nobody sends" 1 "who sends the series" \
	env GIT_COMMITTER_NAME= python3 "$REPO/scripts/mail.py" write
fixture "series: OUT has files" 2 "is not empty" env OUT="$HERE" "$REPO/scripts/series.sh"
fixture "series: strange prefix" 2 "want words" env PREFIX="[RFC" "$REPO/scripts/series.sh"

# ------------------------------------------------------------ killed builds

# The build writes a file and is killed. Later its log changes. The next build must not
# find the file, but must find what an earlier build wrote.
killed_build() {
	local dir
	dir=$(mktemp -d "$CACHE/run/harness.XXXXXX")
	touch -d "4 hours ago" "$dir/earlier"
	start_build "$dir"
	touch -d "3 hours ago" "$dir/building"
	touch -d "2 hours ago" "$dir/half"
	touch "$dir/build.log"
	start_build "$dir"
	find "$dir" -type f -printf "%f\n" | sort | paste -sd " "
	rm -r "$dir"
}

fixture "build: killed" 0 "^building earlier$" killed_build

# ---------------------------------------------------------- the user's own tree

# shellcheck source=tools/testing/harness/own_tree.sh
. "$HERE/own_tree.sh"

# ------------------------------------------------------------------- guests

# The guests are emulated, and other tests run at the same time. So a guest that must end
# by itself gets five minutes, although it needs seconds.
ENOUGH=300

# guest NAME TIMEOUT COMMAND...
guest() {
	"$REPO/scripts/guest.sh" --kernel "$KERNEL" --name "harness-$1" --timeout "$2" \
		--share "$HERE/fixtures=fixtures" -- "${@:3}"
}

provoke() {
	guest "$1" "$ENOUGH" bash -c "modprobe lkdtm && echo $2 > /sys/kernel/debug/provoke-crash/DIRECT"
}

guest_tests() {
	guest "$1" "$ENOUGH" env DRIVER=null_blk ./run.sh -d "/run/rnull/fixtures/$1"
}

fixture "guest: passes (control)" 0 "good" guest_tests passes
fixture "guest: command fails" 1 "status 7" guest fails "$ENOUGH" bash -c "exit 7"
fixture "guest: warning, good exit" 2 "splat: warning" provoke warning WARNING
fixture "guest: oops" 4 "splat: oops" provoke oops EXCEPTION
fixture "guest: hang" 3 "no end within 20 s" guest hang 20 sleep infinity
fixture "guest: plan stops early" 1 "planned 3 cases, had 2" guest_tests plan_stops_early
fixture "guest: child fails" 1 "^not ok 1 - a child fails" guest_tests child_fails
fixture "guest: child left running" 1 "^not ok 1 - a child stays" guest_tests leaves_a_child

results harness
