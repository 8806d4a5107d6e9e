# SPDX-License-Identifier: GPL-2.0
"""Read patches/steps.toml: the series to mail, and the steps of each. For mail.py."""

import fnmatch
import tomllib
from dataclasses import dataclass

import overlay
import series
from series import Refused

KEYS = {"patch", "title", "message", "files", "remove", "cut", "restore"}


@dataclass(frozen=True)
class Step:
    """One mail, or how to make it."""

    patch: series.Patch | None = None
    title: str | None = None
    message: str | None = None
    files: tuple[str, ...] = ()
    # Paths of the base that this tree replaces.
    remove: tuple[str, ...] = ()
    # (file, text): this text is left out of the kernel's file, until its file is in `restore`.
    cut: tuple[tuple[str, str], ...] = ()
    restore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Series:
    name: str
    to: tuple[str, ...]
    after: tuple[str, ...]
    steps: tuple[Step, ...]
    rfc: bool
    # What to build after each step, see series.toml. Nothing for a folder of patches/.
    builds: tuple[str, ...] = ()


def addresses(label, to, lists):
    """The lists of `to`, and whether the series is an RFC."""
    names = to.split(", ")
    rfc = "as an RFC" in names
    names = [name for name in names if name != "as an RFC"]
    for name in names:
        if name not in lists:
            raise Refused(f"{label}: steps.toml has no address of the list {name}")
    return tuple(lists[name] for name in names), rfc


def make_step(label, what, patches):
    if unknown := what.keys() - KEYS:
        raise Refused(f"{label}: unknown key {', '.join(sorted(unknown))}")
    patch = patches.pop(what["patch"], None) if "patch" in what else None
    if "patch" in what and not patch:
        raise Refused(f"{label}: {what['patch']} is no patch of the folder, or is there twice")
    if not patch and not (what.get("title") and what.get("message")):
        raise Refused(f"{label}: a step without a patch needs a title and a message")
    if bool(what.get("title")) != bool(what.get("message")):
        raise Refused(f"{label}: want both a title and a message, or none of them")
    return Step(
        patch,
        what.get("title"),
        what.get("message"),
        tuple(what.get("files", ())),
        tuple(what.get("remove", ())),
        tuple((one["file"], one["text"]) for one in what.get("cut", ())),
        tuple(what.get("restore", ())),
    )


def matches(name, pattern):
    return name == pattern or name.startswith(pattern + "/") or fnmatch.fnmatch(name, pattern)


class Plan:
    """All series, in order."""

    def __init__(self, steps):
        with open(steps, "rb") as file:
            what = tomllib.load(file)
        lists, split = what["lists"], what["folder"]
        self.not_mailed = tuple(what["not_mailed"])
        for top in self.not_mailed:
            if not (top + "/").startswith(overlay.UNBUILT):
                raise Refused(f"{top}: affects the build, so it must be mailed")
        self.series = []
        for folder in series.folders():
            if folder.name != split:
                to, rfc = addresses(folder.name, folder.to, lists)
                made = tuple(Step(patch, files=patch.files) for patch in folder.patches)
                self.series.append(Series(folder.name, to, folder.after, made, rfc))
                continue
            patches = {patch.name: patch for patch in folder.patches}
            for one in what["series"]:
                to, rfc = addresses(one["name"], folder.to, lists)
                made = tuple(
                    make_step(f"{one['name']}, step {number}", step, patches)
                    for number, step in enumerate(one["steps"], 1)
                )
                after = (*folder.after, *one.get("after", ()))
                self.series.append(Series(one["name"], to, after, made, rfc, folder.builds))
            if patches:
                raise Refused(f"{split}: no step has the patch {', '.join(patches)}")
        self.files = self.share_out()

    def share_out(self):
        """Step -> its files. Each file of this tree must be in exactly one step."""
        ours = {
            name
            for name in overlay.our_files(overlay.LAID)
            if not overlay.is_within(name, self.not_mailed)
        }
        shares, owner = {}, {}
        for one in self.series:
            for number, step in enumerate(one.steps, 1):
                label = f"{one.name}, step {number}"
                shares[one.name, number] = found = []
                for pattern in step.files:
                    new = sorted(name for name in ours if matches(name, pattern))
                    if not new:
                        raise Refused(f"{label}: no file is {pattern}")
                    for name in new:
                        if name in owner:
                            raise Refused(f"{name}: is in two steps: {owner[name]}, and {label}")
                        owner[name] = label
                    found += new
        if left := sorted(ours - owner.keys()):
            raise Refused(f"{left[0]}: no step in steps.toml has this file")
        return shares

    def named(self, name):
        for one in self.series:
            if one.name == name:
                return one
        raise Refused(f"{name}: no such series; want one of {', '.join(self.names())}")

    def names(self):
        return [one.name for one in self.series]

    def before(self, one):
        """The series that a series needs, in order."""
        needed, new = set(), {*one.after}
        while new:
            needed |= new
            new = {name for after in new for name in self.named(after).after} - needed
        return [other for other in self.series if other.name in needed]

    def place(self, one):
        """The directory of a series in the output."""
        return f"{self.names().index(one.name) + 1:02}-{one.name}"
