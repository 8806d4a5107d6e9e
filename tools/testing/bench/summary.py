# SPDX-License-Identifier: GPL-2.0
"""From the records of a run to figures: what each cell costs, and which bars are met."""

import stats
from plan import size_of

SCALE = ("devices", "queues")  # kinds of cells that say what a number of things costs
NOISE = 0.005  # spread of the middle half of counted samples above which a run counts as disturbed
STEAL = 0.01  # share of the processors that other machines took, likewise
CROWDED = 0.3  # share of the time in which some program waited for a processor, likewise

NAMES = {"floor": "floor", "floorb": "batched floor", "c": "null_blk", "rust": "rnull"}


class Figure:
    """A value, and an interval around it."""

    def __init__(self, value, low, high):
        self.value, self.low, self.high = value, low, high

    def __repr__(self):
        return f"Figure({self.value}, {self.low}, {self.high})"


class Summary:
    """What the records of a run say."""

    def __init__(self, result):
        self.result = result
        self.cells = {}  # name -> cell, in the order of the plan
        self.counted = {}  # (cell, driver) -> Figure of instructions per I/O
        self.spread = {}  # (cell, driver) -> spread of the samples
        self.batch = {}  # cell -> I/Os per call of queue_rqs on the batched floor
        self.busy = {}  # (cell, driver) -> share of the time in which fio ran
        self.skipped = {}  # (cell, driver) -> why
        self.smp = {}  # cell -> Figure of the IOPS of rust over those of c
        self.iops = {}  # (cell, driver) -> median IOPS
        self.native = {}  # (cell, driver) -> Figure of ns per I/O
        self.native_ratio = {}  # (cell, driver) -> Figure of its time over c's
        self.created = {}  # (driver, devices) -> medians of create_ns, remove_ns, bytes
        self.paths = {}  # (cell, driver) -> the record of its path
        self.request_data = {}  # (cell, driver) -> bytes that the driver keeps with a request
        self.notes = []
        self.read(result["records"])

    def read(self, records):
        samples, calls, pairs, turns, created = {}, {}, {}, {}, {}
        for record in records:
            match record["record"]:
                case "cell":
                    self.cells[record["cell"]["name"]] = record["cell"]
                case "sample":
                    key = record["cell"], record["driver"]
                    samples.setdefault(key, []).append(record)
                case "skip":
                    self.skipped[record["cell"], record["driver"]] = record["reason"]
                case "pair":
                    pairs.setdefault(record["cell"], []).append(record["iops"])
                case "turn":
                    turns.setdefault(record["cell"], []).append(record["ns_per_io"])
                case "create":
                    key = record["driver"], record["devices"]
                    created.setdefault(key, []).append(record)
                case "path":
                    self.paths[record["cell"], record["driver"]] = record
                case "request_data":
                    self.request_data[record["cell"], record["driver"]] = record["bytes"]
                case "note":
                    self.notes.append(f"{record['cell']}: {record['note']}")
                case "host":
                    self.read_host(record)
        for key, list_ in samples.items():
            self.read_samples(key, list_, calls)
        for cell, list_ in pairs.items():
            self.smp[cell] = Figure(*stats.ratios([(p["rust"], p["c"]) for p in list_]))
            for driver in ("c", "rust"):
                self.iops[cell, driver] = stats.median([p[driver] for p in list_])
        for cell, list_ in turns.items():
            for driver in list_[0]:
                values = [turn[driver] for turn in list_]
                self.native[cell, driver] = Figure(
                    stats.median(values), *stats.median_interval(values)
                )
                ratio = stats.ratios([(turn[driver], turn["c"]) for turn in list_])
                self.native_ratio[cell, driver] = Figure(*ratio)
        for key, list_ in created.items():
            self.created[key] = {
                what: stats.median([record[what] for record in list_])
                for what in ("create_ns", "remove_ns", "bytes")
            }

    def read_host(self, record):
        if record["steal"] > STEAL:
            share = f"{record['steal']:.1%} of the processors (steal time)"
            self.notes.append(f"{record['part']}: other machines took {share}")
        if record["waited"] > CROWDED:
            share = f"{record['waited']:.0%} of the time"
            self.notes.append(f"{record['part']}: programs had to wait for a processor {share}")

    def read_samples(self, key, list_, calls):
        # The first interval still warms up: caches of the kernel's allocators fill in it.
        list_ = list_[1:] or list_
        values = [sample["ns"] / sample["ios"] for sample in list_]
        # A reading comes anywhere in a batch. Over all samples, that hardly matters.
        total = sum(sample["ns"] for sample in list_) / sum(sample["ios"] for sample in list_)
        low, high = stats.quartiles(values)
        self.counted[key] = Figure(total, min(low, total), max(high, total))
        self.spread[key] = stats.spread(values)
        self.busy[key] = stats.median([s["ns"] / s["elapsed_ns"] for s in list_])
        made = sum(sample.get("batch_calls", 0) for sample in list_)
        if made:
            self.batch[key[0]] = sum(sample["ios"] for sample in list_) / made
        if self.spread[key] > NOISE:
            self.notes.append(
                f"{key[0]}: {NAMES[key[1]]}: samples differ by {self.spread[key]:.2%}"
            )

    def own(self, cell, driver, copied=True):
        """Instructions per I/O above the floor; None if there are none.

        With `copied` false, less the bytes that were copied, which count as instructions.
        """
        figure, floor = self.counted.get((cell, driver)), self.counted.get((cell, "floor"))
        if not figure or not floor:
            return None
        own = figure.value - floor.value
        return own if copied else own - size_of(self.cells[cell]["bs"])


# ---------------------------------------------------------------------- bars


class Bar:
    """A bar, and for each cell that it is about, what was wanted, what was got, and whether."""

    def __init__(self, text):
        self.text = text
        self.rows = []  # (cell, wanted, got, met); met is None if it could not be measured

    def add(self, cell, wanted, got, met):
        self.rows.append((cell, wanted, got, met))

    @property
    def met(self):
        """None if nothing was measured."""
        known = [met for *_, met in self.rows if met is not None]
        return all(known) if known else None


# From requests of this size on, the block layer holds none back to hand over several.
PLUG_FLUSH_SIZE = 128 << 10


def sleeps(cell):
    """Whether the submitter has nothing to do while a timer runs, and each I/O wakes it."""
    return cell["irqmode"] in (2, 3) and cell["depth"] == 1


def comes_in_batches(cell):
    return cell["batch"] >= 16 and size_of(cell["bs"]) < PLUG_FLUSH_SIZE


def bars(summary):
    counted = [cell for cell in summary.cells.values() if cell["kind"] == "icount"]
    plain = [c for c in counted if not (c.get("memory_backed") or c.get("polled"))]
    unscheduled = [c for c in plain if not c.get("scheduler")]
    yield share_of_c(
        summary, "irqmode 0, one at a time: own cost at most 0.30 of null_blk's",
        [c for c in plain if c["irqmode"] == 0 and c["batch"] == 1], 0.30,
    )
    yield share_of_c(
        summary, "irqmode 1: own cost at most 0.5 of null_blk's",
        [c for c in plain if c["irqmode"] == 1], 0.5,
    )
    yield near_batched_floor(
        summary, [c for c in unscheduled if c["irqmode"] == 0 and comes_in_batches(c)]
    )
    yield share_of_c(
        summary, "irqmode 2: own cost at most 0.9 of null_blk's",
        [c for c in unscheduled if c["irqmode"] == 2 and not sleeps(c)], 0.9,
    )
    yield share_of_c(
        summary, "irqmode 3, batches of 16: own cost at most null_blk's in irqmode 1",
        [c for c in unscheduled if c["irqmode"] == 3 and comes_in_batches(c)], 1.0,
    )
    yield share_of_c(
        summary,
        "memory-backed, 4k and 64k: own cost less the bytes copied at most 0.6 of null_blk's",
        [c for c in counted if c.get("memory_backed") and c["bs"] in ("4k", "64k")
         and c["batch"] == 1],
        0.6, copied=False,
    )
    yield share_of_c(
        summary, "polled, 64 deep in batches of 16: below null_blk's",
        [c for c in counted if c.get("polled") and c["batch"] == 16], 1.0,
    )
    yield not_slower(summary.smp, "several processors: no IOPS ratio to null_blk below 1.0")
    yield not_slower(
        {
            cell: Figure(1 / figure.value, 1 / figure.high, 1 / figure.low)
            for (cell, driver), figure in summary.native_ratio.items()
            if driver == "rust"
        },
        "native time: no ratio of speed to null_blk below 1.0",
    )
    yield from growth(summary)
    yield locks(summary)
    yield request_data(summary)
    yield features_off(summary)


def share_of_c(summary, text, cells, share, copied=True):
    bar = Bar(text)
    for cell in cells:
        name = cell["name"]
        ours, theirs = (summary.own(name, driver, copied) for driver in ("rust", "c"))
        if ours is None or theirs is None:
            bar.add(name, "", why_not(summary, name), None)
            continue
        # Own costs can be below the floor; a share of what is below zero asks for more.
        limit = theirs * share if theirs >= 0 else theirs
        got = f"{ours:.0f} of {theirs:.0f}"
        if theirs > 0:
            got += f" ({ours / theirs:.2f})"
        bar.add(name, f"{limit:.0f}", got, ours <= limit)
    return bar


def why_not(summary, name):
    for driver in ("all", "rust", "c", "floor"):
        if reason := summary.skipped.get((name, driver)):
            return f"{NAMES.get(driver, driver)}: {reason}"
    return "not measured"


def near_batched_floor(summary, cells):
    bar = Bar("irqmode 0, batches of 16 and more: within 30 of the batched floor")
    for cell in cells:
        name = cell["name"]
        ours, floor = summary.own(name, "rust"), summary.own(name, "floorb")
        if ours is None or floor is None:
            bar.add(name, "", why_not(summary, name), None)
        else:
            got = f"{ours:.0f} (batches of {summary.batch.get(name, 0):.1f})"
            batched = summary.batch.get(name, 0) >= 0.9 * cell["batch"]
            bar.add(name, f"{floor + 30:.0f}", got, ours <= floor + 30 and batched)
    return bar


def not_slower(figures, text):
    bar = Bar(text)
    for name, figure in figures.items():
        got = f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
        bar.add(name, "1.0", got, figure.high >= 1.0)
    return bar


def growth(summary):
    """A driver's own growth is what grows beyond the floor, from the first to the last."""
    for key in ("devices", "hw_queues"):
        bar = Bar(f"cost per I/O does not grow with the number of {key.replace('_', ' ')}")
        groups = {}
        for cell in summary.cells.values():
            if cell["kind"] in SCALE and key in cell:
                groups.setdefault((cell["depth"], cell["batch"]), []).append(cell)
        for cells in groups.values():
            cells = [c for c in cells if summary.own(c["name"], "rust") is not None]
            if len(cells) < 2:
                continue
            first, last = cells[0]["name"], cells[-1]["name"]
            floor = "floorb" if cells[0]["batch"] > 1 else "floor"
            ours, base = (
                summary.counted[last, driver].value - summary.counted[first, driver].value
                for driver in ("rust", floor)
            )
            bar.add(f"{first} to {cells[-1][key]}", f"{base:+.0f} (floor's)", f"{ours:+.0f}",
                    ours <= base + 10)
        yield bar


def locks(summary):
    """In irqmode 3 the right to end a request has to be claimed, which C does not do."""
    bar = Bar("locked instructions on the path: no more than null_blk's, in irqmode 3 three more")
    for (name, driver), path in summary.paths.items():
        theirs = summary.paths.get((name, "c"))
        if driver != "rust" or not theirs:
            continue
        cell = summary.cells[name]
        extra = 3 if cell["irqmode"] == 3 else 0
        if extra and sleeps(cell):
            # Null_blk has nothing to compare with: in irqmode 1 nobody sleeps.
            bar.add(name, "", f"{path['locks']:.2f}: the submitter sleeps", None)
            continue
        # What is in flight when a trace begins and when it ends need not be as much.
        bar.add(name, f"{theirs['locks'] + extra:.2f}", f"{path['locks']:.2f}",
                path["locks"] <= theirs["locks"] + extra + 0.05)
    return bar


def request_data(summary):
    bar = Bar("data with each request: no larger than null_blk's")
    for (name, driver), size in summary.request_data.items():
        theirs = summary.request_data.get((name, "c"))
        if driver == "rust" and theirs is not None:
            bar.add(name, theirs, size, size <= theirs)
    return bar


def features_off(summary):
    """The driver's own instructions, with all its options built in, and without them."""
    bar = Bar("all options built in, features off: not one instruction more in the driver")
    for (name, driver), path in summary.paths.items():
        without = summary.paths.get((name.removesuffix(", all options"), driver))
        if driver == "rust" and name.endswith(", all options") and without:
            ours, theirs = path["driver_instructions"], without["driver_instructions"]
            # Batches at the ends of a trace are not whole.
            bar.add(name, f"{theirs:.1f}", f"{ours:.1f}", ours <= theirs + 0.2)
    return bar
