# SPDX-License-Identifier: GPL-2.0
"""The figures that the documentation cites.

figures.json holds them, each with the run that it is from. The page's table and plot are generated
from it, so that each figure has one source. It has:

    runs      start of a run -> its commit, command and environment
    counted   cell -> instructions per I/O of the floor, and own costs, each with half the width of
              its interval
    native    cell -> median, low and high of rnull's time relative to null_blk's
    smp       cell -> median, low and high of rnull's IOPS relative to null_blk's
    path      cell -> driver -> instructions of the driver and locked instructions on the path
    modules   module -> bytes of its .text sections
"""

import json
import math
import textwrap
from html import escape
from pathlib import Path

from summary import MODULE_SIZE, NAMES, VERDICT, judged, kilobytes

FIGURES = Path(__file__).with_name("figures.json")
DOCUMENTATION = Path(__file__).resolve().parents[3] / "Documentation/block"
PAGE = DOCUMENTATION / "rnull-performance.rst"
PLOT = DOCUMENTATION / "rnull-performance.svg"
BEGIN = ".. figures: written by tools/testing/bench/report.py from figures.json"
END = ".. figures: end"
LICENSE = "SPDX-License-Identifier: GPL-2.0"

# Kind -> the cells that are cited.
CITED = {
    "counted": (
        "irqmode 0, randread, 4k, 1 deep",
        "irqmode 0, randread, 1M, 1 deep",
        "irqmode 0, randread, 4k, 1 deep, mq-deadline",
        "irqmode 0, randread, 4k, 64 deep, 16 at once",
        "irqmode 1, randread, 4k, 1 deep",
        "irqmode 1, randread, 4k, 64 deep, 16 at once",
        "irqmode 2, randread, 4k, 32 deep",
        "irqmode 2, randread, 4k, 64 deep, 16 at once",
        "irqmode 3, randread, 4k, 64 deep, 16 at once",
        "irqmode 0, randread, 4k, 64 deep, 16 at once, polled",
        "irqmode 0, randread, 4k, 1 deep, memory-backed, blocksize 4096",
        "irqmode 0, randwrite, 4k, 1 deep, memory-backed, blocksize 4096",
        "irqmode 0, randread, 64k, 1 deep, memory-backed, blocksize 4096",
    ),
    "native": tuple(
        f"irqmode {irqmode}, {how}"
        for irqmode in (0, 1)
        for how in ("one at a time", "one under a plug", "16 under a plug")
    ),
    "smp": tuple(
        f"irqmode {irqmode}, randread 4k, {shape}, {jobs} jobs"
        for irqmode in (0, 1, 2)
        for shape in ("1 deep", "64 deep, 16 at once")
        for jobs in (1, 2)
    ),
    "path": (
        "irqmode 0, randread, 4k, 1 deep, traced",
        "irqmode 3, randread, 4k, 32 deep, traced",
    ),
    "modules": ("rnull_mod.ko", "null_blk.ko"),
}


def read():
    return json.loads(FIGURES.read_text())


def dumps(figures):
    """As JSON, with a line for each figure."""
    parts = [f' "license": {json.dumps(LICENSE)}']
    for kind in ("runs", *CITED):
        entries = (f"  {json.dumps(name)}: {json.dumps(entry)}"
                   for name, entry in figures[kind].items())
        parts.append(f' "{kind}": {{\n' + ",\n".join(entries) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


# ----------------------------------------------------------- from a run


def own(figure):
    """An own cost with half the width of its interval."""
    width = max(figure.high - figure.value, figure.value - figure.low)
    return [round(figure.value), round(width)]


def counted(summary, name):
    if (name, "floor") not in summary.counted:
        return None
    costs = {driver: own(figure) for driver in ("floorb", "c", "rust")
             if (figure := summary.own(name, driver))}
    verdict = judged(summary).get(name)
    return {"floor": round(summary.counted[name, "floor"].value), **costs,
            "threshold": VERDICT[verdict] if verdict is not None else ""}


def ratio(figure):
    return figure and {"ratio": [round(part, 3) for part in (figure.value, figure.low,
                                                             figure.high)]}


def path(summary, name):
    found = {
        driver: {"driver_instructions": round(of["driver_instructions"]),
                 "locks": round(of["locks"], 2)}
        for driver in ("floor", "c", "rust") if (of := summary.paths.get((name, driver)))
    }
    return found or None


def module(summary, name):
    sizes = summary.result["environment"]["modules"]
    code = sizes.get(name, {}).get("code")
    return code and {"text": code}


def cite(summary, figures):
    """`figures`, updated with those that the run has."""
    environment = summary.result["environment"]
    run = environment["date"]
    find = {
        "counted": counted,
        "native": lambda summary, name: ratio(summary.native_ratio.get((name, "rust"))),
        "smp": lambda summary, name: ratio(summary.smp.get(name)),
        "path": path,
        "modules": module,
    }
    new = {}
    for kind, names in CITED.items():
        old = figures.get(kind, {})
        found = {name: find[kind](summary, name) for name in names}
        new[kind] = {name: {"run": run, **found[name]} if found[name] else old[name]
                     for name in names if found[name] or name in old}
    kept = ("command", "commit", "kernel", "rustc", "clang", "processors", "cpu")
    runs = {**figures.get("runs", {}), run: {key: environment.get(key) for key in kept}}
    if environment["changed"]:
        runs[run]["commit"] += " with changes"
    used = {entry["run"] for kind in CITED for entry in new[kind].values()}
    return {"runs": {run: runs[run] for run in sorted(runs) if run in used}, **new}


# ------------------------------------------------------------- the page


def letters(figures):
    """Run -> its letter on the page."""
    return dict(zip(figures["runs"], "abcdefghijklmnopqrstuvwxyz", strict=False))


def signed(cost):
    if cost is None:
        return ""
    value, width = cost
    return f"{value} ± {width}" if width else f"{value}"


def table(figures):
    """The headings and rows of the table."""
    letter = letters(figures)
    rows = [
        (name, of["floor"], *(signed(of.get(driver)) for driver in ("floorb", "c", "rust")),
         of["threshold"], letter[of["run"]])
        for name, of in figures["counted"].items()
    ]
    return ("cell", "floor", *(f"{NAMES[d]}: own" for d in ("floorb", "c", "rust")), "threshold",
            "run"), rows


def rst_table(title, headings, rows):
    yield f".. csv-table:: {title}"
    yield "   :header-rows: 1"
    yield ""
    for row in (headings, *rows):
        yield "   " + ",".join('"' + str(field).replace('"', '""') + '"' for field in row)
    yield ""


def item(text):
    return textwrap.fill(text, 98, initial_indent="- ", subsequent_indent="  ",
                         break_long_words=False, break_on_hyphens=False)


def sentences(figures):
    """The figures that are neither in the table nor in the plot."""
    letter = letters(figures)
    yield "Instructions of the driver itself, and locked instructions on the whole path:"
    yield ""
    for name, of in figures["path"].items():
        yield item(f"{name} (run {letter[of['run']]}): " + "; ".join(
            f"{NAMES[driver]} {one['driver_instructions']}, {one['locks']:.2f} locked"
            for driver, one in of.items() if driver in NAMES
        ))
    if len(figures["modules"]) == len(CITED["modules"]):
        ours, theirs = (figures["modules"][name] for name in CITED["modules"])
        yield ""
        yield (f"``.text`` of ``rnull_mod.ko``: {kilobytes(ours['text'])}, of ``null_blk.ko``: "
               f"{kilobytes(theirs['text'])} (run {letter[ours['run']]}).")
        yield (f"The threshold for rnull is {MODULE_SIZE // 1000} KB: "
               f"{VERDICT[ours['text'] <= MODULE_SIZE]}.")


def origins(figures):
    yield "Runs:"
    yield ""
    for run, of in figures["runs"].items():
        commit = of["commit"][:12] + of["commit"][40:]
        note = f" ({of['note']})" if of.get("note") else ""
        yield item(f"{letters(figures)[run]}: {commit}, {run}, ``{of['command']}``{note}")


def block(figures):
    """The lines between the marks in the page."""
    yield from (BEGIN, "")
    yield from rst_table("Instructions per I/O, on one processor", *table(figures))
    yield f".. kernel-figure:: {PLOT.name}"
    yield "   :alt: speed of rnull relative to null_blk"
    yield ""
    yield "   I/Os of rnull in the same time, relative to null_blk, with 95 % intervals."
    yield ""
    yield from sentences(figures)
    yield ""
    yield from origins(figures)
    yield from ("", END)


def page_with(text, figures):
    """The text of the page, with its figures replaced."""
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return before + "\n".join(block(figures)) + after


# ------------------------------------------------------------- the plot

WIDTH, LABELS, ROW, TOP = 740, 330, 17, 24
RIGHT = WIDTH - 60  # of the axis
STEP = 0.1  # between marks of the axis
COLOR = "#1f77b4"
PLOTTED = {
    "native": "user-mode Linux, 4k reads, drivers in turn",
    "smp": "two emulated processors, 4k reads, drivers in turn",
}


def speeds(figures, kind):
    """(name, run, median, low, high) of rnull's speed relative to null_blk's."""
    for name, of in figures[kind].items():
        median, low, high = of["ratio"]
        if kind == "native":  # a ratio of times
            median, low, high = 1 / median, 1 / high, 1 / low
        yield name, of["run"], median, low, high


def plot(figures):
    """The lines of an SVG file. Without matplotlib it is short, and the same on any machine."""
    groups = [(title, list(speeds(figures, kind))) for kind, title in PLOTTED.items()]
    points = [point for _, points in groups for point in points]
    first = math.floor(min([1.0, *(low for *_, low, _ in points)]) / STEP)
    last = math.ceil(max([1.0, *(high for *_, high in points)]) / STEP)
    if first == last:
        last += 1
    letter = letters(figures)

    def x(value):
        return f"{LABELS + (value / STEP - first) / (last - first) * (RIGHT - LABELS):.1f}"

    bottom = TOP + ROW * sum(1 + len(points) for _, points in groups) + 4
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f"<!-- {LICENSE} -->"
    yield "<!-- Written by tools/testing/bench/report.py from figures.json -->"
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + 22}" '
           'font-family="sans-serif" font-size="12">')
    yield '<rect width="100%" height="100%" fill="white"/>'
    for mark in range(first, last + 1):
        color = "black" if mark == round(1 / STEP) else "#ddd"
        yield f'<path d="M{x(mark * STEP)} {TOP - 4}V{bottom}" stroke="{color}"/>'
        yield (f'<text x="{x(mark * STEP)}" y="{bottom + 15}" text-anchor="middle">'
               f"{mark * STEP:.1f}</text>")
    y = TOP
    for title, points in groups:
        yield f'<text x="10" y="{y + 9}" font-weight="bold">{escape(title)}</text>'
        y += ROW
        for name, run, median, low, high in points:
            yield (f'<text x="{LABELS - 12}" y="{y + 9}" text-anchor="end">'
                   f"{escape(name.replace('randread 4k, ', ''))} ({letter[run]})</text>")
            yield f'<path d="M{x(low)} {y + 5}H{x(high)}" stroke="{COLOR}" stroke-width="2"/>'
            yield f'<circle cx="{x(median)}" cy="{y + 5}" r="3.5" fill="{COLOR}"/>'
            yield f'<text x="{WIDTH - 10}" y="{y + 9}" text-anchor="end">{median:.3f}</text>'
            y += ROW
    yield "</svg>"


def document(figures):
    """Write the page's table, its sentences and its plot."""
    PAGE.write_text(page_with(PAGE.read_text(), figures))
    PLOT.write_text("\n".join(plot(figures)) + "\n")
