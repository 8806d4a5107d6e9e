#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Install this tree into a user's own kernel tree, or take it out again.

    own_tree.py install   --base DIR [--patches all|needed]
    own_tree.py uninstall --base DIR

The result is exactly what overlay.py lays. Each patch becomes a commit, together with the files
that come with it. In a git clone these are commits on the current branch. Any other tree gets them
as a series of quilt, which is applied.

Every check comes before the first change, so whatever is refused leaves the tree as it was.

git: the ref refs/rnull/installed/TIP names the commit below the installed ones, of which TIP is the
last. So the messages of the commits are those of the patches.

quilt: .pc/rnull.json has the state of each file before and after. If install or uninstall is
killed, each file is in one of these, and uninstall continues. Files are replaced by renaming, as
they may have other links.
"""

import argparse
import contextlib
import email.utils
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections import ChainMap
from pathlib import Path

import overlay
import series
from overlay import REPLACED, some
from series import PLACES, Refused

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
INSTALLED = "refs/rnull/installed/"
NEW = "refs/rnull/new"
UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or git am",
    "BISECT_LOG": "a bisection",
}
# What a build leaves beside a source. The .gitignore of Debian's tree is no help: it has all files.
BUILT = (".*", "*.[aois]", "*.ko", "*.ll", "*.mod", "*.mod.c", "*.rsi", "modules.order")
# For a repository in which the user's settings must have no effect.
OUR_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_COMMITTER_NAME": "rnull",
    "GIT_COMMITTER_EMAIL": "rnull",
}


class Git:
    """git in one repository, whatever the caller's environment says about another one."""

    def __init__(self, *options, cwd, **env):
        self.command = ["git", *options]
        self.cwd = cwd
        self.env = {**os.environ, "LC_ALL": "C", **env}
        local = subprocess.run(
            ["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True
        )
        for name in local.stdout.split():
            self.env.pop(name, None)

    def run(self, *args, data=None):
        return subprocess.run(
            [*self.command, *args],
            cwd=self.cwd,
            env=self.env,
            input=data,
            capture_output=True,
            check=False,
        )

    def __call__(self, *args, data=None):
        done = self.run(*args, data=data)
        if done.returncode:
            raise Refused(f"git {args[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def word(self, *args):
        return os.fsdecode(self(*args)).strip()

    def names(self, *args):
        return [os.fsdecode(name) for name in self(*args).split(b"\0") if name]

    def succeeds(self, *args):
        return self.run(*args).returncode == 0


# ------------------------------------------------------------------- the steps


def check_places(base, laid, sources):
    """Refuse what would be lost, or would lead out of the tree."""
    for name, what in laid.items():
        path = base / name
        for above in [path, *path.parents]:
            if above == base:
                break
            if above.is_symlink():
                raise Refused(f"{above} is a link, and files behind links are not ours. Remove it")
            if above != path and above.exists() and not above.is_dir():
                raise Refused(f"{above} is in the way: rnull has a directory there")
        if what and path.is_dir():
            raise Refused(f"{path} is in the way: rnull has a file there")
        if what and path.exists() and overlay.is_within(name, REPLACED) and name not in sources:
            raise Refused(f"{path} is in the way, and is not part of the kernel. Move it elsewhere")


def make_steps(base, patches, sources):
    """All steps: a patch, and name -> content and mode, or None if removed.

    Of what this tree replaces, only `sources` are removed; a build may have left other files.
    """
    overlay.check_new(base)

    def ours(changes):
        return {
            name: what
            for name, what in changes.items()
            if what or name in sources or not overlay.is_within(name, REPLACED)
        }

    chosen = series.chosen(patches)
    touched = [*overlay.applied(base, chosen)]
    whole = ours(overlay.whole_tree(base, dict(ChainMap(*reversed(touched)))))
    check_places(base, whole, sources)
    steps = [*zip(chosen, map(ours, overlay.steps(base, chosen, touched)), strict=True)]
    total = dict(ChainMap(*(changes for _, changes in reversed(steps))))
    if total != whole:
        odd = [name for name in total.keys() | whole.keys() if total.get(name) != whole.get(name)]
        raise Refused(f"the patches and their files in series.toml lack a change of {some(odd)}")
    return steps


def mail(git, patch):
    """The author, the date as git stores it, and the message of a patch."""
    with tempfile.TemporaryDirectory() as there:
        body, diff = Path(there, "message"), Path(there, "diff")
        data = patch.path.read_bytes()
        info = git("mailinfo", "--encoding=UTF-8", "--no-scissors", body, diff, data=data)
        body = body.read_text().strip()
    head = dict(line.split(": ", 1) for line in info.decode().splitlines() if ": " in line)
    date = email.utils.parsedate_to_datetime(head["Date"])
    if patch.files:
        *most, last = [PLACES.get(name, name) for name in patch.files]
        body += f"\n[rnull: with {', '.join(most)}{' and ' if most else ''}{last}]"
    return (
        f"{head['Author']} <{head['Email']}> {int(date.timestamp())} {date:%z}",
        f"{head['Subject']}\n\n{body}\n",
    )


def commit(git, steps, committer, parent=None, first=None):
    """Make a commit of each step, after the commit `parent` or after a new one of `first`.

    Return the last commit. Objects are made, and no ref of the user's is changed.
    """
    stream = []

    def data(content):
        stream.append(b"data %d\n%s\n" % (len(content), content))

    def add(author, message, changes):
        stream.append(f"commit {NEW}\nauthor {author}\ncommitter {committer}\n".encode())
        data(message.encode())
        if parent and len(stream) == 2:  # the first commit
            stream.append(f"from {parent}\n".encode())
        for name, what in changes.items():
            if what is None:
                stream.append(b"D %s\n" % os.fsencode(name))
            else:
                stream.append(b"M 100%o inline %s\n" % (what[1], os.fsencode(name)))
                data(what[0])

    if first is not None:
        add(committer, "base\n", first)
    for patch, changes in steps:
        add(*mail(git, patch), changes)
    git("fast-import", "--quiet", "--force", data=b"".join(stream))
    return git.word("rev-parse", NEW)


# ------------------------------------------------------------------- git


@contextlib.contextmanager
def uninterrupted():
    """Let signals wait, also in the commands that this runs: git must not stop half-way."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Clone:
    """A work tree of git."""

    def __init__(self, base):
        self.base = base
        self.git = Git("-c", "core.hooksPath=/dev/null", cwd=base)
        top = self.git.word("rev-parse", "--show-toplevel")
        if Path(top).resolve() != base:
            raise Refused(f"{base}/.git is not a repository. Remove it, or clone the kernel again")
        if not self.git.succeeds("rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
            raise Refused(f"{base} has no commit. Check out Linux {overlay.version(base)} first")
        self.head = self.git.word("rev-parse", "HEAD")

    def check(self):
        names = [name for what in UNDER_WAY for name in ("--git-path", what)]
        paths = self.git.word("rev-parse", *names).splitlines()
        for path, what in zip(paths, UNDER_WAY.values(), strict=True):
            if (self.base / path).exists():
                raise Refused(f"{what} is under way in {self.base}. Finish or abort it first")
        form = "--porcelain -z --untracked-files=no --no-renames"
        status = self.git.names("status", *form.split())
        if status:
            raise Refused(
                f"{self.base} has local changes: {some(name[3:] for name in status)}."
                " Commit or stash them first"
            )

    def installed(self):
        """The installed commits below or at HEAD: the last one, and the one below the first."""
        refs = self.git.word("for-each-ref", "--format=%(refname) %(objectname)", INSTALLED)
        for line in refs.splitlines():
            ref, below = line.split()
            tip = ref.removeprefix(INSTALLED)
            if self.git.succeeds("merge-base", "--is-ancestor", tip, self.head):
                return tip, below
        return None

    def move(self, to, why):
        """Move the branch, with the index and the files, or raise Refused and change nothing."""
        self.git.env["GIT_REFLOG_ACTION"] = f"rnull: {why}"
        self.git("reset", "--quiet", "--keep", to)

    def where(self):
        done = self.git.run("symbolic-ref", "--quiet", "--short", "HEAD")
        return done.stdout.decode().strip() or "a detached HEAD"

    def install(self, patches):
        if self.installed():
            raise Refused(
                f"{self.base}: is already installed. To update it, run `make uninstall-tree' first"
            )
        self.check()
        who = self.git.run("var", "GIT_COMMITTER_IDENT")
        if who.returncode:
            raise Refused(
                "git does not know the committer's name."
                f" Set it: git -C {self.base} config user.name NAME; the same with user.email"
            )
        sources = set(self.git.names("ls-files", "-z", "--", *REPLACED))
        steps = make_steps(self.base, patches, sources)
        try:
            tip = commit(self.git, steps, who.stdout.decode().strip(), parent=self.head)
            with uninterrupted():
                self.git("update-ref", INSTALLED + tip, self.head)
                try:
                    self.move(tip, "install")
                except Refused:
                    self.git("update-ref", "-d", INSTALLED + tip)
                    raise
        finally:
            self.git.run("update-ref", "-d", NEW)
        return f"{len(steps)} commits on {self.where()}"

    def uninstall(self):
        found = self.installed()
        if not found:
            raise Refused(
                f"{self.base}: this branch has no commits of install-tree."
                " If they were rebased or copied, reset it by hand"
            )
        tip, below = found
        if tip != self.head:
            count = self.git.word("rev-list", "--count", f"{tip}..{self.head}")
            raise Refused(
                f"{self.base} has {count} commit(s) on top of rnull's. To keep them without rnull:"
                f" git rebase --onto {below[:12]} {tip[:12]}"
            )
        self.check()
        with uninterrupted():
            self.move(below, "uninstall")
            if not self.git.word("for-each-ref", "--contains", tip, "refs/heads"):
                self.git("update-ref", "-d", INSTALLED + tip)
        return f"the commits are off {self.where()}"


# ------------------------------------------------------------------- quilt


def digest(what):
    return what and [hashlib.sha256(what[0]).hexdigest(), what[1]]


class Plain:
    """A tree without git: a series of quilt."""

    def __init__(self, base):
        self.base = base
        self.patches = base / "patches"
        self.state = base / ".pc"
        self.record = self.state / "rnull.json"
        self.draft = base / ".rnull-new"

    def sources(self):
        """The files that this tree replaces, without what a build has left beside them."""
        tops = [self.base / top for top in REPLACED]
        paths = [p for top in tops for p in ([top] if top.is_file() else top.rglob("*"))]
        return {
            str(path.relative_to(self.base))
            for path in paths
            if not path.is_dir() and not any(path.match(form) for form in BUILT)
        }

    def install(self, patches):
        if self.record.exists():
            raise Refused(
                f"{self.base}: is already installed. To update it, run `make uninstall-tree' first"
            )
        for there in (self.patches, self.state):
            if os.path.lexists(there):
                raise Refused(
                    f"{there} exists, so this tree has patches of its own."
                    " Use a git clone, or a copy of the tree without them"
                )
        steps = make_steps(self.base, patches, self.sources())
        if self.draft.exists():
            shutil.rmtree(self.draft)
        try:
            after = self.prepare(steps)
            (self.draft / "pc").rename(self.state)
            (self.draft / "patches").rename(self.patches)
            self.draft.rmdir()
            for name, what in after.items():
                self.put(name, what)
            # quilt takes a file for changed if it is newer.
            for patch, _ in steps:
                (self.state / patch.folder / f"{patch.name}.patch/.timestamp").touch()
        except BaseException:
            shutil.rmtree(self.draft, ignore_errors=True)
            if self.record.exists():
                self.take_back()
            raise
        return f"{len(steps)} patches, applied, in {self.patches}"

    def put(self, name, what):
        path = self.base / name
        if what is None:
            path.unlink(missing_ok=True)
            return
        content, mode = what
        if path.exists() and overlay.mode_of(path) == mode:
            mode = stat.S_IMODE(path.stat().st_mode)
        overlay.replace_file(path, content, mode)

    def prepare(self, steps):
        """Write patches/ and .pc/ in the draft, and return the content of each changed file."""
        pc, there = self.draft / "pc", self.draft / "patches"
        before = {name: overlay.read(self.base / name) for _, step in steps for name in step}
        now = dict(before)
        names = []
        for (patch, changes), text in zip(steps, self.export(steps, before), strict=True):
            name = f"{patch.folder}/{patch.name}.patch"
            names.append(name)
            overlay.replace_file(there / name, text, 0o644)
            for file, what in changes.items():
                kept = pc / name / file
                overlay.replace_file(kept, *(now[file] or (b"", 0o644)))
                if now[file] is not None and now[file] is before[file]:
                    shutil.copystat(self.base / file, kept)
                now[file] = what
        text = "".join(f"{name}\n" for name in names)
        (there / "series").write_text(text)
        (pc / "applied-patches").write_text(text)
        (pc / ".version").write_text("2\n")
        (pc / ".quilt_patches").write_text("patches\n")
        (pc / ".quilt_series").write_text("series\n")
        above = {parent for name, what in now.items() if what for parent in Path(name).parents}
        record = {
            "patches": {name: digest(overlay.read(there / name)) for name in names},
            "files": {name: [digest(before[name]), digest(now[name])] for name in sorted(now)},
            "directories": sorted(str(d) for d in above if not (self.base / d).exists()),
        }
        (pc / self.record.name).write_text(json.dumps(record, indent=1))
        return now

    def export(self, steps, before):
        """The text of each step as a patch."""
        with tempfile.TemporaryDirectory() as there:
            git = Git(cwd=there, **OUR_SETTINGS)
            git("init", "--quiet", "--bare", there)
            first = {name: what for name, what in before.items() if what}
            commit(git, steps, "rnull <rnull> 0 +0000", first=first)
            for one in git.word("rev-list", "--reverse", NEW).split()[1:]:
                form = "--no-numbered --no-renames --zero-commit --no-signature --text"
                yield git("format-patch", "-1", "--stdout", *form.split(), one)

    def check(self, record):
        """Refuse unless each file is as it was before, or as it was installed."""
        listed = self.state / "applied-patches"
        applied = listed.read_text().split() if listed.exists() else []
        names = [*record["patches"]]
        if applied[: len(names)] == names and len(applied) > len(names):
            raise Refused(
                f"{self.base} has patches on top of rnull's: {some(applied[len(names) :])}."
                f" Take them off first: quilt pop {names[-1]}"
            )
        if applied not in ([], names):
            raise Refused(
                f"{len(applied)} of the {len(names)} patches are applied in {self.base}."
                " Apply all or none: quilt push -a, or quilt pop -a"
            )
        if self.patches.exists():
            there = {
                str(path.relative_to(self.patches)): digest(overlay.read(path))
                for path in self.patches.rglob("*")
                if not path.is_dir()
            }
            order = there.pop("series", None)
            text = "".join(f"{name}\n" for name in names).encode()
            odd = [n for n, what in there.items() if what != record["patches"].get(n)]
            if order and order[0] != digest((text, 0))[0]:
                odd.append("series")
            if odd:
                raise Refused(
                    f"{self.patches} has changes of yours: {some(odd)}."
                    " Copy them elsewhere, and take them out first"
                )
        changed = [
            name
            for name, (before, after) in record["files"].items()
            if digest(overlay.read(self.base / name)) not in (before, after if applied else before)
        ]
        if changed:
            raise Refused(
                f"{self.base} has local changes: {some(changed)}."
                " Save them (quilt diff shows them), and take them back first"
            )

    def uninstall(self):
        if not self.record.exists():
            if self.draft.exists():
                shutil.rmtree(self.draft)
                return "the rest of a killed call is gone"
            raise Refused(f"{self.base}: rnull is not installed there: there is no {self.record}")
        self.check(json.loads(self.record.read_text()))
        self.take_back()
        return "the patches are off, and patches/ and .pc/ are gone"

    def take_back(self):
        shutil.rmtree(self.draft, ignore_errors=True)
        record = json.loads(self.record.read_text())
        for name, (before, _) in record["files"].items():
            path = self.base / name
            overlay.draft(path).unlink(missing_ok=True)  # of a killed call
            if digest(overlay.read(path)) == before:
                continue
            if before is None:
                path.unlink()
                continue
            copies = (self.state / patch / name for patch in record["patches"])
            first = next(copy for copy in copies if copy.exists())
            overlay.replace_file(path, first.read_bytes(), stat.S_IMODE(first.stat().st_mode))
        for name in sorted(record["directories"], reverse=True):
            # A build may have left files there.
            with contextlib.suppress(OSError):
                (self.base / name).rmdir()
        if self.patches.exists():
            shutil.rmtree(self.patches)
        # Without the record, the rest is not ours any more, so it goes last.
        self.state.rename(self.draft)
        shutil.rmtree(self.draft)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("install", "uninstall"))
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--patches", default="all", help="all or needed")
    args = parser.parse_args()
    # End by an exception, so that what was begun is taken back.
    for number in SIGNALS:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    base = args.base.resolve()
    try:
        tree = (Clone if os.path.lexists(base / ".git") else Plain)(base)
        done = tree.install(args.patches) if args.action == "install" else tree.uninstall()
    except (Refused, OSError) as why:
        print(f"{args.action}-tree: {why}", file=sys.stderr)
        return 1
    print(f"{args.action}ed: {done}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
