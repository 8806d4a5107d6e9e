#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that a crate's modules depend in one direction.

    layers.py ROOT.rs

The documentation of the root lists the modules in order ("//! * `name`: ..."). A module may use
itself and the modules above it, but no module below it, and of the root only the module parameters.
The list must contain every module that the root declares. Exit 1 if a module breaks these rules.
"""

import re
import sys
from pathlib import Path

LISTED = re.compile(r"^//! \* `(\w+)`", re.MULTILINE)
DECLARED = re.compile(r"^\s*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", re.MULTILINE)
# The macro module! defines these, and must be in the root.
PARAMETERS = "module_parameters"
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def first_names(text: str) -> list[str]:
    """The first names of a path after "crate::": a of a::b::C; a and c of {a::b, c}."""
    if not text.startswith("{"):
        return re.findall(r"\A\w+", text)
    names = []
    depth = 0
    before = ""
    for token in re.findall(r"\w+|::|[{},]", text):
        if token in "{}":
            depth += 1 if token == "{" else -1
            if depth == 0:
                break
        elif depth == 1 and token not in ("::", ",") and before in ("{", ","):
            names.append(token)
        before = token
    return names


def uses(file: Path, at_root: bool) -> set[str]:
    """The top-level names of the crate that a file uses."""
    text = COMMENT.sub("", file.read_text(encoding="utf-8"))
    root = r"\b(?:crate|super)::" if at_root else r"\bcrate::"
    # Stop at an inner module, where super means this file.
    text = re.split(r"\bmod\s+\w+\s*\{", text)[0]
    return {name for match in re.finditer(root, text) for name in first_names(text[match.end() :])}


def main() -> int:
    root = Path(sys.argv[1])
    text = root.read_text(encoding="utf-8")
    order = LISTED.findall(text)
    problems = [
        f"{root}: the list in its documentation lacks {name}"
        for name in DECLARED.findall(text)
        if name not in order
    ]
    for place, name in enumerate(order):
        files = [root.with_name(f"{name}.rs"), *sorted((root.parent / name).rglob("*.rs"))]
        for file in files:
            above = order[: place + 1]
            problems += [
                f"{file}: {name} uses {used}, which is not above it"
                for used in sorted(uses(file, file == files[0]))
                if used not in above and used != PARAMETERS
            ]
    print(*problems, sep="\n")
    return 1 if problems or not order else 0


if __name__ == "__main__":
    sys.exit(main())
