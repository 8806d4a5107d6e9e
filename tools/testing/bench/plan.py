#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Print the plan of a part of `make bench'.

    plan.py PART [--full] [--cells REGEX] > PLAN

A plan is the list of cells that one guest measures. The name of a cell contains all of its
properties, and identifies it when runs are compared. Exit 1 if no cell matches.
"""

import argparse
import json
import re
import sys

DRIVERS = ["floor", "floorb", "c", "rust"]
PEERS = ["floorbio", "brd"]  # bio-based: the floor of brd, and brd

# I/Os in a sample: 50 to 150 million instructions.
IOS = {"4k": 8000, "32k": 6000, "64k": 5000, "256k": 4800, "1M": 2400, "16M": 160}
SAMPLES = 5  # of each cell and driver
SAMPLES_FULL = 3  # likewise with FULL=1, which has many more cells
LEFT_OUT = 1  # additional samples at the start, in which caches fill
COMPLETION_NSEC = 1000  # the shortest time that a clock event can be programmed for
CREATED = [1, 16, 256]  # numbers of devices to create and remove
CREATED_QUEUED = 8  # likewise, with each number of hardware queues
BLOCK_SIZES = ("4k", "32k", "256k", "1M", "16M")
AREA = "64M"  # the part of a memory-backed device that is read and written
SIZE_MIB = 256  # of a memory-backed device
# null_blk transfers one block at a time, and by default a page has eight blocks.
MEMORY = ({"memory_backed": 1}, {"memory_backed": 1, "blocksize": 4096})
# Size of the I/Os of the cells with brd -> depth and batch of those in batches.
BATCHED = {"4k": (64, 16), "64k": (16, 4)}


def size_of(text):
    return int(text[:-1]) << {"k": 10, "M": 20}[text[-1]]


def shape_name(depth, batch):
    return f"{depth} deep, {batch} at once" if batch > 1 else f"{depth} deep"


def cell(rw="randread", bs="4k", depth=1, batch=1, irqmode=0, **more):
    """A cell of the counted matrix."""
    cell = {
        "rw": rw,
        "bs": bs,
        "depth": depth,
        "batch": batch,
        "irqmode": irqmode,
        # The two floors only differ in batches. The block layer dispatches requests of 16M one by
        # one; the cells of 1M show the same.
        "drivers": [driver for driver in DRIVERS
                    if driver != "floorb" or batch > 1 and bs != "16M"],
        "ios": IOS[bs],
        "warm_up": max(IOS[bs] // 8, 2 * depth),
        "samples": SAMPLES + LEFT_OUT,
        **more,
    }
    words = [f"irqmode {irqmode}", rw, bs, shape_name(depth, batch)]
    if irqmode in (2, 3):
        cell["completion_nsec"] = COMPLETION_NSEC
    if irqmode == 3:
        # C null_blk has no irqmode 3; completion by IPI comes closest.
        cell["c"] = {"irqmode": 1}
    if cell.get("scheduler"):
        words.append(cell["scheduler"])
    if cell.get("memory_backed"):
        cell["size_mib"] = SIZE_MIB
        cell["area"] = AREA
        words.append("memory-backed")
    if cell.get("blocksize"):
        words.append(f"blocksize {cell['blocksize']}")
    if cell.get("polled"):
        words.append("polled")
    if cell.get("memory_backed") or cell.get("polled"):
        # Copying a byte is one instruction. The block layer does not poll an I/O that it splits,
        # and io_uring spins until that has ended.
        cell["ios"] = max(16, min(IOS[bs], 100_000_000 // size_of(bs)))
        cell["warm_up"] = max(16, depth)
    for key in ("hw_queues", "devices"):
        if key in cell:
            words.append(f"{cell[key]} {key.replace('_', ' ')}")
    cell["name"] = ", ".join(words)
    return cell


def beside_brd(cell):
    """The cell with brd as a peer, if it has blocks of a page, as brd has, and a threshold."""
    if cell["bs"] in BATCHED and cell.get("blocksize") == 4096:
        cell["drivers"] = [*cell["drivers"], *PEERS]
    return cell


def batched_beside_brd(rw):
    for bs, shape in BATCHED.items():
        yield beside_brd(cell(rw, bs, *shape, **MEMORY[1]))


def short_cells():
    for bs in BLOCK_SIZES:
        yield cell(bs=bs)
    yield cell(rw="randwrite")
    for depth, batch in ((32, 16), (64, 16), (128, 32)):
        yield cell(depth=depth, batch=batch)
    yield cell(bs="32k", depth=64, batch=16)
    yield cell(rw="randwrite", depth=64, batch=16)
    yield cell(scheduler="mq-deadline")
    yield cell(scheduler="mq-deadline", depth=64, batch=16)
    yield cell(irqmode=1)
    yield cell(irqmode=1, rw="randwrite")
    yield cell(irqmode=1, depth=64, batch=16)
    yield cell(irqmode=2, depth=32)
    yield cell(irqmode=2, depth=64, batch=16)
    yield cell(irqmode=3)
    yield cell(irqmode=3, depth=32)
    yield cell(irqmode=3, depth=64, batch=16)
    for rw in ("randread", "randwrite"):
        for bs in ("4k", "64k"):
            for more in MEMORY:
                yield beside_brd(cell(rw=rw, bs=bs, **more))
        yield from batched_beside_brd(rw)
    yield cell(depth=64, batch=16, polled=True)


SHAPES = ((1, 1), (8, 8), (32, 16), (64, 16), (128, 32))


def shapes_of(bs):
    """Few shapes for 16M, because fio takes half a minute to allocate gigabytes of buffers."""
    return [(depth, batch) for depth, batch in SHAPES if bs != "16M" or depth != 64]


def full_cells():
    for irqmode in (0, 1, 2, 3):
        for scheduler in ("none", "mq-deadline"):
            more = {} if scheduler == "none" else {"scheduler": scheduler}
            for rw in ("randread", "randwrite"):
                for bs in BLOCK_SIZES:
                    for depth, batch in shapes_of(bs):
                        yield cell(rw, bs, depth, batch, irqmode, **more)
    for rw in ("randread", "randwrite"):
        for irqmode in (2, 3):
            yield cell(rw, depth=32, irqmode=irqmode)
        for bs in (*BLOCK_SIZES, "64k"):
            for depth, batch in shapes_of(bs):
                for more in MEMORY:
                    yield beside_brd(cell(rw, bs, depth, batch, **more))
        yield from batched_beside_brd(rw)
        for bs in BLOCK_SIZES:
            for depth, batch in shapes_of(bs):
                yield cell(rw, bs, depth, batch, polled=True)


# ------------------------------------------------------------- other kinds


def smp_cells(full):
    """Cells on several processors: times of the drivers in turn."""
    for irqmode in (0, 1, 2):
        for depth, batch in ((1, 1), (64, 16)) if full else ((64, 16),):
            for queues in (1, 2) if full else (1,):
                for bs in ("4k", "32k") if full else ("4k",):
                    for jobs in (1, 2):
                        yield smp_cell(irqmode, depth, batch, queues, bs, jobs, full)


def smp_cell(irqmode, depth, batch, queues, bs, jobs, full):
    words = [f"irqmode {irqmode}", f"randread {bs}", shape_name(depth, batch), f"{jobs} jobs"]
    if queues > 1:
        words.append(f"{queues} hw queues")
    return {
        "name": ", ".join(words),
        "rw": "randread",
        "bs": bs,
        "depth": depth,
        "batch": batch,
        "irqmode": irqmode,
        "completion_nsec": 10_000,
        "jobs": jobs,
        "hw_queues": queues,
        "drivers": ["c", "rust"],
        # Fewer rounds give no 95 % interval.
        "rounds": 6,
        "pairs": 8 if full else 5,
        "interval_ms": 250,
    }


def scaling_cells(full):
    """Cells on two processors: times of one job and of two on the same device, in turn."""
    for rw in ("randread", "randwrite"):
        for bs in ("4k", "64k"):
            yield {
                "name": f"irqmode 0, {rw} {bs}, 16 deep, memory-backed, 1 and 2 jobs",
                "rw": rw,
                "bs": bs,
                "depth": 16,
                "batch": 1,
                "irqmode": 0,
                **MEMORY[1],
                "size_mib": SIZE_MIB,
                "area": AREA,
                "drivers": ["c", "rust", "brd"],
                # Samples of one run agree more than those of two. So there are many short runs.
                "rounds": 15 if full else 8,
                "pairs": 1,
                "interval_ms": 1000,
            }


def contention_cells(full):
    """The cells of "scaling" with two jobs, on a kernel with statistics of locks."""
    for one in scaling_cells(full):
        one.update(name=one["name"].replace("1 and 2 jobs", "2 jobs, contention"), jobs=2,
                   drivers=["c", "rust"], seconds=3)
        yield one


def devices_cells(full):
    """Counted cells with different numbers of devices."""
    for depth, batch in ((1, 1), (64, 16)) if full else ((64, 16),):
        for number in (1, 64, 256):
            yield cell(depth=depth, batch=batch, devices=number)


def queues_cells(full):
    """Counted cells with different numbers of hardware queues."""
    for depth, batch in ((1, 1), (64, 16)) if full else ((64, 16),):
        for queues in numbers_of_queues(full):
            yield cell(depth=depth, batch=batch, hw_queues=queues)


def numbers_of_queues(full):
    return (1, 2, 4, 8, 16, 32) if full else (1, 8)


def created(part, full):
    """The sets of devices to create and remove."""
    match part:
        case "devices":
            return [{"devices": number} for number in CREATED]
        case "queues":
            # A device with one queue gets an I/O scheduler, which takes longer to create.
            return [{"devices": CREATED_QUEUED, "hw_queues": max(queues, 2)}
                    for queues in numbers_of_queues(full) if queues != 2]
    return []


def shapes_traced(irqmode):
    """With a timer and one I/O at a time, the submitter sleeps; at a depth of 32 it never does."""
    if irqmode in (2, 3):
        return (1, 1), (32, 1), (64, 16)
    return (1, 1), (64, 16)


def path_cells(full):
    """Traced cells, for the path of a request."""
    for irqmode in (0, 1, 2, 3):
        for depth, batch in shapes_traced(irqmode):
            traced = cell(depth=depth, batch=batch, irqmode=irqmode)
            yield renamed_one(traced, "traced")
    for rw in ("randread", "randwrite"):
        yield renamed_one(cell(rw, **MEMORY[1]), "traced")


def features_cells(full):
    """The traced cells on a kernel with all options of the drivers."""
    yield from renamed(path_cells(full), "all options")


def bare_cells(full):
    """The traced cells on a kernel with no options of the drivers."""
    yield from renamed(path_cells(full), "no options")


def renamed(cells, suffix):
    for one in cells:
        yield renamed_one(one, suffix)


def renamed_one(cell, suffix):
    return {**cell, "name": f"{cell['name']}, {suffix}"}


def counted_cells(full, rw=None):
    for one in full_cells() if full else short_cells():
        if rw in (None, one["rw"]):
            yield one


PARTS = {
    "path": path_cells,
    "features": features_cells,
    "bare": bare_cells,
    "counted": counted_cells,
    "counted-reads": lambda full: counted_cells(full, "randread"),
    "counted-writes": lambda full: counted_cells(full, "randwrite"),
    "smp": smp_cells,
    "scaling": scaling_cells,
    "contention": contention_cells,
    "devices": devices_cells,
    "queues": queues_cells,
}


def main():
    parser = argparse.ArgumentParser(description="Print the plan of a part of `make bench'.")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--cells", default="", help="regular expression for the names of cells")
    parser.add_argument("--samples", type=int, help="number of samples of a counted cell")
    args = parser.parse_args()
    samples = args.samples or (SAMPLES_FULL if args.full else SAMPLES)
    seen = {}
    for one in PARTS[args.part](args.full):
        if re.search(args.cells, one["name"]):
            if "samples" in one:
                one["samples"] = samples + LEFT_OUT
            seen.setdefault(one["name"], one)
    if not seen:
        return 1
    kind = "icount" if args.part.startswith("counted") else args.part
    plan = {"kind": kind, "cells": list(seen.values())}
    if not args.cells:
        plan["create"] = created(args.part, args.full)
    print(json.dumps(plan, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
