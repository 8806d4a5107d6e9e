#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each public item of the abstractions is used in an example, which runs as a doctest.

    examples.py FILE...     names the items that no example in the files uses

An item is used by an example if its name is a word in the code. Items that a module
hides are not public, whatever they are called.
"""

import re
import sys

ITEM = re.compile(
    r"pub (?:const |unsafe |auto )*(?:fn|struct|trait|enum|type|const|static) (\w+)"
)


def examples(lines):
    """The lines of code in the documentation."""
    inside = False
    for line in lines:
        text = line.strip()
        if not text.startswith(("///", "//!")):
            inside = False
            continue
        text = text[3:].strip()
        if text.startswith("```"):
            inside = not inside and text[3:] in ("", "rust")
        elif inside:
            yield text


def items(lines):
    """The public items, as (line number, name), but not those of private modules or tests."""
    hidden = None
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip())
        if hidden is not None:
            if line.strip() == "}" and indent == hidden:
                hidden = None
            continue
        if re.match(r"\s*mod \w+ \{", line):
            hidden = indent
        elif found := ITEM.match(line.strip()):
            yield number, found[1]


def main():
    sources = {}
    for name in sys.argv[1:]:
        with open(name) as file:
            sources[name] = file.read().splitlines()
    words = set()
    for lines in sources.values():
        for text in examples(lines):
            words.update(re.findall(r"\w+", text.split("//")[0]))
    found = [
        f"{name}:{number}: no example uses {item}"
        for name, lines in sources.items()
        for number, item in items(lines)
        if item not in words
    ]
    if not any(True for lines in sources.values() for _ in items(lines)):
        found.append("no public item in the files")
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
