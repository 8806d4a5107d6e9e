#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write the series to mail, and check them.

    mail.py write --base DIR --out OUT [--own] [--steps FILE] [--prefix TEXT] [--reroll N]
                  [--url URL]
    mail.py names [--steps FILE]                     the names of all series, in order
    mail.py check NAME --base DIR --out OUT [...]    one series, or with "all" their sum
    mail.py plan                                     for series-check.sh, a line per step: series,
                                                     targets to build, number, title
    mail.py key|lay NAME --upto N --base DIR [--own] [--tree DIR]
                                                     like overlay.py, after N steps of a series

Each folder of patches/ is a series, except for the one that patches/steps.toml splits into series
of steps. A step is one mail: a patch of the folder, files of this tree, or both.
patches/cover/NAME.txt is the cover letter of the series NAME.

git makes the mails, from commits in a temporary repository. That has only the files which the
series touches. The author, committer and sender is GIT_COMMITTER_IDENT of git.

"check" reads the mails again. It applies them to the base, and looks at their headers. The sum of
all series must be the tree that overlay.py lays, to the byte.
"""

import argparse
import contextlib
import email
import email.header
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import overlay
import series
from series import PATCHES, PLACES, REPO, Refused
from steps import Plan

COVERS = PATCHES / "cover"
# The longest line of a message, the longest line of a mail, and the largest mail that the lists
# take.
COLUMNS = 75
OCTETS = 998
SIZE = 100_000


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory() as made:
        yield Path(made).resolve()


class Kernel:
    """The base, and the changes of the steps. Only files that were touched are in `top`."""

    def __init__(self, base, top):
        self.base, self.top = base, top
        self.known = set()
        # file -> texts that are left out.
        self.cuts = {}

    def load(self, names):
        for name in {*names} - self.known:
            self.known.add(name)
            if (self.base / name).is_file():
                (self.top / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.base / name, self.top / name)

    def shown(self, name):
        """A file's content and mode, or None. Its cuts are left out."""
        self.load([name])
        what = overlay.read(self.top / name)
        if not what:
            return None
        content, mode = what
        for text in self.cuts.get(name, ()):
            if content.count(text) != 1:
                raise Refused(f"{name}: has the text to cut {content.count(text)} times: {text}")
            content = content.replace(text, b"")
        return content, mode

    def within(self, top):
        """The files at and below a path."""
        found = set()
        for tree in (self.base, self.top):
            path = tree / top
            below = [path] if path.is_file() else path.rglob("*")
            found |= {str(file.relative_to(tree)) for file in below if file.is_file()}
        return found

    def touched(self, step, files):
        """The files that a step touches."""
        names = {PLACES.get(name, name) for name in files}
        names |= {name for name, _ in step.cut} | {*step.restore}
        for top in step.remove:
            names |= self.within(top)
        return names | (step.patch.touches() if step.patch else set())

    def apply(self, step, files):
        """Do a step, with its files of this tree."""
        self.load(self.touched(step, files))
        for top in step.remove:
            for name in self.within(top):
                (self.top / name).unlink(missing_ok=True)
        if step.patch:
            step.patch.apply(self.top)
        for name in files:
            place = self.top / PLACES.get(name, name)
            if place.exists():
                raise Refused(f"{name}: the kernel has this file already")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / name, place)
        for name, text in step.cut:
            self.cuts.setdefault(name, []).append(text.encode())
        for name in step.restore:
            if name not in self.cuts:
                raise Refused(f"{name}: nothing is cut from this file")
            del self.cuts[name]


def message_of(patch):
    """The subject and the rest of a patch's message, and its author."""
    mail = email.message_from_string(patch.text().split("\n---\n", 1)[0] + "\n")
    subject = re.sub(r"\s*\n\s*", " ", mail["Subject"])
    author = re.sub(r"\s*\n\s*", " ", mail["From"])
    return re.sub(r"^\[[^]]*\]\s*", "", subject), mail.get_payload().strip("\n"), author


def full_message(step, identity):
    """The message of a commit, signed off by the user."""
    if step.title:
        return f"{step.title}\n\n{step.message.strip()}\n\nSigned-off-by: {identity}\n"
    subject, body, author = message_of(step.patch)
    sign = f"Signed-off-by: {author}"
    if body.splitlines().count(sign) != 1:
        raise Refused(f"{step.patch.label}: want one line: {sign}")
    return f"{subject}\n\n{body.replace(sign, f'Signed-off-by: {identity}')}\n"


def identity_of_user():
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "-c", "user.useConfigOnly=true"]
        + ["var", "GIT_COMMITTER_IDENT"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused("who sends the series? Set user.name and user.email in git's configuration")
    return done.stdout.rsplit(" ", 2)[0]


class Repository:
    """A temporary repository, with the user's identity and none of the user's settings."""

    def __init__(self, top, identity):
        name, address = identity.removesuffix(">").rsplit(" <", 1)
        self.top = top
        self.env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "LC_ALL": "C.UTF-8",
        }
        for role in ("AUTHOR", "COMMITTER"):
            self.env[f"GIT_{role}_NAME"] = name
            self.env[f"GIT_{role}_EMAIL"] = address
        self.git("init", "-q", "-b", "series")

    def git(self, *args, text=None):
        done = subprocess.run(
            ["git", "-c", "core.abbrev=12", "-c", "gc.auto=0", *args],
            cwd=self.top,
            env=self.env,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Refused(f"git {args[0]}: {done.stderr.strip()}")
        return done.stdout

    def commit(self, files, message):
        for name, what in files.items():
            path = self.top / name
            if what is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(what[0])
            path.chmod(what[1])
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F-", text=message)


def cover_of(one):
    """The subject and the body of a cover letter."""
    path = COVERS / f"{one.name}.txt"
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as why:
        raise Refused(f"patches/cover/{one.name}.txt: {why}") from None
    if lines[:1] != ["# SPDX-License-Identifier: GPL-2.0"] or lines[2:3] != [""]:
        raise Refused(f"patches/cover/{one.name}.txt: want a license, a subject, and an empty line")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            raise Refused(f"patches/cover/{one.name}.txt:{number}: more than {COLUMNS} columns")
    return lines[1], "\n".join(lines[3:]).strip()


def commit_of(base, names):
    """The commit that the base is, if the base is a git tree and has these files unchanged."""
    if not (base / ".git").exists():
        return None
    with contextlib.suppress(Refused):
        changed = overlay.git("status", "-z", "--porcelain", "--", *sorted(names), cwd=base)
        if not changed:
            return overlay.git("rev-parse", "HEAD", cwd=base)[0].strip()
    return None


def patch_ids(plan, one, out):
    """The ids that git gives to the patches before a series, in order."""
    for other in plan.before(one):
        for path in sorted((out / plan.place(other)).glob("*.patch"))[1:]:
            with open(path, "rb") as file:
                done = subprocess.run(
                    ["git", "patch-id", "--stable"],
                    stdin=file,
                    capture_output=True,
                    text=True,
                    check=True,
                )
            yield done.stdout.split()[0]


def base_notes(plan, one, base, names, out):
    """The lines at the end of a cover letter that say what the series applies to."""
    version = overlay.version(base)
    commit = commit_of(base, names)
    before = [other.name for other in plan.before(one)]
    lines = [f"Applies to: Linux {version}" + ("" if commit else " (no commit of it is known)")]
    if before:
        lines.append("Needs first, in this order: " + ", ".join(before))
    if commit:
        lines.append(f"base-commit: {commit}")
        lines += [f"prerequisite-patch-id: {number}" for number in patch_ids(plan, one, out)]
    return lines


def after_steps(plan, one, upto, base):
    """The base after the first steps of a series: name -> content and mode, or None."""
    with scratch() as top:
        kernel = Kernel(base, top)
        for other in [*plan.before(one), one]:
            steps = other.steps[:upto] if other == one else other.steps
            for number, step in enumerate(steps, 1):
                kernel.apply(step, plan.files[other.name, number])
        return {name: kernel.shown(name) for name in kernel.known}


def show_plan(plan):
    for one in plan.series:
        for number, step in enumerate(one.steps, 1):
            if one.builds:
                title = step.title or message_of(step.patch)[0]
                print(one.name, ",".join(one.builds), number, title)


def prefix_of(one, prefix):
    return f"RFC {prefix}" if one.rfc and "RFC" not in prefix else prefix


def write_series(plan, one, args, identity):
    """Write the mails of one series."""
    out = args.out / plan.place(one)
    out.mkdir()
    with scratch() as top, scratch() as repo:
        kernel = Kernel(args.base, top)
        for other in plan.before(one):
            for number, step in enumerate(other.steps, 1):
                kernel.apply(step, plan.files[other.name, number])
        repository = Repository(repo, identity)
        before, commits = {}, []
        for number, step in enumerate(one.steps, 1):
            files = plan.files[one.name, number]
            names = kernel.touched(step, files)
            for name in names - before.keys():
                before[name] = kernel.shown(name)
            kernel.apply(step, files)
            commits.append({name: kernel.shown(name) for name in names})
        repository.commit({name: what for name, what in before.items() if what}, "base\n")
        for step, files in zip(one.steps, commits, strict=True):
            repository.commit(files, full_message(step, identity))
        repository.git(
            "format-patch",
            "-q",
            "--cover-letter",
            "--thread=shallow",
            "--zero-commit",
            "--no-renames",
            f"--subject-prefix={prefix_of(one, args.prefix)}",
            f"-v{args.reroll}",
            *(f"--to={address}" for address in one.to),
            "-o",
            str(out),
            f"-{len(one.steps)}",
        )
    subject, body = cover_of(one)
    where = f" at\n{args.url}" if args.url else ""
    body += f"\n\nAll series, their tests and the benchmarks are in one repository{where}.\n"
    notes = base_notes(plan, one, args.base, before.keys(), args.out)
    paths = sorted(out.glob("*.patch"))
    text = paths[0].read_text(encoding="utf-8")
    text = text.replace("*** SUBJECT HERE ***", subject).replace("*** BLURB HERE ***\n", body)
    end = text.rindex("\n-- \n")
    paths[0].write_text(text[:end] + "\n".join(["", *notes, ""]) + text[end:], encoding="utf-8")
    # git calls the covers of all series alike if it writes them in one second.
    for path in paths:
        mail = path.read_bytes()
        head, rest = mail.split(b"\n\n", 1)
        head = re.sub(rb"<cover\.(\d+)\.", rb"<cover.\1.%s." % one.name.encode(), head)
        path.write_bytes(head + b"\n\n" + rest)


def header(mail, name):
    made = email.header.make_header(email.header.decode_header(mail[name] or ""))
    return re.sub(r"\s*\n\s*", " ", str(made))


def mails_of(plan, one, out):
    paths = sorted((out / plan.place(one)).glob("*.patch"))
    if len(paths) != len(one.steps) + 1:
        raise Refused(f"{one.name}: has {len(paths)} mails, want {len(one.steps) + 1}")
    return paths


def check_headers(plan, one, args, identity):
    """Each mail is from the user, signed off, numbered, and a reply to the cover letter."""
    strangers = {message_of(p)[2] for folder in series.folders() for p in folder.patches}
    count, cover = len(one.steps), None
    for number, path in enumerate(mails_of(plan, one, args.out)):
        raw = path.read_bytes()
        mail = email.message_from_bytes(raw)
        text = raw.decode(errors="surrogateescape")
        signed = re.findall(r"^Signed-off-by: (.*)$", text.split("\n---\n", 1)[0], re.M)
        width = len(str(count))
        tag = f"[{prefix_of(one, args.prefix)} v{args.reroll} {number:0{width}}/{count}] "
        names = {*signed, header(mail, "From")}
        strange = (strangers - {identity}) & names
        for wrong, what in (
            (header(mail, "From") != identity, f"is not from {identity}"),
            (not header(mail, "Subject").startswith(tag), f"has no subject with {tag}"),
            (header(mail, "To") != ", ".join(one.to), f"is not to {', '.join(one.to)}"),
            (number and mail["In-Reply-To"] != cover, "is no reply to the cover letter"),
            (number and signed.count(identity) != 1, f"has no Signed-off-by of {identity}"),
            (number and "diff --git" not in text, "changes nothing"),
            (strange, f"has the name of {''.join(strange)}"),
            (not number and "\n*** " in text, "is not filled in"),
            (not number and "\nApplies to: " not in text, "does not say what it applies to"),
            (max(map(len, raw.split(b"\n"))) > OCTETS, "has a line that is too long for a mail"),
            (len(raw) > SIZE, f"has {len(raw)} bytes, too many for a list"),
        ):
            if wrong:
                raise Refused(f"{path.name} of {one.name}: {what}")
        cover = cover or mail["Message-ID"]


def apply_mails(plan, which, args, exact=None):
    """The base after the mails of some series: name -> content and mode, or None.

    Those of the series `exact` must apply at exactly their line numbers.
    """
    with scratch() as top:
        kernel = Kernel(args.base, top)
        for one in which:
            for path in mails_of(plan, one, args.out)[1:]:
                kernel.load(series.touched(path.read_text(errors="surrogateescape")))
                series.apply(path, f"{path.name} of {one.name}", top, one == exact)
        return {name: kernel.shown(name) for name in kernel.known}


def check_sum(plan, args):
    """All mails together give what overlay.py lays, to the byte."""
    got = apply_mails(plan, plan.series, args)
    want = overlay.whole_tree(args.base, overlay.patched(args.base, series.chosen("all")))
    for name in sorted(got.keys() | want.keys()):
        if overlay.is_within(name, plan.not_mailed):
            continue
        there = overlay.read(args.base / name)
        if got.get(name, there) != want.get(name, there):
            raise Refused(f"{name}: the mails give another file than the build uses")
    numbers = {}
    for one in plan.series:
        for path in mails_of(plan, one, args.out):
            number = email.message_from_bytes(path.read_bytes())["Message-ID"]
            if number in numbers:
                raise Refused(f"{path.name} of {one.name}: has the Message-ID of {numbers[number]}")
            numbers[number] = f"{path.name} of {one.name}"


def main():
    parser = argparse.ArgumentParser(description="Write the series to mail, and check them.")
    parser.add_argument("action", choices=("write", "names", "check", "plan", "key", "lay"))
    parser.add_argument("name", nargs="?", help="a series, or all")
    parser.add_argument("--base", type=Path)
    parser.add_argument("--own", action="store_true", help="the base is the user's own tree")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tree", type=Path)
    parser.add_argument("--upto", type=int)
    parser.add_argument("--steps", type=Path, default=PATCHES / "steps.toml")
    parser.add_argument("--prefix", default="PATCH")
    parser.add_argument("--reroll", type=int, default=1)
    parser.add_argument("--url", default="", help="of the repository, for the cover letters")
    args = parser.parse_args()
    # End by an exception, so that temporary directories are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        plan = Plan(args.steps)
        if args.action == "names":
            print("\n".join(plan.names()))
            return 0
        if args.action == "plan":
            show_plan(plan)
            return 0
        if args.action in ("key", "lay"):
            laid = after_steps(plan, plan.named(args.name), args.upto, args.base)
            if args.action == "key":
                print(overlay.key(args.base, args.own, laid))
            else:
                overlay.Tree(args.base, args.own, args.tree).lay(laid)
            return 0
        identity = identity_of_user()
        if args.action == "write":
            for one in plan.series:
                write_series(plan, one, args, identity)
        elif args.name == "all":
            check_sum(plan, args)
        else:
            one = plan.named(args.name)
            check_headers(plan, one, args, identity)
            apply_mails(plan, [*plan.before(one), one], args, one)
    except (Refused, tomllib.TOMLDecodeError) as why:
        print(f"mail.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
