#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Report the figures that changed from one run to another, beyond noise.

    compare.py A.json B.json

Exit 1 if a figure got worse, or if no figure can be compared.
"""

import json
import sys
from pathlib import Path

from report import FORMAT
from summary import NAMES, Figure, Summary

# Two runs of the same kernel can differ by this much, although the intervals within one boot are
# smaller. Counts of the same code do not vary. But if code moves, page faults and the timing of the
# kernel's other work change. That changes the count by a few instructions per I/O, or for large
# I/Os by a fraction of the count.
LEAST = 8
LEAST_SHARE = 0.003
LEAST_RATIO = {"several processors": 0.15, "scaling": 0.15, "native": 0.03}
# Requests in flight at the ends of a trace cause such differences.
LEAST_TRACED = {"locks": 0.25, "calls": 1, "driver_instructions": 0.5, "code_bytes": 0}


def read(path):
    result = json.loads(Path(path).read_text())
    if result.get("format") != FORMAT:
        sys.exit(f"{path}: format {result.get('format')}, want {FORMAT}")
    return Summary(result)


def inverse(figure):
    """Of a ratio of speeds, because lower must be better."""
    return Figure(1 / figure.value, 1 / figure.high, 1 / figure.low)


def figures(summary):
    """((kind, cell, driver), Figure, least difference) of each figure; lower is better."""
    for (cell, driver), figure in summary.counted.items():
        floor = summary.counted.get((cell, "floor"))
        if not floor:
            continue
        least = max(LEAST, floor.value * LEAST_SHARE)
        if driver in ("c", "rust"):
            # Relative to the floor of the same boot, so that changes in the block layer do not
            # count as the driver's.
            yield ("own cost", cell, driver), figure - floor, least
        else:
            yield ("instructions", cell, driver), figure, least
    for cell, figure in summary.smp.items():
        least = LEAST_RATIO["several processors"]
        yield ("time ratio on several processors", cell, "rust"), inverse(figure), least
    for (cell, driver), figure in summary.scaling.items():
        if driver == "rust":
            least = LEAST_RATIO["scaling"]
            yield ("time of two jobs over one", cell, driver), inverse(figure), least
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
    """(key, before, after, whether it got better) of the figures that differ beyond noise."""
    before = {key: figure for key, figure, _ in figures(a)}
    for key, new, least in figures(b):
        old = before.get(key)
        if old is None:
            continue
        apart = new.low > old.high or new.high < old.low
        if apart and abs(new.value - old.value) > least:
            yield key, old, new, new.value < old.value


def vanished(a, b):
    """The keys that only A has, so that they cannot be compared."""
    have = {key for key, *_ in figures(b)}
    return [key for key, *_ in figures(a) if key not in have]


def other_environment(a, b):
    """(name, in A, in B) of the properties of the environment that differ, without the commit."""
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
