#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn the records of a run into result.json, table.md, profile.md and plots.

    report.py RESULT-DIRECTORY
    report.py RESULT-DIRECTORY --cite    copy the figures that the documentation cites to
                                         figures.json, and do as --document
    report.py --document                 write the documentation's table and plot from figures.json
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import figures
from plan import DRIVERS
from summary import (
    NAMES,
    UNDECIDED,
    VERDICT,
    Summary,
    contentions,
    floor_of,
    judged,
    thresholds,
    uncopied,
)

FORMAT = 3
# Kinds of cells with instructions per I/O, and their titles, if not by group().
COUNTED = {"icount": "", "devices": "many devices", "queues": "many hardware queues"}
# Functions with fewer instructions per I/O are summed up in one row.
SMALL = 3


def load(directory):
    lines = (directory / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    environment = next(r for r in records if r["record"] == "environment")
    return {
        "format": FORMAT,
        "environment": environment,
        "records": [r for r in records if r is not environment],
    }


def demangled(text):
    """The text with demangled names of Rust functions."""
    return subprocess.run(["llvm-cxxfilt"], input=text, capture_output=True, text=True,
                          check=True).stdout


# --------------------------------------------------------- tables: (headings, rows)


def number(value, form=".0f", missing=""):
    return missing if value is None else format(value, form)


def threshold_table(threshold):
    rows = [(cell, wanted, got, VERDICT[met]) for cell, wanted, got, met in threshold.rows]
    return ("cell", "threshold", "rnull", ""), rows


def threshold_overview(summary):
    rows = []
    for threshold in thresholds(summary):
        of = Counter(met for *_, met in threshold.rows)
        cells = f"{of[True]} of {len(threshold.rows)}"
        for verdict in (UNDECIDED, None):
            if of[verdict]:
                cells += f", {of[verdict]} {VERDICT[verdict]}"
        rows.append((threshold.text, VERDICT[threshold.met], cells))
    return ("threshold", "", "cells that meet it"), rows


def signed(figure):
    """A figure with half the width of its interval, unless that rounds to 0."""
    if figure is None:
        return ""
    width = max(figure.high - figure.value, figure.value - figure.low)
    return f"{figure.value:.0f}" + (f" ± {width:.0f}" if round(width) else "")


def group(cell):
    """The title of a counted cell's table: the cells of a long form need several tables."""
    if cell.get("memory_backed"):
        return "memory-backed"
    return "polled" if cell.get("polled") else f"irqmode {cell['irqmode']}"


def counted_table(summary, names):
    verdicts = {cell: VERDICT[met] for cell, met in judged(summary).items()}
    rows = []
    for name in names:
        floor = summary.counted.get((name, "floor"))
        ours, theirs = summary.own(name, "rust"), summary.own(name, "c")
        ratio = ours.value / theirs.value if ours and theirs and theirs.value > 0 else None
        skipped = {driver: summary.skipped.get((name, driver), "") for driver in ("all", *NAMES)}
        busy = summary.busy.get((name, "rust"))
        rows.append((
            name,
            number(floor and floor.value),
            signed(summary.own(name, "floorb")),
            signed(theirs) or skipped["c"],
            signed(ours) or skipped["rust"] or skipped["all"],
            number(ratio, ".2f"),
            verdicts.get(name, ""),
            number(summary.batch.get(name), ".1f"),
            number(busy, ".0%"),
        ))
    return ("cell", "floor", "batched floor: own", "null_blk: own", "rnull: own",
            "rnull / null_blk", "threshold", "batch", "busy"), rows


def brd_table(summary, names):
    rows = []
    for name in names:
        cell = summary.cells[name]
        whole = [summary.counted.get((name, driver))
                 for driver in ("floorbio", floor_of(cell, "rust"), "brd", "rust")]
        rows.append((name, *(number(figure and figure.value) for figure in whole),
                     *(signed(uncopied(summary, cell, driver)) for driver in ("brd", "rust"))))
    return ("cell", "bio floor", "floor", "brd", "rnull", "brd: own less copies",
            "rnull: own less copies"), rows


def interval(figure):
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def scaling_table(summary):
    rows = []
    for (cell, driver), figure in summary.scaling.items():
        iops = (f"{summary.iops[cell, f'{driver} {number}']:.0f}" for number in (1, 2))
        ratio = summary.scaling_ratio[cell, driver]
        rows.append((cell, NAMES[driver], *iops, interval(figure),
                     "" if driver == "rust" else interval(ratio)))
    return ("cell", "driver", "one job, IOPS", "two jobs, IOPS", "two over one",
            "that of rnull over this"), rows


OTHER_LOCKS = 3  # rows of classes that are not the driver's


def contention_table(summary):
    rows = []
    for (cell, driver), record in summary.contention.items():
        ios = f"{record['ios']:.0f}"
        rows.append((cell, NAMES[driver], ios, "all of the driver", contentions(record), sum(
            one["acquisitions"] for one in record["classes"] if one["own"])))
        ordered = sorted(record["classes"], key=lambda one: -one["contentions"])
        others = [one for one in ordered if not one["own"]][:OTHER_LOCKS]
        rows += [(cell, NAMES[driver], ios, one["name"], one["contentions"], one["acquisitions"])
                 for one in ordered if one["own"] or one in others]
    return ("cell", "driver", "I/Os", "lock class", "contentions", "acquisitions"), rows


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
        ns = [f"{summary.native[cell, driver].value:.1f}" for driver in DRIVERS]
        ratio = summary.native_ratio[cell, "rust"]
        rows.append((cell, *ns, f"{ratio.value:.3f}", f"{ratio.low:.3f} to {ratio.high:.3f}"))
    return ("cell", *(f"{NAMES[driver]}, ns" for driver in DRIVERS), "rnull / null_blk, time",
            "95 % interval"), rows


def created_table(summary):
    rows = [
        (NAMES[driver], count, queues or "", f"{what['create_ns'] / 1e6:.1f}",
         f"{what['remove_ns'] / 1e6:.1f}", f"{what['bytes'] / count / 1024:.0f}")
        for (driver, count, queues), what in summary.created.items()
    ]
    return ("driver", "devices", "hardware queues", "creation, ms", "removal, ms",
            "memory each, KiB"), rows


# Sizes of a module in host.py's record -> their headings.
SIZES = {"file": "file", "code": ".text", "text": "text, by size(1)", "data": "data", "bss": "bss"}


def module_table(modules):
    rows = [(name, *(number(size.get(key)) for key in SIZES)) for name, size in modules.items()]
    return ("module", *SIZES.values()), rows


def path_table(summary):
    rows = [
        (cell, NAMES[driver], f"{path['instructions']:.0f}", f"{path['driver_instructions']:.0f}",
         f"{path['calls']:.1f}", f"{path['locks']:.2f}", f"{path['interrupt_locks']:.2f}",
         path["code_bytes"], summary.request_data.get((cell, driver), ""))
        for (cell, driver), path in summary.paths.items()
    ]
    return ("cell", "driver", "instructions", "of them in the driver", "calls", "locked",
            "locked in the interrupt around the path", "driver code, bytes",
            "driver data of a request, bytes"), rows


def whole_table(summary, cell):
    """All instructions of an I/O, by function: those with the floor, and the others' difference."""
    drivers = [driver for driver in NAMES if (cell, driver) in summary.paths]
    costs = {}  # (function, module) -> driver -> instructions per I/O
    for driver in drivers:
        for name, of, count in summary.paths[cell, driver]["whole"]:
            costs.setdefault((name, of or "kernel"), {})[driver] = count
    others = ("functions with less than these", "")
    for key in list(costs):
        if max(costs[key].values()) < SMALL:
            for driver, count in costs.pop(key).items():
                small = costs.setdefault(others, {})
                small[driver] = small.get(driver, 0) + count

    def more(counts):
        return tuple(counts.get(driver, 0) - counts.get("floor", 0) for driver in drivers[1:])

    ordered = sorted(costs.items(), key=lambda item: -max(map(abs, more(item[1]))))
    rows = [
        (name, of, f"{counts.get('floor', 0):.0f}", *(f"{own:+.0f}" for own in more(counts)))
        for (name, of), counts in ordered
    ]
    sums = {driver: sum(counts.get(driver, 0) for counts in costs.values()) for driver in drivers}
    rows.append(("all", "", f"{sums['floor']:.0f}", *(f"{own:+.0f}" for own in more(sums))))
    return ("function", "module", "floor", *(f"{NAMES[d]}: own" for d in drivers[1:])), rows


def tables(result, summary):
    """(title, table) of each measurement."""
    counted = {}  # title -> cells
    for name, cell in summary.cells.items():
        if cell["kind"] in COUNTED:
            of = COUNTED[cell["kind"]] or group(cell)
            counted.setdefault(f"Instructions per I/O, {of}", []).append(name)
    for title, names in counted.items():
        yield title, counted_table(summary, names)
    if beside := list(dict.fromkeys(cell for cell, driver in summary.counted if driver == "brd")):
        yield "Instructions per I/O, rnull and brd", brd_table(summary, beside)
    if summary.smp:
        yield "IOPS on several processors, in turn", smp_table(summary)
    if summary.scaling:
        yield "One job and two on a device, in turn", scaling_table(summary)
    if summary.contention:
        yield "Contention of locks, two jobs on a device", contention_table(summary)
    if summary.native:
        yield "Time per I/O in user-mode Linux, in turn", native_table(summary)
    if summary.paths:
        yield "The path of a request, per I/O", path_table(summary)
    if summary.created:
        yield "Creation and removal of devices", created_table(summary)
    yield "Sizes of the modules, bytes", module_table(result["environment"]["modules"])


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
        yield "**Notes on this run:**"
        yield ""
        yield from (f"- {note}" for note in dict.fromkeys(summary.notes))
        yield ""
    yield "## Thresholds"
    yield ""
    yield from markdown_table(*threshold_overview(summary))
    for threshold in thresholds(summary):
        yield f"**{threshold.text}: {VERDICT[threshold.met]}**"
        yield ""
        if threshold.rows:
            yield from markdown_table(*threshold_table(threshold))
    for title, table in tables(result, summary):
        yield f"## {title}"
        yield ""
        yield from markdown_table(*table)


def profile(summary):
    yield "# Instructions on the path of a request, by function"
    yield ""
    for (cell, driver), path in summary.paths.items():
        yield f"## {NAMES[driver]}: {cell}"
        yield ""
        yield f"{path['ios']} I/Os."
        yield ""
        rows = [(name, of or "kernel", f"{count:.1f}") for name, of, count in path["functions"]
                if count >= 0.05]
        yield from markdown_table(("function", "module", "instructions per I/O"), rows)
        places = (f"{name} {count:.2f}" for name, count in path["lock_places"].items())
        yield "Locked instructions: " + (", ".join(places) or "none") + "."
        yield ""
    yield "# All instructions of an I/O, by function"
    yield ""
    yield "Without interrupts that do not call the driver. Their sum is below each table."
    yield ""
    for cell in dict.fromkeys(cell for cell, _ in summary.paths):
        yield f"## {cell}"
        yield ""
        yield from markdown_table(*whole_table(summary, cell))
        unrelated = (f"{NAMES[driver]} {path['unrelated']:.0f}"
                     for (of, driver), path in summary.paths.items() if of == cell)
        yield "Other interrupts: " + ", ".join(unrelated) + "."
        yield ""


def main():
    if sys.argv[1:] == ["--document"]:
        figures.document(figures.read())
        return
    directory = Path(sys.argv[1])
    result = load(directory)
    summary = Summary(result)
    if sys.argv[2:] == ["--cite"]:
        cited = figures.cite(summary, figures.read())
        figures.FIGURES.write_text(figures.dumps(cited))
        figures.document(cited)
        return
    (directory / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    (directory / "table.md").write_text("\n".join(markdown(result, summary)))
    if summary.paths:
        (directory / "profile.md").write_text(demangled("\n".join(profile(summary))))
    import plots  # here, because the other actions work without matplotlib

    plots.draw(summary, directory)
    for note in dict.fromkeys(summary.notes):
        print(f"note: {note}")
    for threshold in thresholds(summary):
        print(f"{VERDICT[threshold.met]:12}  {threshold.text}")


if __name__ == "__main__":
    main()
