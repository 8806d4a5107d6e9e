#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn the records of a run into result.json, table.md, profile.md and plots.

    report.py RESULT-DIRECTORY
    report.py RESULT-DIRECTORY --document DIRECTORY    only the part for Documentation/block
"""

import json
import shutil
import sys
from pathlib import Path

from summary import NAMES, Summary, bars

FORMAT = 1
VERDICT = {True: "met", False: "MISSED", None: "not measured"}
# What the documentation shows of the plots.
DOCUMENTED = ("difference", "own-cost")


def load(directory):
    lines = (directory / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    environment = next(r for r in records if r["record"] == "environment")
    return {
        "format": FORMAT,
        "environment": environment,
        "records": [r for r in records if r is not environment],
    }


# --------------------------------------------------------- tables: (headings, rows)


def number(value, form=".0f", missing=""):
    return missing if value is None else format(value, form)


def bar_table(bar):
    rows = [(cell, wanted, got, VERDICT[met]) for cell, wanted, got, met in bar.rows]
    return ("cell", "bar", "rnull", ""), rows


def bar_overview(summary):
    rows = []
    for bar in bars(summary):
        met = sum(1 for *_, met in bar.rows if met)
        known = sum(1 for *_, met in bar.rows if met is not None)
        rows.append((bar.text, VERDICT[bar.met], f"{met} of {known}"))
    return ("bar", "", "cells"), rows


def counted_table(summary, kind):
    rows = []
    for name, cell in summary.cells.items():
        if cell["kind"] != kind:
            continue
        floor = summary.counted.get((name, "floor"))
        ours, theirs = summary.own(name, "rust"), summary.own(name, "c")
        ratio = ours / theirs if ours is not None and theirs and theirs > 0 else None
        noise = max((summary.spread[key] for key in summary.spread if key[0] == name), default=0.0)
        reason = summary.skipped.get((name, "rust")) or summary.skipped.get((name, "all"), "")
        rows.append((
            name,
            number(floor and floor.value),
            number(summary.own(name, "floorb")),
            number(theirs, missing=summary.skipped.get((name, "c"), "")),
            number(ours, missing=reason),
            number(ratio, ".2f"),
            number(summary.batch.get(name), ".1f"),
            f"{noise:.2%}",
        ))
    return ("cell", "floor", "batched floor: own", "null_blk: own", "rnull: own",
            "rnull / null_blk", "batch", "spread"), rows


def smp_table(summary):
    rows = [
        (cell, f"{summary.iops[cell, 'c']:.0f}", f"{summary.iops[cell, 'rust']:.0f}",
         f"{figure.value:.3f}", f"{figure.low:.3f} to {figure.high:.3f}")
        for cell, figure in summary.smp.items()
    ]
    return ("cell", "null_blk, IOPS", "rnull, IOPS", "ratio", "95 % interval"), rows


def native_table(summary):
    rows = []
    for cell in dict.fromkeys(cell for cell, _ in summary.native):
        ns = [f"{summary.native[cell, driver].value:.1f}" for driver in NAMES]
        ratio = summary.native_ratio[cell, "rust"]
        rows.append((cell, *ns, f"{ratio.value:.3f}", f"{ratio.low:.3f} to {ratio.high:.3f}"))
    return ("cell", *(f"{name}, ns" for name in NAMES.values()), "rnull / null_blk, time",
            "95 % interval"), rows


def created_table(summary):
    rows = [
        (NAMES[driver], count, f"{what['create_ns'] / 1e6:.1f}", f"{what['remove_ns'] / 1e6:.1f}",
         f"{what['bytes'] / count / 1024:.0f}")
        for (driver, count), what in summary.created.items()
    ]
    return ("driver", "devices", "to create, ms", "to remove, ms", "memory each, KiB"), rows


def path_table(summary):
    rows = [
        (cell, NAMES[driver], f"{path['instructions']:.0f}", f"{path['driver_instructions']:.0f}",
         f"{path['calls']:.1f}", f"{path['locks']:.2f}", path["code_bytes"],
         summary.request_data.get((cell, driver), ""))
        for (cell, driver), path in summary.paths.items()
    ]
    return ("cell", "driver", "instructions", "of these the driver's", "calls", "locked",
            "the driver's code, bytes", "data with a request, bytes"), rows


def tables(result, summary):
    """(title, table) of all that was measured."""
    kinds = {cell["kind"] for cell in summary.cells.values()}
    for kind, title in (
        ("icount", "Instructions per I/O"),
        ("devices", "Instructions per I/O with many devices"),
        ("queues", "Instructions per I/O with many hardware queues"),
    ):
        if kind in kinds:
            yield title, counted_table(summary, kind)
    if summary.smp:
        yield "IOPS on several processors, in turn", smp_table(summary)
    if summary.native:
        yield "Time per I/O in user-mode Linux, in turn", native_table(summary)
    if summary.paths:
        yield "The path of a request, per I/O", path_table(summary)
    if summary.created:
        yield "To make and remove devices", created_table(summary)
    yield "Sizes of the modules", (("module", "bytes"), result["environment"]["modules"].items())


def origin(environment):
    changed = " with changes" if environment["changed"] else ""
    return (f"Commit {environment['commit'][:12]}{changed}, Linux {environment['kernel']}, "
            f"{environment['rustc']}, {environment['clang']}; measured {environment['date']} on "
            f"{environment['processors']} processors, {environment['cpu']}.")


# --------------------------------------------------------------------- markdown


def markdown_table(headings, rows):
    yield "| " + " | ".join(headings) + " |"
    yield "|" + " --- |" * len(headings)
    for row in rows:
        yield "| " + " | ".join(str(field) for field in row) + " |"
    yield ""


def markdown(result, summary):
    yield "# rnull, null_blk and the floor"
    yield ""
    yield origin(result["environment"])
    yield ""
    if summary.notes:
        yield "**Disturbed, or not as expected:**"
        yield ""
        yield from (f"- {note}" for note in dict.fromkeys(summary.notes))
        yield ""
    yield "## Bars"
    yield ""
    for bar in bars(summary):
        yield f"**{bar.text}: {VERDICT[bar.met]}**"
        yield ""
        if bar.rows:
            yield from markdown_table(*bar_table(bar))
    for title, table in tables(result, summary):
        yield f"## {title}"
        yield ""
        yield from markdown_table(*table)


def profile(summary):
    yield "# Where the instructions go on the path of a request"
    yield ""
    for (cell, driver), path in summary.paths.items():
        yield f"## {NAMES[driver]}: {cell}"
        yield ""
        rows = [(name, of or "kernel", f"{count:.1f}") for name, of, count in path["functions"]]
        yield from markdown_table(("function", "module", "instructions per I/O"), rows)
        places = (f"{name} {count:.2f}" for name, count in path["lock_places"].items())
        yield "Locked instructions: " + (", ".join(places) or "none") + "."
        yield ""


# ------------------------------------------------------------------ documentation


def rst_table(title, headings, rows):
    yield f".. csv-table:: {title}"
    yield "   :header-rows: 1"
    yield ""
    for row in (headings, *rows):
        yield "   " + ",".join('"' + str(field).replace('"', '""') + '"' for field in row)
    yield ""


def document(result, summary, directory, target):
    lines = [
        ".. SPDX-License-Identifier: GPL-2.0",
        ".. Written by tools/testing/bench/report.py, see rnull-performance.rst",
        "",
        origin(result["environment"]),
        "",
        *(f"- Disturbed, or not as expected: {note}" for note in dict.fromkeys(summary.notes)),
        "",
        *rst_table("Bars", *bar_overview(summary)),
    ]
    for title, table in tables(result, summary):
        lines += rst_table(title, *table)
    for name in DOCUMENTED:
        if (directory / f"{name}.svg").exists():
            shutil.copy(directory / f"{name}.svg", target / f"rnull-performance-{name}.svg")
    (target / "rnull-performance-results.rst").write_text("\n".join(lines))


def main():
    directory = Path(sys.argv[1])
    result = load(directory)
    summary = Summary(result)
    if sys.argv[2:3] == ["--document"]:
        document(result, summary, directory, Path(sys.argv[3]))
        return
    (directory / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    (directory / "table.md").write_text("\n".join(markdown(result, summary)))
    if summary.paths:
        (directory / "profile.md").write_text("\n".join(profile(summary)))
    import plots  # late, as the rest works without matplotlib

    plots.draw(summary, directory)
    for note in dict.fromkeys(summary.notes):
        print(f"disturbed: {note}")
    for bar in bars(summary):
        print(f"{VERDICT[bar.met]:12}  {bar.text}")


if __name__ == "__main__":
    main()
