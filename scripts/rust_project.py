#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make the kernel's rust-project.json one for this clone.

    rust_project.py ROOT SOURCE VIEW < rust-project.json > clone/rust-project.json

The kernel's names files in the work tree SOURCE, and the standard library in the build root ROOT.
A crate that is all in this clone, such as the driver, moves to it. The kernel crate is made of
files of both, and rust-analyzer finds a module beside its parent. So VIEW gets a directory rust/
with links to all files of the crate, here or in the work tree.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def own_files():
    """The names of the Rust files of this clone."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard", "*.rs"]
    names = subprocess.run(git, cwd=REPO, check=True, capture_output=True, text=True).stdout
    return {name for name in names.split("\0") if name and (REPO / name).exists()}


def link_view(source, view, own):
    """Make VIEW/rust anew, with links only."""
    shutil.rmtree(view, ignore_errors=True)
    for path in sorted((source / "rust").rglob("*.rs")):
        name = path.relative_to(source)
        (view / name).parent.mkdir(parents=True, exist_ok=True)
        (view / name).symlink_to(REPO / name if str(name) in own else path)


def moved(path, root, source, view, own):
    """Where the file or directory of the kernel's project is for this clone."""
    path = os.path.normpath(path)
    if path == "/usr" or path.startswith("/usr/"):
        return f"{root}{path}"
    if not path.startswith(f"{source}/"):
        return path
    name = path[len(str(source)) + 1 :]
    if name in own and not name.startswith("rust/"):
        return str(REPO / name)
    return str(view / name) if name.startswith("rust/") else path


def main():
    root, source, view = map(Path, sys.argv[1:])
    own = own_files()
    link_view(source, view, own)

    def move(value):
        if isinstance(value, dict):
            return {key: move(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [move(inner) for inner in value]
        if isinstance(value, str) and value.startswith("/"):
            return moved(value, root, source, view, own)
        return value

    json.dump(move(json.load(sys.stdin)), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
