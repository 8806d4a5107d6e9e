# SPDX-License-Identifier: GPL-2.0
"""Plots of a run, as SVG and PNG."""

from itertools import product

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from plan import size_of  # noqa: E402
from summary import NAMES, SCALE, Figure  # noqa: E402

COLORS = {"floorb": "0.6", "c": "tab:orange", "rust": "tab:blue"}
LICENSE = "<!-- SPDX-License-Identifier: GPL-2.0 -->"
# A fixed salt, so that the same run gives the same files.
plt.rcParams["svg.hashsalt"] = "rnull"


def save(figure, directory, name):
    svg = directory / f"{name}.svg"
    figure.savefig(svg, metadata={"Date": None}, bbox_inches="tight")
    first, rest = svg.read_text().split("\n", 1)
    lines = (line.rstrip() for line in rest.splitlines())
    svg.write_text("\n".join((first, LICENSE, *lines, "")))
    figure.savefig(directory / f"{name}.png", dpi=110, bbox_inches="tight")
    plt.close(figure)


def percent(figure):
    """A ratio as a difference in %, with the lengths of its whiskers."""
    return ((figure.value - 1) * 100, (figure.value - figure.low) * 100,
            (figure.high - figure.value) * 100)


def kind_of(cell):
    """The title of a row of panels."""
    words = [f"irqmode {cell['irqmode']}"]
    words += [cell["scheduler"]] if cell.get("scheduler") else []
    words += ["memory-backed"] if cell.get("memory_backed") else []
    words += [f"blocksize {cell['blocksize']}"] if cell.get("blocksize") else []
    words += ["polled"] if cell.get("polled") else []
    if cell.get("c"):
        words.append(f"null_blk with irqmode {cell['c']['irqmode']}")
    return ", ".join(words)


def shape(cell):
    words = f"{cell['depth']} deep"
    words += f", {cell['batch']} at once" if cell["batch"] > 1 else ""
    return words + (f", {cell['hw_queues']} hw queues" if cell.get("hw_queues", 1) > 1 else "")


def draw_panels(cells, differences, row_of, column_of, title, directory, name):
    """Plot differences in %, by block size, with a colour for each depth, in rows and columns.

    `differences` maps the name of a cell to its Figure.
    """
    if not cells:
        return
    rows = list(dict.fromkeys(map(row_of, cells)))
    columns = sorted(set(map(column_of, cells)))
    shapes = list(dict.fromkeys(map(shape, sorted(cells, key=lambda c: (c["depth"], c["batch"])))))
    sizes = sorted({cell["bs"] for cell in cells}, key=size_of)
    height = 2.3 * len(rows) + 0.8
    figure, axes = plt.subplots(len(rows), len(columns), sharex=True, sharey="row", squeeze=False,
                                figsize=(5 * len(columns), height))
    for row, column in product(rows, columns):
        axis = axes[rows.index(row)][columns.index(column)]
        inside = [c for c in cells if (row_of(c), column_of(c)) == (row, column)]
        axis.set_visible(bool(inside))
        draw_bars(axis, inside, differences, sizes, shapes)
        axis.set_title(f"{row}: {column}", fontsize=9)
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_xticks(range(len(sizes)), sizes)
        axis.set_xlim(-0.6, len(sizes) - 0.4)
        axis.tick_params(labelbottom=True, labelsize=8)
        if column == columns[0]:
            axis.set_ylabel("%")
    handles = [plt.Rectangle((0, 0), 1, 1, color=f"C{i}") for i in range(len(shapes))]
    figure.suptitle(title, y=1, va="top", fontsize=11)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.4 / height))
    figure.legend(handles, shapes, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=8)
    save(figure, directory, name)


def draw_bars(axis, cells, differences, sizes, shapes):
    for size in sizes:
        group = sorted((c for c in cells if c["bs"] == size), key=lambda c: shapes.index(shape(c)))
        width = 0.8 / max(len(group), 3)
        for index, cell in enumerate(group):
            middle, below, above = percent(differences[cell["name"]])
            at = sizes.index(size) + (index - (len(group) - 1) / 2) * width
            axis.bar([at], [middle], width, yerr=[[below], [above]], capsize=2,
                     color=f"C{shapes.index(shape(cell))}")


def draw_difference(summary, directory):
    """IOPS relative to null_blk's, by block size and depth."""
    differences = {}
    for name, cell in summary.cells.items():
        ours, theirs = (summary.counted.get((name, driver)) for driver in ("rust", "c"))
        if cell["kind"] == "icount" and ours and theirs:
            differences[name] = Figure(theirs.value / ours.value, theirs.low / ours.high,
                                       theirs.high / ours.low)
    draw_panels([summary.cells[name] for name in differences], differences, kind_of,
                lambda cell: cell["rw"],
                "IOPS of rnull relative to null_blk, one processor, by instructions\n"
                "(up is better; whiskers: quartiles of the samples)", directory, "difference")


def draw_processors(summary, directory):
    """The same by time, for each number of jobs."""
    draw_panels([summary.cells[name] for name in summary.smp], summary.smp, kind_of,
                lambda cell: f"{cell['jobs']} job" + "s" * (cell["jobs"] > 1),
                "IOPS of rnull relative to null_blk, two processors, in turn\n"
                "(up is better; whiskers: 95 % intervals)", directory, "processors")


def draw_own_cost(summary, directory):
    """Instructions per I/O above the floor."""
    cells = [
        name for name, cell in summary.cells.items()
        if cell["kind"] == "icount" and cell["bs"] == "4k" and not cell.get("memory_backed")
        and {(name, "rust"), (name, "c"), (name, "floor")} <= summary.counted.keys()
    ]
    if not cells:
        return
    figure, axis = plt.subplots(figsize=(9, 0.5 * len(cells) + 1.5))
    for index, driver in enumerate(COLORS):
        own = {y: summary.own(name, driver) for y, name in enumerate(cells)}
        own = {y: figure.value for y, figure in own.items() if figure}
        bars = axis.barh([y + (index - 1) * 0.27 for y in own], own.values(), 0.27,
                         color=COLORS[driver], label=NAMES[driver])
        axis.bar_label(bars, fmt="%.0f", padding=2, fontsize=6)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_xscale("symlog", linthresh=100)
    axis.margins(x=0.1, y=0.01)
    names = [f"{name} ({kind_of(summary.cells[name]).split(', ')[-1]})"
             if summary.cells[name].get("c") else name for name in cells]
    axis.set_yticks(range(len(cells)), names, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("instructions per I/O above the floor (left is better), linear up to 100")
    axis.legend(fontsize=8)
    save(figure, directory, "own-cost")


def draw_native(summary, directory):
    """Speed in user-mode Linux, with intervals."""
    figures = {cell: Figure(1 / ratio.value, 1 / ratio.high, 1 / ratio.low)
               for (cell, driver), ratio in summary.native_ratio.items() if driver == "rust"}
    if not figures:
        return
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(figures) + 1.5))
    for y, ratio in enumerate(figures.values()):
        middle, below, above = percent(ratio)
        axis.errorbar([middle], [y], xerr=[[below], [above]], fmt="o", color=COLORS["rust"],
                      capsize=3)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(figures)), figures, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("I/Os of rnull in the same time, relative to null_blk, % (right is better)")
    axis.set_title("user-mode Linux, in turn, 95 % intervals", fontsize=9)
    save(figure, directory, "native")


def draw_growth(summary, directory):
    """Cost per I/O against the number of devices and of hardware queues."""
    scale = [c for c in summary.cells.values() if c["kind"] in SCALE and c["batch"] > 1]
    if not scale:
        return
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    for axis, key in zip(axes, ("devices", "hw_queues"), strict=True):
        cells = [cell for cell in scale if key in cell]
        for driver in ("floor", *COLORS):
            points = [(c[key], summary.counted[c["name"], driver].value) for c in cells
                      if (c["name"], driver) in summary.counted]
            if points:
                axis.plot(*zip(*points, strict=True), "o-", label=NAMES[driver],
                          color=COLORS.get(driver, "black"), markersize=3)
        axis.set_xscale("log", base=2)
        numbers = sorted({cell[key] for cell in cells})
        axis.set_xticks(numbers, numbers)
        axis.minorticks_off()
        axis.set_xlabel(key.replace("hw_", "hardware "))
        axis.set_ylabel("instructions per I/O (not from 0)")
        if cells:
            axis.legend(fontsize=7)
    figure.tight_layout()
    save(figure, directory, "growth")


def draw(summary, directory):
    draw_difference(summary, directory)
    draw_own_cost(summary, directory)
    draw_growth(summary, directory)
    draw_processors(summary, directory)
    draw_native(summary, directory)
