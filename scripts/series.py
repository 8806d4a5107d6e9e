#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What patches/series.toml says. As a command, the list of the patches:

    series.py list [all|needed]   need and name of each, and how many there are of a kind
    series.py plan FOLDER...      for series.sh, a line each: folder, what it builds,
                                  how many patches up to this one, its name, what it
                                  touches; lists are separated by commas
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

NEEDS = ("build", "sound", "contract", "test", "fix")
# What `make PATCHES=...' keeps.
SETS = {"all": NEEDS, "needed": tuple(need for need in NEEDS if need != "fix")}
# Of this tree: what lies elsewhere in a kernel, because that has a file of this name.
PLACES = {"Kconfig": "drivers/block/tests/Kconfig"}


class Refused(Exception):
    """Something the user has to mend, said in one line."""


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

    def touches(self):
        text = self.path.read_text(errors="surrogateescape")
        return set(re.findall(r"^(?:---|\+\+\+) [ab]/(\S+)", text, re.M))

    def apply(self, tree):
        """To `tree`, or say why not."""
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", str(self.path)],
            cwd=tree,
            # The cache may lie inside somebody's repository.
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            why = "; ".join(line.removeprefix("error: ") for line in done.stderr.splitlines())
            raise Refused(f"{self.label} does not apply: {why}")


@dataclass(frozen=True)
class Folder:
    """A series for one list, and the folders that it builds on."""

    name: str
    after: tuple[str, ...]
    builds: tuple[str, ...]
    patches: tuple[Patch, ...]


def folders():
    """All of them, in order."""
    with open(PATCHES / "series.toml", "rb") as file:
        series = tomllib.load(file)
    found = []
    for name, what in series.items():
        listed = tuple(
            Patch(name, one["name"], one["need"], tuple(one.get("files", ())))
            for one in what["patches"]
        )
        found.append(Folder(name, tuple(what.get("after", ())), tuple(what["builds"]), listed))
        for patch in listed:
            if patch.need not in NEEDS:
                raise Refused(f"series.toml: {patch.label}: need = {patch.need}: want one of {NEEDS}")
    names = [patch.path for folder in found for patch in folder.patches]
    for path in sorted({*names} ^ {*PATCHES.rglob("*.patch")}):
        raise Refused(f"{path.relative_to(REPO)}: in patches/ or in series.toml, but not in both")
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
