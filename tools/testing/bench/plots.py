# SPDX-License-Identifier: GPL-2.0
"""Plots of a run, as SVG and PNG."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from plan import size_of  # noqa: E402
from summary import NAMES, SCALE  # noqa: E402

COLORS = {"floorb": "0.6", "c": "tab:orange", "rust": "tab:blue"}
LICENSE = "<!-- SPDX-License-Identifier: GPL-2.0 -->"
# The same run makes the same files.
plt.rcParams["svg.hashsalt"] = "rnull"


def save(figure, directory, name):
    svg = directory / f"{name}.svg"
    figure.savefig(svg, metadata={"Date": None}, bbox_inches="tight")
    first, rest = svg.read_text().split("\n", 1)
    lines = (line.rstrip() for line in rest.splitlines())
    svg.write_text("\n".join((first, LICENSE, *lines, "")))
    figure.savefig(directory / f"{name}.png", dpi=110, bbox_inches="tight")
    plt.close(figure)


def percent(figure, base):
    """A figure of a ratio as a difference in %, with its error bars."""
    middle = (figure.value / base - 1) * 100
    return middle, middle - (figure.low / base - 1) * 100, (figure.high / base - 1) * 100 - middle


def group_name(cell):
    words = [f"irqmode {cell['irqmode']}", cell["rw"]]
    words += [cell["scheduler"]] if cell.get("scheduler") else []
    words += [word for word in ("memory_backed", "polled") if cell.get(word)]
    return ", ".join(words).replace("_", "-")


def shape(cell):
    return cell["depth"], cell["batch"]


def draw_difference(summary, directory):
    """IOPS relative to null_blk's, by block size and depth: a panel for each kind of cell."""
    groups = {}
    for name, cell in summary.cells.items():
        if cell["kind"] == "icount" and {(name, "rust"), (name, "c")} <= summary.counted.keys():
            groups.setdefault(group_name(cell), []).append(cell)
    if not groups:
        return
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(5 * columns, 3.2 * rows), squeeze=False)
    for axis in axes.flat[len(groups):]:
        axis.set_visible(False)
    for axis, (group, cells) in zip(axes.flat, groups.items(), strict=False):
        difference_panel(axis, group, cells, summary)
    figure.suptitle("IOPS of rnull relative to null_blk, one processor (by instructions)")
    figure.tight_layout()
    save(figure, directory, "difference")


def difference_panel(axis, group, cells, summary):
    sizes = sorted({cell["bs"] for cell in cells}, key=size_of)
    shapes = sorted({shape(cell) for cell in cells})
    width = 0.8 / len(shapes)
    for index, (depth, batch) in enumerate(shapes):
        xs, ys, below, above = [], [], [], []
        for cell in cells:
            if shape(cell) != (depth, batch):
                continue
            ours = summary.counted[cell["name"], "rust"]
            theirs = summary.counted[cell["name"], "c"]
            middle = (theirs.value / ours.value - 1) * 100
            xs.append(sizes.index(cell["bs"]) + (index - (len(shapes) - 1) / 2) * width)
            ys.append(middle)
            below.append(middle - (theirs.low / ours.high - 1) * 100)
            above.append((theirs.high / ours.low - 1) * 100 - middle)
        axis.bar(xs, ys, width, yerr=[below, above], capsize=2, label=f"{depth} / {batch}")
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set_xticks(range(len(sizes)), sizes)
    axis.set_title(group, fontsize=9)
    axis.set_ylabel("%")
    axis.legend(title="depth / batch", fontsize=7, title_fontsize=7)


def draw_own_cost(summary, directory):
    """Instructions per I/O above the floor."""
    cells = [
        name for name, cell in summary.cells.items()
        if cell["kind"] == "icount" and cell["bs"] == "4k" and not cell.get("memory_backed")
        and {(name, "rust"), (name, "c"), (name, "floor")} <= summary.counted.keys()
    ]
    if not cells:
        return
    figure, axis = plt.subplots(figsize=(9, 0.45 * len(cells) + 1.5))
    for index, driver in enumerate(COLORS):
        own = [summary.own(name, driver) or 0 for name in cells]
        axis.barh([y + (index - 1) * 0.27 for y in range(len(cells))], own, 0.27,
                  color=COLORS[driver], label=NAMES[driver])
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(cells)), cells, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel("instructions per I/O above the floor")
    axis.legend(fontsize=8)
    save(figure, directory, "own-cost")


def draw_ratios(figures, title, label, directory, name):
    """Ratios with their intervals, around 1."""
    if not figures:
        return
    figure, axis = plt.subplots(figsize=(8, 0.4 * len(figures) + 1.5))
    for y, ratio in enumerate(figures.values()):
        middle, below, above = percent(ratio, 1.0)
        axis.errorbar([middle], [y], xerr=[[below], [above]], fmt="o", color=COLORS["rust"],
                      capsize=3)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_yticks(range(len(figures)), figures, fontsize=7)
    axis.invert_yaxis()
    axis.set_xlabel(label)
    axis.set_title(title, fontsize=9)
    save(figure, directory, name)


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
        axis.set_xlabel(key.replace("hw_", "hardware "))
        axis.set_ylabel("instructions per I/O")
        if cells:
            axis.legend(fontsize=7)
    figure.tight_layout()
    save(figure, directory, "growth")


def draw(summary, directory):
    draw_difference(summary, directory)
    draw_own_cost(summary, directory)
    draw_growth(summary, directory)
    draw_ratios(summary.smp, "IOPS on several processors, in turn, 95 % interval",
                "rnull's IOPS relative to null_blk's, %", directory, "processors")
    ratios = {c: f for (c, d), f in summary.native_ratio.items() if d == "rust"}
    draw_ratios(ratios, "Time per I/O in user-mode Linux, in turn, 95 % interval",
                "rnull's time relative to null_blk's, %", directory, "native")
