#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Read patches/series.toml. As a command, list the patches:

    series.py list [all|needed]   the need and name of each, and how many have each need
    series.py table               the table of folders for README.md
    series.py plan FOLDER...      for series-check.sh, a line per patch: folder, targets to
                                  build, number in the folder, name, touched files; commas
                                  separate the items of a list
"""

import collections
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
PATCHES = REPO / "patches"

NEEDED = ("build", "sound", "api", "cost", "contract")
NEEDS = (*NEEDED, "test", "fix")
# The needs that each value of PATCHES= includes.
SETS = {"all": NEEDS, "needed": (*NEEDED, "test")}
# Files that get another path in a kernel tree, because it already has a file of this name.
PLACES = {"Kconfig": "drivers/block/tests/Kconfig"}


class Refused(Exception):
    """An error that the user has to fix, in one line."""


def touched(text):
    """The files that a patch changes."""
    return set(re.findall(r"^(?:---|\+\+\+) [ab]/(\S+)", text, re.M))


def apply(path, label, tree, exactly=False):
    """Apply the patch at `path` to `tree`, or raise Refused with the reason.

    If `exactly`, a hunk that applies at another line number is refused, too.
    """
    done = subprocess.run(
        ["git", "apply", "--verbose", "--whitespace=nowarn", str(path)],
        cwd=tree,
        # The cache may be inside another repository.
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        why = re.findall(r"^error: (?!while searching)(.*)$", done.stderr, re.M)
        raise Refused(f"{label} does not apply: {'; '.join(why)}")
    if exactly and (moved := re.search(r"^Hunk .*offset.*$", done.stderr, re.M)):
        raise Refused(f"{label} is made on another tree: {moved[0]}")


@dataclass(frozen=True)
class Patch:
    """A patch, and the files of this tree that come with it."""

    folder: str
    name: str
    need: str
    files: tuple[str, ...] = ()

    @property
    def path(self):
        return PATCHES / self.folder / f"{self.name}.patch"

    @property
    def label(self):
        return f"patches/{self.folder}/{self.name}.patch"

    def text(self):
        return self.path.read_text(errors="surrogateescape")

    def touches(self):
        return touched(self.text())

    def lines_of_c(self):
        """The number of lines of C that it adds or removes outside of rust/."""
        count, is_c = 0, False
        for line in self.text().splitlines():
            if found := re.match(r"(?:---|\+\+\+) (?:[ab]/)?(\S+)", line):
                is_c = re.search(r"\.[chS]$", found[1]) and not found[1].startswith("rust/")
            elif is_c and re.match(r"[+-]", line) and line != "-- ":
                count += 1
        return count

    def apply(self, tree, exactly=False):
        apply(self.path, self.label, tree, exactly)


@dataclass(frozen=True)
class Folder:
    """A series for one list, and the folders that it builds on."""

    name: str
    to: str
    after: tuple[str, ...]
    builds: tuple[str, ...]
    patches: tuple[Patch, ...]


def folders():
    """All folders, in order."""
    with open(PATCHES / "series.toml", "rb") as file:
        series = tomllib.load(file)
    found = []
    for name, what in series.items():
        patches = tuple(
            Patch(name, one["name"], one["need"], tuple(one.get("files", ())))
            for one in what["patches"]
        )
        after, builds = tuple(what.get("after", ())), tuple(what["builds"])
        found.append(Folder(name, what["to"], after, builds, patches))
    patches = [patch for folder in found for patch in folder.patches]
    for patch in patches:
        if patch.need not in NEEDS:
            raise Refused(f"{patch.label}: need = {patch.need}: want one of {', '.join(NEEDS)}")
    for path in {patch.path for patch in patches} ^ {*PATCHES.rglob("*.patch")}:
        raise Refused(f"{path.relative_to(REPO)}: must be both in patches/ and in series.toml")
    return found


def chosen(which):
    """The patches of a set, in order."""
    if which not in SETS:
        raise Refused(f"PATCHES={which}: want one of {', '.join(SETS)}")
    return [p for folder in folders() for p in folder.patches if p.need in SETS[which]]


def show(which):
    patches = chosen(which)
    for patch in patches:
        print(f"{patch.need:9} {patch.folder}/{patch.name}")
    kinds = collections.Counter(patch.need for patch in patches)
    print(f"{len(patches)} patches:", ", ".join(f"{kinds[need]} {need}" for need in NEEDS))


def table():
    def row(*cells):
        print("|", " | ".join(str(cell) for cell in cells), "|")

    def sums(patches):
        needed = [patch for patch in patches if patch.need in NEEDED]
        return (
            len(patches),
            sum(patch.lines_of_c() for patch in patches),
            len(needed),
            sum(patch.lines_of_c() for patch in needed),
        )

    row("Folder of `patches/`", "for", "patches", "lines of C", "needed", "lines of C")
    row("---", "---", *["---:"] * 4)
    for folder in folders():
        row(f"`{folder.name}`", folder.to, *sums(folder.patches))
    row("", "", *sums(chosen("all")))


def plan(names):
    for folder in folders():
        if names and folder.name not in names:
            continue
        for number, patch in enumerate(folder.patches, 1):
            touched = ",".join(sorted({*patch.touches(), *patch.files}))
            print(folder.name, ",".join(folder.builds), number, patch.name, touched)


def main():
    action, *rest = sys.argv[1:] or ["list"]
    try:
        if action == "list" and len(rest) <= 1:
            show(*(rest or ["all"]))
        elif action == "table" and not rest:
            table()
        elif action == "plan":
            plan(rest)
        else:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    except Refused as why:
        print(f"series.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
