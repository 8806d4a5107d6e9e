#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Lay this tree over a kernel.

    overlay.py key  --base DIR [--own] [WHAT]             print a hash of all inputs
    overlay.py lay  --base DIR [--own] [WHAT] --tree DIR  make or update the work tree

The work tree is the base without its Rust block layer and Rust driver, with the patches of
patches/ applied, and with this tree's files added. WHAT selects something else: --patches needed
leaves out the patches that this tree does not need; --folder and --upto give the base after the
first patches of a folder.

A file of the work tree is written only if its content changes, so that make rebuilds little. It is
always replaced by renaming, because hard links share the files of a base in the cache with the work
tree. With --own the base is the user's tree. It is copied and never written, and it may change.

quilt would write each patched file again whenever a patch changes, and rsync needs a second tree to
copy from. git would also write only what changes, but has to add the base first, and a user's tree
again after each change: 96,000 files, 45 seconds and 600 MB.
"""

import argparse
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import series
from series import PLACES, Refused

REPO = Path(__file__).resolve().parent.parent

# Paths of the base that this tree replaces.
REPLACED = (
    "drivers/block/rnull",
    "rust/kernel/block.rs",
    "rust/kernel/block",
    "rust/helpers/blk.c",
)
# Paths of this tree that go over the base, and those of them that do not affect a build.
LAID = ("rust", "drivers", "include", "samples", "lib", "Kconfig", "Documentation", "tools")
UNBUILT = ("Documentation/", "tools/")


def git(*args, cwd=REPO):
    # Read a clone even if another user owns it.
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "-c", "core.excludesFile=/dev/null", *args],
        cwd=cwd,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"git {args[0]}: {done.stderr.decode(errors='replace').strip()}")
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def our_files(tops):
    names = git("ls-files", "-z", "-co", "--exclude-standard", "--", *tops) if tops else []
    return sorted(name for name in set(names) if os.path.lexists(REPO / name))


def base_index(base):
    """Name -> size and time of each source file of the user's tree."""
    if (base / ".git").exists():
        names = git("ls-files", "-z", "-co", "--exclude-standard", cwd=base)
    elif (base / ".config").exists() or (base / "include/generated").exists():
        raise Refused(f"{base}: was built in place. Use a git clone, or run `make mrproper' there")
    else:
        # os.walk() lists links to directories as directories. Real directories are skipped below.
        tops = ((Path(top), [*files, *dirs]) for top, dirs, files in os.walk(base))
        names = [str((top / name).relative_to(base)) for top, inside in tops for name in inside]
    index = {}
    for name in sorted(set(names)):
        with contextlib.suppress(FileNotFoundError):
            info = os.lstat(base / name)
            if not stat.S_ISDIR(info.st_mode):
                index[name] = [info.st_size, info.st_mtime_ns]
    return index


def version(base):
    text = (base / "Makefile").read_text()
    part = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$", text, re.M))
    return "{VERSION}.{PATCHLEVEL}.{SUBLEVEL}{EXTRAVERSION}".format(**part)


def mode_of(path):
    return 0o755 if os.lstat(path).st_mode & stat.S_IXUSR else 0o644


def some(names):
    """A few of the names, for a message."""
    names = sorted(names)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def is_within(name, tops):
    return any(name == top or name.startswith(top + "/") for top in tops)


def applied(base, patches, exact=()):
    """Apply the patches in turn to copies of the base's files.

    After each, yield the files that it touches: name -> content and mode, or None if removed.
    The patches in `exact` must apply at exactly their line numbers.
    """
    copied = set()
    with tempfile.TemporaryDirectory() as stage:
        stage = Path(stage)
        for patch in patches:
            names = patch.touches()
            for name in names - copied:
                if (base / name).is_file():
                    (stage / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(base / name, stage / name)
            copied |= names
            try:
                patch.apply(stage, patch in exact)
            except Refused as why:
                raise Refused(f"Linux {version(base)}: {why}") from None
            yield {name: read(stage / name) for name in names}


def patched(base, patches, exact=()):
    """The base's files after the patches: name -> content and mode, or None if removed."""
    laid = {}
    for touched in applied(base, patches, exact):
        laid.update(touched)
    return laid


def read(path):
    return (path.read_bytes(), mode_of(path)) if path.is_file() else None


def contents(base, touched, files, replaced):
    """All differences from the base: name -> content and mode, or None if removed.

    The files that patches have touched may be in the base's version of what this tree replaces. The
    patches must apply there, but their result is dropped.
    """
    laid = {name: what for name, what in touched.items() if not is_within(name, replaced)}
    for name in our_files(files):
        place = PLACES.get(name, name)
        if place in laid:
            raise Refused(f"{name}: is in this tree and changed by a patch; remove one of them")
        if (base / place).exists() and not is_within(place, replaced):
            raise Refused(f"{name}: the kernel has this file; change it by a patch")
        laid[place] = read(REPO / name)
    for gone in replaced:
        top = base / gone
        for path in [top] if top.is_file() else top.rglob("*"):
            if not path.is_dir():
                laid.setdefault(str(path.relative_to(base)), None)
    return laid


def check_new(base):
    """Refuse a tree of the user's that has files of ours, or other files in their places."""
    ours = {PLACES.get(name, name): name for name in our_files(LAID)}
    there = [n for n in ours if os.path.lexists(base / n) and not is_within(n, REPLACED)]
    equal = [n for n in there if read(base / n) == read(REPO / ours[n])]
    if equal:
        raise Refused(
            f"{base} has files of rnull already: {some(equal)}."
            " Take them out first (make uninstall-tree), or use another tree"
        )
    if there:
        raise Refused(f"{base}: in the way of files of rnull: {some(there)}. Move them elsewhere")


def replaced_by(patch):
    return {file for file in patch.files if file in REPLACED}


def whole_tree(base, touched):
    come = [file for folder in series.folders() for p in folder.patches for file in p.files]
    for name in our_files(LAID):
        if not is_within(name, come):
            raise Refused(f"{name}: no patch in series.toml lists it in its files")
    return contents(base, touched, LAID, REPLACED)


def steps(base, patches, touched):
    """Yield the changes of whole_tree() in steps: of each patch, with the files that come with it.

    `touched` is what applied() yields for the patches.
    """
    replaced = set()
    for patch, files in zip(patches, touched, strict=True):
        files = {name: what for name, what in files.items() if not is_within(name, replaced)}
        comes = replaced_by(patch)
        replaced |= comes
        yield contents(base, files, patch.files, comes)


def within_folder(base, own, name, upto):
    """The base after the folders that a folder builds on, and its first patches.

    If the base is the user's `own`, the folder's patches may apply at other line numbers.
    """
    known = {folder.name: folder for folder in series.folders()}
    if name not in known:
        raise Refused(f"--folder {name}: want one of {', '.join(known)}")
    patches = [p for before in known[name].after for p in known[before].patches]
    exact = known[name].patches[:upto]
    patches += exact
    files = [file for patch in patches for file in patch.files]
    replaced = {file for patch in patches for file in replaced_by(patch)}
    return contents(base, patched(base, patches, () if own else exact), files, replaced)


def same(path, content, mode):
    try:
        return (
            path.is_file()
            and not path.is_symlink()
            and mode_of(path) == mode
            and path.read_bytes() == content
        )
    except FileNotFoundError:
        return False


def draft(path):
    return path.with_name(f".{path.name}.new")


def replace_file(path, content, mode):
    """Write a new file, and rename it to `path`, so that other links keep the old content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = draft(path)
    new.write_bytes(content)
    new.chmod(mode)
    new.rename(path)


class Tree:
    """A work tree, and beside it a record of its files that differ from the base."""

    def __init__(self, base, own, tree):
        self.base, self.own, self.tree = base, own, tree
        self.source = tree / "src"
        self.record = tree / "overlay.json"
        self.written = 0

    def make(self, index):
        new = self.tree / ".new-src"
        shutil.rmtree(new, ignore_errors=True)
        self.record.unlink(missing_ok=True)
        if self.own:
            new.mkdir(parents=True)
            with tempfile.TemporaryFile() as names:
                names.write(b"".join(os.fsencode(name) + b"\0" for name in index))
                names.seek(0)
                pack = ["tar", "-c", "--null", "--no-recursion", "--files-from=-"]
                with subprocess.Popen(
                    pack, cwd=self.base, stdin=names, stdout=subprocess.PIPE
                ) as packer:
                    subprocess.run(["tar", "-x"], cwd=new, stdin=packer.stdout, check=True)
        else:
            self.tree.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-al", str(self.base), str(new)], check=True)
        new.rename(self.source)

    def write(self, name, content, mode):
        path = self.source / name
        if same(path, content, mode):
            return
        replace_file(path, content, mode)
        self.written += 1

    def remove(self, name):
        path = self.source / name
        if not os.path.lexists(path):
            return
        path.unlink()
        self.written += 1
        with contextlib.suppress(OSError):
            os.removedirs(path.parent)

    def restore(self, name):
        """Restore the base's file, with the current time, so that make rebuilds its objects."""
        path = self.base / name
        if path.is_symlink():
            self.remove(name)
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            (self.source / name).symlink_to(os.readlink(path))
        elif path.is_file():
            self.write(name, path.read_bytes(), mode_of(path))
        else:
            self.remove(name)

    def lay(self, laid):
        index = base_index(self.base) if self.own else {}
        if not self.source.is_dir():
            self.make(index)
            before = {"laid": [], "index": index}
        else:
            before = json.loads(self.record.read_text()) if self.record.is_file() else None
            if before is None:
                shutil.rmtree(self.source)
                return self.lay(laid)

        old = before["index"]
        changed = {name for name in old.keys() | index.keys() if old.get(name) != index.get(name)}
        # If this call is interrupted from here on, the next one needs both lists.
        self.save(sorted({*before["laid"], *laid, *changed}), old)
        for name in sorted(({*before["laid"]} | changed) - laid.keys()):
            self.restore(name)
        for name, what in laid.items():
            if what is None:
                self.remove(name)
            else:
                self.write(name, *what)
        self.save(sorted(laid), index)
        return self.written

    def save(self, laid, index):
        new = self.record.with_suffix(".new")
        new.write_text(json.dumps({"laid": laid, "index": index}))
        new.rename(self.record)


def key(base, own, laid):
    digest = hashlib.sha256()

    def add(name, content, mode=0):
        digest.update(f"{name} {mode} {len(content)}\n".encode(errors="surrogateescape"))
        digest.update(content)

    for name, what in sorted(laid.items()):
        if not name.startswith(UNBUILT):
            add(name, *(what or (b"", -1)))
    if own:
        add("base", json.dumps(base_index(base)).encode())
    return digest.hexdigest()[:16]


def main():
    parser = argparse.ArgumentParser(description="Lay this tree over a kernel.")
    parser.add_argument("action", choices=("key", "lay"))
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--own", action="store_true", help="the base is the user's own tree")
    parser.add_argument("--patches", default="all", help="all or needed")
    parser.add_argument("--folder", help="only this folder of patches/")
    parser.add_argument("--upto", type=int, help="only the first UPTO patches of the folder")
    parser.add_argument("--tree", type=Path)
    args = parser.parse_args()
    # End by an exception, so that temporary directories are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if args.own:
            check_new(args.base)
        if args.folder:
            laid = within_folder(args.base, args.own, args.folder, args.upto)
        else:
            laid = whole_tree(args.base, patched(args.base, series.chosen(args.patches)))
        if args.action == "key":
            print(key(args.base, args.own, laid))
        else:
            written = Tree(args.base, args.own, args.tree).lay(laid)
            print(f"      {written} file(s) changed", file=sys.stderr)
    except Refused as why:
        print(f"overlay.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
