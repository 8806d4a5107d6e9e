# SPDX-License-Identifier: GPL-2.0
"""Compute figures from the records of a run: costs of the cells, and verdicts on thresholds."""

from statistics import median

import stats
from contention import CONTROL
from plan import size_of

SCALE = ("devices", "queues")  # kinds of cells that vary the number of devices or queues
NOISE = 0.005  # least spread of counted samples that gets a note
STEAL = 0.01  # least share of the processors taken by other machines that gets a note
CROWDED = 0.3  # least share of the time with programs waiting for a processor that gets a note
BUSY = 0.95  # a submitter that runs for this share of the time never idles

NAMES = {"floor": "floor", "floorb": "batched floor", "floorbio": "bio floor", "brd": "brd",
         "c": "null_blk", "rust": "rnull"}


class Figure:
    """A value, and an interval around it."""

    def __init__(self, value, low, high):
        self.value, self.low, self.high = value, low, high

    def __sub__(self, other):
        return Figure(self.value - other.value, self.low - other.high, self.high - other.low)

    def __add__(self, number):
        return Figure(self.value + number, self.low + number, self.high + number)

    def __mul__(self, factor):
        """Multiply by a factor that is not negative."""
        return Figure(self.value * factor, self.low * factor, self.high * factor)

    def __repr__(self):
        return f"Figure({self.value}, {self.low}, {self.high})"


class Summary:
    """The figures of a run, from its records."""

    def __init__(self, result):
        self.result = result
        self.cells = {}  # name -> cell, in the order of the plan
        self.counted = {}  # (cell, driver) -> Figure of instructions per I/O
        self.spread = {}  # (cell, driver) -> spread of the samples
        self.batch = {}  # cell -> I/Os per call of queue_rqs on the batched floor
        self.busy = {}  # (cell, driver) -> share of the time in which fio ran
        self.skipped = {}  # (cell, driver) -> the reason
        self.smp = {}  # cell -> Figure of the IOPS of rust over those of c
        self.iops = {}  # (cell, driver) -> median IOPS; with "scaling" (cell, driver and jobs)
        self.scaling = {}  # (cell, driver) -> Figure of the IOPS of two jobs over those of one
        self.scaling_ratio = {}  # (cell, peer) -> Figure of that of rust over that of the peer
        self.two_jobs = {}  # cell -> Figure of the IOPS of rust over those of c, with two jobs
        self.contention = {}  # (cell, driver) -> the record of its locks
        self.native = {}  # (cell, driver) -> Figure of ns per I/O
        self.native_ratio = {}  # (cell, driver) -> Figure of its time over c's
        # (driver, devices, hardware queues if asked for) -> medians of create_ns, remove_ns, bytes
        self.created = {}
        self.paths = {}  # (cell, driver) -> the record of its path
        self.request_data = {}  # (cell, driver) -> bytes that the driver keeps with a request
        self.notes = []
        self.read(result["records"])

    def read(self, records):
        samples, pairs, jobs, turns, created = {}, {}, {}, {}, {}
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
                    pairs.setdefault(record["cell"], []).append(record)
                case "jobs":
                    jobs.setdefault(record["cell"], []).append(record)
                case "contention":
                    self.contention[record["cell"], record["driver"]] = record
                case "turn":
                    turns.setdefault(record["cell"], []).append(record["ns_per_io"])
                case "create":
                    key = record["driver"], record["devices"], record.get("hw_queues")
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
            self.read_samples(key, list_)
        self.note_spread()
        for cell, list_ in self.whole(pairs):
            self.smp[cell] = Figure(*stats.ratios_in_rounds(
                [(p["round"], p["iops"]["rust"], p["iops"]["c"]) for p in list_]
            ))
            for driver in ("c", "rust"):
                self.iops[cell, driver] = median([p["iops"][driver] for p in list_])
        for cell, list_ in self.whole(jobs):
            self.read_jobs(cell, list_)
        for cell, list_ in turns.items():
            for driver in list_[0]:
                values = [turn[driver] for turn in list_]
                self.native[cell, driver] = Figure(
                    median(values), *stats.median_interval(values)
                )
                ratio = stats.ratios([(turn[driver], turn["c"]) for turn in list_])
                self.native_ratio[cell, driver] = Figure(*ratio)
        for key, list_ in created.items():
            self.created[key] = {
                what: median([record[what] for record in list_])
                for what in ("create_ns", "remove_ns", "bytes")
            }

    def whole(self, records):
        """The cells that have all of their rounds: with fewer there is no 95 % interval yet."""
        for cell, list_ in records.items():
            if len({one["round"] for one in list_}) >= self.cells.get(cell, {}).get("rounds", 0):
                yield cell, list_

    def read_jobs(self, cell, list_):
        def ratio(value):
            """Figure of this value of rust over that of a peer, or just of the value."""
            return Figure(*stats.ratios_in_rounds(
                [(one["round"], *value(one["iops"])) for one in list_]
            ))

        for name in list_[0]["iops"]:
            self.iops[cell, name] = median([one["iops"][name] for one in list_])
        for driver in dict.fromkeys(name.split()[0] for name in list_[0]["iops"]):
            self.scaling[cell, driver] = ratio(
                lambda iops, d=driver: (iops[f"{d} 2"], iops[f"{d} 1"])
            )
            self.scaling_ratio[cell, driver] = ratio(
                lambda iops, d=driver: (iops["rust 2"] / iops["rust 1"],
                                        iops[f"{d} 2"] / iops[f"{d} 1"])
            )
        self.two_jobs[cell] = ratio(lambda iops: (iops["rust 2"], iops["c 2"]))

    def read_host(self, record):
        if record["steal"] > STEAL:
            share = f"{record['steal']:.1%} of the processors (steal time)"
            self.notes.append(f"{record['part']}: other machines took {share}")
        if record["waited"] > CROWDED:
            share = f"{record['waited']:.0%} of the time"
            self.notes.append(f"{record['part']}: programs had to wait for a processor {share}")

    def read_samples(self, key, list_):
        # The first sample still warms up: it fills the caches of the kernel's allocators.
        list_ = list_[1:] or list_
        values = [sample["ns"] / sample["ios"] for sample in list_]
        cell = self.cells.get(key[0], {})
        if cell.get("batch", 1) > 1:
            # A sample may start and end within a batch. Over all samples that hardly matters.
            value = sum(sample["ns"] for sample in list_) / sum(sample["ios"] for sample in list_)
        else:
            # The median ignores a sample that is off by a percent, as happens now and then.
            value = median(values)
        low, high = stats.quartiles(values)
        self.counted[key] = Figure(value, min(low, value), max(high, value))
        self.spread[key] = stats.spread(values)
        self.busy[key] = median([s["ns"] / s["elapsed_ns"] for s in list_])
        made = sum(sample.get("batch_calls", 0) for sample in list_)
        if made:
            self.batch[key[0]] = sum(sample["ios"] for sample in list_) / made

    def note_spread(self):
        """Add one note if samples differ. Those of large I/Os do, because their memory does."""
        wide = {key: spread for key, spread in self.spread.items() if spread > NOISE}
        if wide:
            most = max(wide, key=wide.get)
            self.notes.append(
                f"samples differ by more than {NOISE:.1%} in {len(wide)} of {len(self.spread)} "
                f"figures, most with {NAMES[most[1]]} in {most[0]}: {wide[most]:.2%}"
            )

    def own(self, cell, driver, floor="floor"):
        """Figure of the instructions per I/O above the floor; None if there are none."""
        figure, floor = self.counted.get((cell, driver)), self.counted.get((cell, floor))
        return figure - floor if figure and floor else None


# ---------------------------------------------------------------------- thresholds


UNDECIDED = "undecided"  # the cell misses it by less than the samples differ
VERDICT = {True: "met", False: "MISSED", UNDECIDED: UNDECIDED, None: "not measured"}


class Threshold:
    """A threshold, with a row for each of its cells."""

    def __init__(self, text):
        self.text = text
        # (cell, wanted, got, met); met is True, False, UNDECIDED, or None if it was not measured.
        self.rows = []

    def add(self, cell, wanted, got, met):
        self.rows.append((cell, wanted, got, met))

    @property
    def met(self):
        return worst(met for *_, met in self.rows)


def worst(verdicts):
    """The worst verdict: False, UNDECIDED, None or True."""
    verdicts = set(verdicts)
    for one in (False, UNDECIDED, None):
        if one in verdicts:
            return one
    return True if verdicts else None


# The block layer flushes its plug at requests of this size, so larger ones are not batched.
PLUG_FLUSH_SIZE = 128 << 10


def sleeps(cell):
    """True if the submitter sleeps until a timer completes its only I/O."""
    return cell["irqmode"] in (2, 3) and cell["depth"] == 1


def comes_alone(cell):
    """True if the block layer dispatches one request at a time, as it does from a scheduler."""
    return (cell["batch"] == 1 or size_of(cell["bs"]) >= PLUG_FLUSH_SIZE
            or bool(cell.get("scheduler")))


def floor_of(cell, driver):
    """The floor of a driver: rnull has queue_rqs like the batched floor, and brd is bio-based."""
    if driver == "brd":
        return "floorbio"
    return "floor" if comes_alone(cell) else "floorb"


def comes_in_batches(cell):
    return cell["batch"] >= 16 and not comes_alone(cell)


def thresholds(summary):
    counted = [cell for cell in summary.cells.values() if cell["kind"] == "icount"]
    plain = [c for c in counted if not (c.get("memory_backed") or c.get("polled"))]
    yield share_of_c(
        summary, "irqmode 0, one at a time: own cost at most 0.30 of null_blk's",
        [c for c in plain if c["irqmode"] == 0 and comes_alone(c)], 0.30,
    )
    yield share_of_c(
        summary, "irqmode 1: own cost at most 0.5 of null_blk's",
        [c for c in plain if c["irqmode"] == 1], 0.5,
    )
    yield near_batched_floor(
        summary, [c for c in plain if c["irqmode"] == 0 and comes_in_batches(c)]
    )
    yield share_of_c(
        summary, "irqmode 2: own cost at most 0.9 of null_blk's",
        [c for c in plain if c["irqmode"] == 2 and not sleeps(c)], 0.9,
    )
    yield share_of_c(
        summary, "irqmode 3, batches of 16: own cost at most null_blk's in irqmode 1",
        [c for c in plain if c["irqmode"] == 3 and comes_in_batches(c)], 1.0,
    )
    yield share_of_c(
        summary,
        "memory-backed, 4k and 64k: own cost less the bytes copied at most 0.6 of null_blk's",
        [c for c in counted if c.get("memory_backed") and c["bs"] in ("4k", "64k")],
        0.6, copied=False,
    )
    beside_brd = [c for c in counted if "brd" in c["drivers"]]
    yield total_of_brd(summary, [c for c in beside_brd if c["bs"] == "64k" and c["batch"] > 1])
    yield own_of_brd(summary, beside_brd)
    yield share_of_c(
        summary, "polled, 64 deep in batches of 16: below null_blk's",
        [c for c in counted if c.get("polled") and c["batch"] == 16 and comes_in_batches(c)], 1.0,
    )
    yield not_slower(
        {
            name: summary.smp.get(name)
            for name, cell in summary.cells.items() if cell["kind"] == "smp"
        },
        "several processors: no IOPS ratio to null_blk below 1.0",
    )
    yield from scaling(summary)
    yield contention(summary)
    yield not_slower(
        {
            cell: Figure(1 / figure.value, 1 / figure.high, 1 / figure.low)
            for (cell, driver), figure in summary.native_ratio.items()
            if driver == "rust"
        },
        "native time: no ratio of speed to null_blk below 1.0",
    )
    yield from growth(summary)
    yield creation(summary)
    yield creation_queued(summary)
    yield locks(summary)
    yield request_data(summary)
    yield features_off(summary)
    yield module_size(summary)


def judged(summary):
    """Cell -> its worst verdict, for the cells of all thresholds."""
    verdicts = {}
    for threshold in thresholds(summary):
        for cell, *_, met in threshold.rows:
            verdicts.setdefault(cell, []).append(met)
    return {cell: worst(of) for cell, of in verdicts.items()}


def share_of_c(summary, text, cells, share, copied=True):
    threshold = Threshold(text)
    for cell in cells:
        name = cell["name"]
        ours, theirs = summary.own(name, "rust"), summary.own(name, "c")
        if ours is None or theirs is None:
            threshold.add(name, "", why_not(summary, name), None)
            continue
        if not copied:
            ours, theirs = (less_copied(figure, cell) for figure in (ours, theirs))
        if cell["irqmode"] in (2, 3) and summary.busy[name, "rust"] < BUSY:
            busy = f"the processor idles, {summary.busy[name, 'rust']:.0%} busy"
            threshold.add(name, "", busy, None)
            continue
        # An own cost can be negative, and a share of it would be a higher limit.
        limit = theirs * share if theirs.value >= 0 else theirs
        got = f"{ours.value:.0f} of {theirs.value:.0f}"
        if theirs.value > 0:
            got += f" ({ours.value / theirs.value:.2f})"
        threshold.add(name, f"{limit.value:.0f}", got, verdict(ours - limit))
    return threshold


def verdict(excess):
    """The verdict on the excess of a figure over its limit."""
    if excess.value <= 0:
        return True
    return False if excess.low > 0 else UNDECIDED


def why_not(summary, name):
    for driver in ("all", "rust", "c", "brd", "floor"):
        if reason := summary.skipped.get((name, driver)):
            return f"{NAMES.get(driver, driver)}: {reason}"
    return "not measured"


def total_of_brd(summary, cells):
    threshold = Threshold("compared with brd, 64k in batches: instructions per I/O not above brd's")
    for cell in cells:
        name = cell["name"]
        ours, theirs = (summary.counted.get((name, driver)) for driver in ("rust", "brd"))
        if ours is None or theirs is None:
            threshold.add(name, "", why_not(summary, name), None)
        else:
            threshold.add(name, f"{theirs.value:.0f}", f"{ours.value:.0f}", verdict(ours - theirs))
    return threshold


def less_copied(figure, cell):
    """The figure less the bytes copied: copying a byte is one instruction."""
    return figure + -size_of(cell["bs"])


def uncopied(summary, cell, driver):
    """Figure of the instructions above the driver's own floor, less the bytes copied, or None."""
    own = summary.own(cell["name"], driver, floor_of(cell, driver))
    return own and less_copied(own, cell)


def own_of_brd(summary, cells):
    """What rnull costs above brd must be what its floor costs above brd's: blk-mq."""
    threshold = Threshold("compared with brd: own cost not above brd's")
    for cell in cells:
        name = cell["name"]
        ours, theirs = (uncopied(summary, cell, driver) for driver in ("rust", "brd"))
        if ours is None or theirs is None:
            threshold.add(name, "", why_not(summary, name), None)
            continue
        above = summary.counted[name, "rust"].value - summary.counted[name, "brd"].value
        blk_mq = (summary.counted[name, floor_of(cell, "rust")].value
                  - summary.counted[name, "floorbio"].value)
        got = f"{ours.value:.0f} (in all {above:+.0f} to brd, of which blk-mq {blk_mq:+.0f})"
        threshold.add(name, f"{theirs.value:.0f}", got, verdict(ours - theirs))
    return threshold


def near_batched_floor(summary, cells):
    threshold = Threshold("irqmode 0, batches of 16 and more: within 30 of the batched floor")
    for cell in cells:
        name = cell["name"]
        ours, floor = summary.own(name, "rust"), summary.own(name, "floorb")
        if ours is None or floor is None:
            threshold.add(name, "", why_not(summary, name), None)
        else:
            batch = summary.batch.get(name, 0)
            got = f"{ours.value:.0f} (batches of {batch:.1f})"
            limit = floor + 30
            threshold.add(name, f"{limit.value:.0f}", got,
                          batch >= 0.9 * cell["batch"] and verdict(ours - limit))
    return threshold


def not_slower(figures, text):
    threshold = Threshold(text)
    for name, figure in figures.items():
        if figure is None:
            threshold.add(name, "1.0", "not measured", None)
            continue
        got = f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
        threshold.add(name, "1.0", got, figure.high >= 1.0)
    return threshold


LESS = 0.03  # share by which two jobs may scale worse than with brd


def scaling(summary):
    cells = [name for name, cell in summary.cells.items() if cell["kind"] == "scaling"]
    for text, least, figures in (
        ("scaling: two jobs over one at least brd's less 3 %", 1 - LESS,
         {name: summary.scaling_ratio.get((name, "brd")) for name in cells}),
        ("scaling: two jobs over one above null_blk's", 1.0,
         {name: summary.scaling_ratio.get((name, "c")) for name in cells}),
        ("scaling: IOPS of two jobs above null_blk's", 1.0,
         {name: summary.two_jobs.get(name) for name in cells}),
    ):
        threshold = Threshold(text)
        for name, figure in figures.items():
            if figure is None:
                threshold.add(name, f"{least:.2f}", why_not(summary, name), None)
                continue
            got = f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"
            threshold.add(name, f"{least:.2f}", got, verdict(Figure(*[least] * 3) - figure))
        yield threshold


def contentions(record, name=""):
    """Contentions of the driver's lock classes, or of those with this name."""
    return sum(one["contentions"] for one in record["classes"]
               if one["own"] and one["name"].startswith(name))


def contention(summary):
    """null_blk is the control: no contention means something only if that of null_blk is seen."""
    threshold = Threshold("scaling: no lock of the driver is contended")
    for name, cell in summary.cells.items():
        if cell["kind"] != "contention":
            continue
        ours, theirs = (summary.contention.get((name, driver)) for driver in ("rust", "c"))
        if ours is None or theirs is None or not ours["ios"]:
            threshold.add(name, "0 contentions", why_not(summary, name), None)
            continue
        own, control = contentions(ours), contentions(theirs, CONTROL)
        got = f"{own} in {ours['ios']:.0f} I/Os ({CONTROL} of null_blk: {control})"
        threshold.add(name, "0 contentions", got, own == 0 and (True if control else None))
    return threshold


def growth(summary):
    """From the first number to each other one, a driver's cost must not grow more than the floor's.
    """
    for key in ("devices", "hw_queues"):
        things = key.replace("_", " ")
        threshold = Threshold(f"cost per I/O does not grow with the number of {things}")
        groups = {}
        for cell in summary.cells.values():
            if cell["kind"] in SCALE and key in cell:
                groups.setdefault((cell["depth"], cell["batch"]), []).append(cell)
        for first, *others in groups.values():
            floor = "floorb" if first["batch"] > 1 else "floor"
            for cell in others:
                what = f"{first['name']} to {cell[key]}"
                ours, base = (
                    step(summary, first["name"], cell["name"], driver) for driver in ("rust", floor)
                )
                if ours is None or base is None:
                    threshold.add(what, "", why_not(summary, cell["name"]), None)
                else:
                    threshold.add(what, f"{base:+.0f} (floor's)", f"{ours:+.0f}",
                                  ours <= base + 10)
        yield threshold


def step(summary, first, then, driver):
    costs = [summary.counted.get((cell, driver)) for cell in (first, then)]
    return costs[1].value - costs[0].value if all(costs) else None


OTHER_WORK = 0.1  # share of the time to create a device that the kernel may spend on other work


def creation(summary):
    """Compare one more device among many and among few, so that loading the module cancels out."""
    threshold = Threshold("to create a device takes no longer if there are many")
    numbers = sorted({number for _, number, queues in summary.created if queues is None})
    if len(numbers) < 3:
        return threshold
    few, some, many = numbers[0], numbers[-2], numbers[-1]
    what = f"one more, beyond {some} and up to there"
    needed = {(d, n, None) for d in ("floor", "rust") for n in (few, some, many)}
    if not needed <= summary.created.keys():
        threshold.add(what, "", "not measured", None)
        return threshold

    def one_more(driver, low, high):
        low_ns, high_ns = (
            summary.created[driver, n, None]["create_ns"] for n in (low, high)
        )
        return (high_ns - low_ns) / (high - low) / 1e6

    def grows(driver):
        return one_more(driver, some, many) - one_more(driver, few, some)

    ours, floor = grows("rust"), max(grows("floor"), 0)
    allowed = floor + one_more("rust", few, some) * OTHER_WORK
    threshold.add(what, f"{allowed:+.2f} ms", f"{ours:+.2f} ms", ours <= allowed)
    return threshold


def creation_queued(summary):
    """Compare the time to create a device with many hardware queues and with few."""
    threshold = Threshold("to create a device takes no longer if it has many hardware queues")
    first, *others = sorted({key[1:] for key in summary.created if key[2] is not None}) or [None]
    for then in others:
        what = f"a device with {then[1]} hw queues, beyond one with {first[1]}"
        few, many = ({driver: summary.created.get((driver, *which)) for driver in ("floor", "rust")}
                     for which in (first, then))
        if not all((*few.values(), *many.values())):
            threshold.add(what, "", "not measured", None)
            continue
        floor, ours = ((many[driver]["create_ns"] - few[driver]["create_ns"]) / then[0] / 1e6
                       for driver in ("floor", "rust"))
        allowed = floor + few["rust"]["create_ns"] / first[0] / 1e6 * OTHER_WORK
        threshold.add(what, f"{allowed:+.2f} ms (floor's {floor:+.2f})", f"{ours:+.2f} ms",
                      ours <= allowed)
    return threshold


def locks(summary):
    """In irqmode 3 rnull looks a request up by its tag and claims it; null_blk does neither."""
    threshold = Threshold(
        "locked instructions on the path: no more than null_blk's, in irqmode 3 five more"
    )
    for (name, driver), path in summary.paths.items():
        theirs = summary.paths.get((name, "c"))
        if driver != "rust" or not theirs or name.endswith(" options"):
            continue
        cell = summary.cells[name]
        if cell["irqmode"] == 3 and sleeps(cell):
            continue  # null_blk has irqmode 1 there, which wakes no submitter
        extra = 5 if cell["irqmode"] == 3 else 0
        # The numbers of requests in flight at the start and the end of a trace can differ.
        threshold.add(name, f"{theirs['locks'] + extra:.2f}", f"{path['locks']:.2f}",
                      path["locks"] <= theirs["locks"] + extra + 0.05)
    return threshold


def request_data(summary):
    threshold = Threshold("data with each request: no larger than null_blk's")
    for (name, driver), size in summary.request_data.items():
        theirs = summary.request_data.get((name, "c"))
        if driver == "rust" and theirs is not None:
            threshold.add(name, theirs, size, size <= theirs)
    return threshold


MODULE_SIZE = 100_000  # bytes of code
MODULES = {"c": "null_blk.ko", "rust": "rnull_mod.ko"}


def code_sizes(summary):
    """Driver -> bytes of the .text sections of its module, or None."""
    modules = summary.result["environment"]["modules"]
    return {driver: modules.get(name, {}).get("code") for driver, name in MODULES.items()}


def kilobytes(size):
    return f"{size / 1000:.1f} KB"


def module_size(summary):
    """The code of the module in the lean kernel, whether it runs or not."""
    threshold = Threshold(f".text of {MODULES['rust']}: at most {MODULE_SIZE // 1000} KB")
    size = code_sizes(summary)
    wanted = kilobytes(MODULE_SIZE)
    if size["rust"] is None:
        threshold.add(MODULES["rust"], wanted, "not measured", None)
    else:
        theirs = f" ({MODULES['c']} has {kilobytes(size['c'])})" if size["c"] else ""
        threshold.add(MODULES["rust"], wanted, kilobytes(size["rust"]) + theirs,
                      size["rust"] <= MODULE_SIZE)
    return threshold


def features_off(summary):
    """The driver's own instructions with all of its options built in, and with none."""
    threshold = Threshold(
        "all options built in, features off: not one instruction more in the driver"
    )
    for (name, driver), path in summary.paths.items():
        if driver != "rust" or not name.endswith(", all options"):
            continue
        without = summary.paths.get((name.replace(", all options", ", no options"), driver))
        if not without:
            threshold.add(name, "", "not measured without them", None)
        else:
            ours, theirs = path["driver_instructions"], without["driver_instructions"]
            # The batches at both ends of a trace are incomplete.
            threshold.add(name, f"{theirs:.1f}", f"{ours:.1f}", ours <= theirs + 0.2)
    return threshold
