#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Say what got better or worse from one run to another, beyond noise.

    compare.py A.json B.json

Ends with 1 if something got worse, or nothing can be compared.
"""

import json
import sys
from pathlib import Path

from report import FORMAT
from summary import NAMES, Figure, Summary

# Differences between two runs of the same kernel are seen to be as large as these, which no
# interval of one boot can tell. What is counted does not wobble, but code that moves changes what
# is paged in and how the kernel's own work falls: a few instructions per I/O, and a share of large
# I/Os.
LEAST = 8
LEAST_SHARE = 0.003
LEAST_RATIO = {"several processors": 0.15, "native": 0.03}
# What is in flight at the ends of a trace.
LEAST_TRACED = {"locks": 0.25, "calls": 1, "driver_instructions": 0.5, "code_bytes": 0}


def read(path):
    result = json.loads(Path(path).read_text())
    if result.get("format") != FORMAT:
        sys.exit(f"{path}: format {result.get('format')}, want {FORMAT}")
    return Summary(result)


def figures(summary):
    """(kind, cell, driver) -> (Figure of what is better if it is lower, its least difference)."""
    for (cell, driver), figure in summary.counted.items():
        floor = summary.counted.get((cell, "floor"))
        if not floor:
            continue
        least = max(LEAST, floor.value * LEAST_SHARE)
        if driver in ("c", "rust"):
            # Against the floor of the same boot, so that the block layer's own changes are not
            # the driver's.
            yield ("own cost", cell, driver), figure - floor, least
        else:
            yield ("instructions", cell, driver), figure, least
    for cell, figure in summary.smp.items():
        # Turned over, as the lower is the better here.
        ratio = Figure(1 / figure.value, 1 / figure.high, 1 / figure.low)
        least = LEAST_RATIO["several processors"]
        yield ("time ratio on several processors", cell, "rust"), ratio, least
    for (cell, driver), figure in summary.native_ratio.items():
        if driver == "rust":
            yield ("native time ratio", cell, driver), figure, LEAST_RATIO["native"]
    for (cell, driver), path in summary.paths.items():
        if driver == "rust":
            for field, least in LEAST_TRACED.items():
                kind = field.replace("_", " ")
                yield (kind, cell, driver), Figure(*[path[field]] * 3), least
    for (cell, driver), size in summary.request_data.items():
        if driver == "rust":
            yield ("data with a request", cell, driver), Figure(size, size, size), 0


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


def other_environment(a, b):
    """(what, in A, in B) of what the runs were made with, the commit aside."""
    old, new = (summary.result["environment"] for summary in (a, b))
    for what in ("kernel", "rustc", "clang", "cpu", "processors"):
        if old[what] != new[what]:
            yield what, old[what], new[what]


def show(value):
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.0f}"


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make bench-compare A=old.json B=new.json")
    a, b = (read(path) for path in sys.argv[1:])
    for which, summary in (("A", a), ("B", b)):
        for note in summary.notes:
            print(f"note on {which}: {note}")
    for what, old, new in other_environment(a, b):
        print(f"not the same: {what}: {old}; {new}")
    worse = 0
    compared = len({key for key, *_ in figures(a)} & {key for key, *_ in figures(b)})
    for (kind, cell, driver), old, new, better in differences(a, b):
        worse += not better
        print(f"{'better' if better else 'WORSE '}  {NAMES[driver]}, {cell}: {kind} "
              f"{show(old.value)} -> {show(new.value)}")
    for kind, cell, driver in vanished(a, b):
        print(f"only in A: {NAMES[driver]}, {cell}: {kind}")
    gone = len(vanished(a, b))
    print(f"{compared} figures compared, {worse} worse" + (f", {gone} only in A" if gone else ""))
    return 1 if worse or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
