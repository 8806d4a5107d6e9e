#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Say what got better or worse from one run to another, beyond noise.

    compare.py A.json B.json

Ends with 1 if something got worse.
"""

import json
import sys
from pathlib import Path

from report import FORMAT
from summary import NAMES, Figure, Summary

# What is counted does not wobble, but code that moves changes what is paged in and how the
# kernel's own work falls: below this many instructions per I/O there is nothing to say.
LEAST = 8


def read(path):
    result = json.loads(Path(path).read_text())
    if result.get("format") != FORMAT:
        sys.exit(f"{path}: format {result.get('format')}, want {FORMAT}")
    return Summary(result)


def figures(summary):
    """(kind, cell, driver) -> (Figure of what is better if it is lower, its least difference)."""
    for (cell, driver), figure in summary.counted.items():
        if driver in ("c", "rust"):
            # Against the floor of the same boot, so that the block layer's own changes are not
            # the driver's.
            floor = summary.counted.get((cell, "floor"))
            if floor:
                own = Figure(*(value - floor.value
                               for value in (figure.value, figure.low, figure.high)))
                yield ("own cost", cell, driver), own, LEAST
        elif driver == "floor":
            yield ("instructions", cell, driver), figure, LEAST
    for cell, figure in summary.smp.items():
        # Turned over, as the lower is the better here.
        ratio = Figure(1 / figure.value, 1 / figure.high, 1 / figure.low)
        yield ("time ratio on several processors", cell, "rust"), ratio, 0
    for (cell, driver), figure in summary.native_ratio.items():
        if driver == "rust":
            yield ("native time ratio", cell, driver), figure, 0
    for (cell, driver), path in summary.paths.items():
        if driver == "rust":
            locks = path["locks"]
            yield ("locked instructions", cell, driver), Figure(locks, locks, locks), 0.1


def differences(a, b):
    """(what, before, after, whether it is better) of what differs beyond noise."""
    before = {key: figure for key, figure, _ in figures(a)}
    for key, new, least in figures(b):
        old = before.get(key)
        if old is None:
            continue
        apart = new.low > old.high or new.high < old.low
        if apart and abs(new.value - old.value) > least:
            yield key, old, new, new.value < old.value


def vanished(a, b):
    """What A has and B has not: nothing can be said of it."""
    have = {key for key, *_ in figures(b)}
    return [key for key, *_ in figures(a) if key not in have]


def show(value):
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.0f}"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make bench-compare A=old.json B=new.json")
    a, b = (read(path) for path in sys.argv[1:])
    for which, summary in (("A", a), ("B", b)):
        for note in summary.notes:
            print(f"disturbed in {which}: {note}")
    worse = 0
    compared = sum(1 for _ in figures(b))
    for (kind, cell, driver), old, new, better in differences(a, b):
        worse += not better
        print(f"{'better' if better else 'WORSE '}  {NAMES[driver]}, {cell}: {kind} "
              f"{show(old.value)} -> {show(new.value)}")
    for kind, cell, driver in vanished(a, b):
        print(f"only in A: {NAMES[driver]}, {cell}: {kind}")
    print(f"{compared} figures compared, {worse} worse")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
