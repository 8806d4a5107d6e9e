#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Each public item of the abstractions is used in an example, which runs as a doctest.

    examples.py FILE...     names the items that no example in the files uses

A function is used by an example that calls it (`.name(`) or names it (`Type::name`), and a
method of a trait by one that implements it (`fn name`), too. Of other items the name is a
word in the code. Whose a function is can't be told from that, so if there are several of
one name, the file of each needs an example. Items that a module hides are not public,
whatever they are called.
"""

import re
import sys
from collections import Counter

QUALIFIERS = r"(?:const |unsafe |auto )*"
ITEM = re.compile(rf"pub {QUALIFIERS}(fn|struct|trait|enum|type|const|static) (\w+)")
METHOD = re.compile(rf"{QUALIFIERS}fn (\w+)")


def examples(lines):
    """The lines of code in the documentation, without comments."""
    block = None  # what the block says that it is, if this is in one
    for line in lines:
        text = line.strip()
        if not text.startswith(("///", "//!")):
            block = None
            continue
        text = text[3:].strip()
        if text.startswith("```"):
            block = text[3:] if block is None else None
        elif block in ("", "rust"):
            yield text.split("//")[0]


def items(lines):
    """The public items, as (line number, kind, name), but not those of private modules or tests.

    The kind of a trait's function is "method".
    """
    hidden = trait = None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if hidden is not None:
            if text == "}" and indent == hidden:
                hidden = None
            continue
        if trait is not None and text == "}" and indent == trait:
            trait = None
        if re.match(r"mod \w+ \{", text):
            hidden = indent
        elif found := ITEM.match(text):
            kind, name = found.groups()
            if kind == "trait" and text.endswith("{"):
                trait = indent
            yield number, kind, name
        elif trait is not None and indent == trait + 4 and (found := METHOD.match(text)):
            yield number, "method", found[1]


def use(kind, name):
    """What an example that uses an item has in it."""
    call = rf"\.{name}(?:::<[^(]*>)?\(|::{name}\b"
    return {"fn": call, "method": rf"{call}|\bfn {name}\b"}.get(kind, rf"\b{name}\b")


def main():
    code = {}
    public = []
    for file in sys.argv[1:]:
        with open(file) as source:
            lines = source.read().splitlines()
        code[file] = "\n".join(examples(lines))
        public += [(file, *item) for item in items(lines)]
    everything = "\n".join(code.values())
    functions = Counter(name for _, _, kind, name in public if kind in ("fn", "method"))
    found = [
        f"{file}:{number}: no example uses {name}"
        for file, number, kind, name in public
        if not re.search(use(kind, name), code[file] if functions[name] > 1 else everything)
    ]
    if not public:
        found.append("no public item in the files")
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
