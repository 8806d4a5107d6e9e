# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Fixtures of `make install-tree' and `make uninstall-tree', sourced by run.sh. The trees
# have the files of the base that this tree changes, and no others. An error must leave
# everything as it was.

TREES=

# The user's settings of git must not matter.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1

# built NAME [ARGUMENT...]: lay this tree over the plain one, as a build does.
built() {
	python3 "$REPO/scripts/overlay.py" lay --own --base "$TREES/plain" --tree "$TREES/$1" \
		"${@:2}"
}

# Make a tree without git, one with git, and what a build makes of them.
need_trees() {
	local name
	[[ ! $TREES ]] || return 0
	need_root
	need_base
	TREES=$(mktemp -d "$CACHE/run/own-tree.XXXXXX")
	at_exit "rm -rf '$TREES'"
	mkdir "$TREES/plain"
	{
		printf '%s\n' Kbuild Makefile
		sed -n 's,^--- a/\([^[:blank:]]*\).*,\1,p' "$REPO"/patches/*/*.patch | sort -u
		cd "$BASE" || exit
		find drivers/block/rnull rust/kernel/block.rs rust/kernel/block rust/helpers/blk.c \
			-type f ! -name '.*' ! -name '*.o'
	} | while read -r name; do
		[[ ! -f $BASE/$name ]] || printf '%s\n' "$name"
	done | sort -u | tar -c -C "$BASE" -T - | tar -x -C "$TREES/plain"
	cp -a "$TREES/plain" "$TREES/git"
	git -C "$TREES/git" init -q -b main
	git -C "$TREES/git" config user.name Tester
	git -C "$TREES/git" config user.email tester@example.com
	git -C "$TREES/git" add -f .
	git -C "$TREES/git" commit -q -m "a kernel"
	run built built
	run built built-needed --patches needed
}

# state DIRECTORY [all]: print what is in a tree: the path, type, mode and content of
# everything; with "all" also patches/, .pc/, and the commits, refs and index of git.
state() {
	local skip=(-path ./.git)
	[[ ${2:-} ]] || skip+=(-o -path ./patches -o -path ./.pc)
	(
		cd "$1" || exit
		find . \( "${skip[@]}" \) -prune -o -printf '%p %y %m %l\n' | sort
		find . \( "${skip[@]}" \) -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
		[[ ${2:-} && -d .git ]] || exit 0
		git symbolic-ref HEAD
		git for-each-ref
		git ls-files -s
		git status --porcelain
	)
}

# tree KIND [installed]: make a tree to work in, git or plain.
tree() {
	local from=$TREES/$1
	WORK=$TREES/work
	if [[ ${2:-} && ! -d $from-installed ]]; then
		cp -a "$from" "$WORK-new"
		KERNEL_SRC=$WORK-new PATCHES=all "$REPO/scripts/own-tree.sh" install || return
		mv "$WORK-new" "$from-installed"
	fi
	rm -rf "$WORK"
	cp -a "$from${2:+-installed}" "$WORK"
}

own() { KERNEL_SRC=$WORK PATCHES=${PATCHES_TO_TEST:-all} "$REPO/scripts/own-tree.sh" "$1"; }

# refuses ACTION: it must leave everything as it is. Returns its exit status.
refuses() {
	local status=0
	state "$WORK" all > "$TREES/before"
	own "$1" || status=$?
	state "$WORK" all > "$TREES/after"
	diff "$TREES/before" "$TREES/after" || return 99
	return "$status"
}

in_git() { git -C "$WORK" "$@"; }

# ------------------------------------------------------------ what is installed

as_built() { diff <(state "$TREES/${1:-built}/src") <(state "$WORK") && echo "as built"; }
as_before() { diff <(state "$TREES/$1" all) <(state "$WORK" all) && echo "as before"; }

install_git() {
	tree git
	own install && as_built && [[ ! $(in_git status --porcelain) ]]
}

install_plain() {
	tree plain
	own install && as_built
}

install_needed() {
	tree "$1"
	PATCHES_TO_TEST=needed own install && as_built built-needed
}

# git am says what the commits must be, but it knows no files that come with a patch.
same_commits() {
	local form='%an <%ae> %aI%n%B' name count
	tree git
	"$REPO/scripts/series.py" list | sed -n 's,^[a-z]* *\([^ ]*/[^ ]*\)$,\1,p' > "$TREES/names"
	while read -r name; do
		in_git am -q "$REPO/patches/$name.patch" || return
	done < "$TREES/names"
	count=$(wc -l < "$TREES/names")
	in_git log --format="$form" -n "$count" > "$TREES/wanted"
	tree git installed
	in_git log --format="$form" -n "$count" > "$TREES/commits"
	grep -q '^\[rnull: with ' "$TREES/commits" || return
	diff "$TREES/wanted" <(sed '/^\[rnull: with /d' "$TREES/commits") &&
		[[ $(in_git rev-parse "HEAD~$count") == $(git -C "$TREES/git" rev-parse HEAD) ]] &&
		echo "$count commits"
}

uninstall() {
	tree "$1" installed
	own uninstall && as_before "$1"
}

# Commits on top stay, by the command that the message has.
rebase_as_told() {
	local advice status=0
	tree git installed
	echo new > "$WORK/block/new"
	in_git add block/new
	in_git commit -q -m "on top"
	advice=$(refuses uninstall 2>&1) || status=$?
	(( status == 1 )) || return
	advice=$(grep -o 'rebase --onto .*' <<< "$advice")
	# shellcheck disable=SC2086 # words
	in_git $advice || return
	[[ $(<"$WORK/block/new") == new ]] || return
	rm "$WORK/block/new"
	diff <(state "$TREES/git") <(state "$WORK") && echo "only the commit on top is left"
}

# A build leaves files, and all files have another name in a second tree.
beside_a_build() {
	tree plain
	touch "$WORK/drivers/block/rnull/configfs.o" "$WORK/drivers/block/rnull/.configfs.o.cmd"
	cp -al "$WORK" "$TREES/links"
	state "$TREES/links" > "$TREES/before"
	own install || return
	touch "$WORK/drivers/block/tests/built.o"
	own uninstall || return
	rm "$WORK/drivers/block/tests/built.o"
	rmdir "$WORK/drivers/block/tests"
	diff "$TREES/before" <(state "$WORK") && diff "$TREES/before" <(state "$TREES/links") &&
		echo "as before"
}

# The call was killed when half of the files were written, and one was not yet renamed.
half_installed() {
	local name i=0
	tree plain installed
	while read -r name; do
		(( i++ % 2 )) || continue
		if [[ -f $TREES/plain/$name ]]; then
			cp -p "$TREES/plain/$name" "$WORK/$name"
		else
			rm "$WORK/$name"
		fi
	done < <(sed -n 's/^  "\(.*\)": \[$/\1/p' "$WORK/.pc/rnull.json" | grep -v '\.patch$')
	(( i > 100 )) || return
	mv "$WORK/rust/kernel/numa.rs" "$WORK/rust/kernel/.numa.rs.new"
	rm -r "$WORK/patches"
	own uninstall && as_before plain
}

# by_patch tac|cat [ARGUMENT...]: let GNU patch go through the series.
by_patch() {
	cd "$WORK" || return
	"$1" patches/series | "$REPO/scripts/enter.sh" xargs -I{} \
		patch -p1 -s -f -F0 "${@:2}" -i patches/{}
}

# The files must be what they were; empty directories do not matter.
popped() {
	local directory=' d [0-7]* $'
	diff <(state "$TREES/plain" | grep -v "$directory") <(state "$WORK" | grep -v "$directory")
}

patch_series() {
	tree plain installed
	by_patch tac -R && popped && by_patch cat && as_built
}

quilt_series() {
	tree plain installed
	cd "$WORK" || return
	quilt pop -a > /dev/null && popped &&
		quilt push -a > /dev/null && as_built &&
		quilt pop -a > /dev/null && own uninstall && as_before plain
}

fixture "install: git" 0 "as built" install_git
fixture "install: git, the same commits as by git am" 0 "^[1-9][0-9]* commits" same_commits
fixture "install: git, needed" 0 "as built" install_needed git
fixture "install: git, out again" 0 "as before" uninstall git
fixture "install: git, a commit on top stays" 0 "is left" rebase_as_told
fixture "install: plain" 0 "as built" install_plain
fixture "install: plain, needed" 0 "as built" install_needed plain
fixture "install: plain, out again" 0 "as before" uninstall plain
fixture "install: plain, beside a build" 0 "as before" beside_a_build
fixture "install: plain, killed" 0 "as before" half_installed
fixture "install: plain, by patch" 0 "as built" patch_series
if command -v quilt > /dev/null; then
	fixture "install: plain, by quilt" 0 "as before" quilt_series
fi

# ------------------------------------------------------------ what is refused

# refused TEXT ACTION KIND[-installed] COMMAND...: after COMMAND in the tree, the action
# must fail, and say TEXT.
refused() {
	fixture "install: refused: $2, $3${4:+: ${*:4}}" 1 "$1" refused_in "${@:2}"
}
refused_in() {
	local installed=
	[[ $2 != *-installed ]] || installed=1
	tree "${2%-installed}" $installed
	cd "$WORK" || return
	if (( $# > 2 )); then
		"${@:3}" || return 98
	fi
	refuses "$1"
}

no_tree() {
	WORK=''
	own install
}

in_the_cache() {
	CACHE=$TREES/cache
	mkdir -p "$CACHE/base"
	cp -a "$TREES/plain" "$CACHE/base/kernel"
	WORK=$CACHE/base/kernel
	refuses install
}

build_of_installed() {
	tree "$1" installed
	python3 "$REPO/scripts/overlay.py" lay --own --base "$WORK" --tree "$TREES/again"
}

wrong_version() {
	tree git
	sed -i 's/^PATCHLEVEL = .*/PATCHLEVEL = 2/' "$WORK/Makefile"
	refuses install
}

# Commands for trees.
edit() { echo "# edited" >> "$1"; }
add() { mkdir -p "${1%/*}"; echo "# new" > "$1"; git add -f "$1"; }
commit() { "$@" && git commit -q -a -m "a change"; }
create() { mkdir -p "${1%/*}"; echo "# new" > "$1"; }
make_dir() { mkdir -p "$1"; }
link() { mkdir -p "${1%/*}" && ln -s "$TREES" "$1"; }
nameless() { git config --unset user.name; git config user.useConfigOnly true; }
rewrite() { sed -i 's/request/demand/' block/blk-mq.c; }
copy_ours() { cp "$REPO/rust/kernel/numa.rs" rust/kernel; }
other_branch() { git checkout -q -b other HEAD~1; }
list_more() { echo mine.patch >> .pc/applied-patches; }
list_less() { sed -i '$d' .pc/applied-patches; }
touch_patch() { edit patches/hrtimer/0001-*.patch; }

fixture "install: refused: no tree given" 2 "KERNEL_SRC= is not set" no_tree
fixture "install: refused: a tree in the cache" 2 "is in the cache" in_the_cache
fixture "install: refused: other version" 2 "is Linux 7\.2.* want 7\.3" wrong_version
for kind in git plain; do
	fixture "install: refused: a build of $kind-installed" 1 "has files of rnull already: " \
		build_of_installed $kind
	refused "is already installed" install $kind-installed
	refused "in the way of files of rnull: drivers/block/tests/Kconfig" install $kind \
		create drivers/block/tests/Kconfig
	refused "has files of rnull already: rust/kernel/numa.rs" install $kind copy_ours
	refused "is a link" install $kind link include/trace/events
	refused "is in the way: .* a directory" install $kind create drivers/block/tests
	refused "has local changes: block/blk-mq.c" uninstall $kind-installed edit block/blk-mq.c
	refused "has local changes: drivers/block/rnull/rnull.rs" uninstall $kind-installed \
		edit drivers/block/rnull/rnull.rs
done
refused "blk-mq.* does not apply" install git commit rewrite
refused "blk-mq.* does not apply" install plain rewrite
refused "has local changes: block/blk-mq.c" install git edit block/blk-mq.c
refused "has local changes: block/new.c" install git add block/new.c
refused "rnull/device.rs is in the way" install git create drivers/block/rnull/device.rs
refused "a rebase is under way" install git make_dir .git/rebase-merge
refused "committer's name" install git nameless
refused "has no commits of install-tree" uninstall git
refused "has no commits of install-tree" uninstall git-installed other_branch
refused "has 1 commit.* on top .*git rebase --onto" uninstall git-installed commit edit Kbuild
refused "patches of its own" install plain create patches/series
refused "is not installed" uninstall plain
refused "on top of rnull's: mine.patch" uninstall plain-installed list_more
refused "patches are applied" uninstall plain-installed list_less
refused "has changes of yours: hrtimer/0001-" uninstall plain-installed touch_patch
refused "has changes of yours: mine.patch" uninstall plain-installed create patches/mine.patch
