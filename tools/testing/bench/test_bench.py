#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Unit tests of the bench: plans, statistics, thresholds, traces and reports."""

import contextlib
import io
import json
import random
import subprocess
import tempfile
import time
import unittest
import unittest.mock
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import compare
import contention
import figures
import guest
import host
import path
import plan
import report
import rings
import stats
import turns
from summary import Summary, Threshold, judged, thresholds


def environment():
    return {"record": "environment", "commit": "0" * 40, "changed": False, "kernel": "7.3",
            "rustc": "rustc", "clang": "clang", "date": "now", "processors": 2, "cpu": "cpu",
            "command": "make bench", "modules": {
                "null_blk.ko": {"file": 9, "code": 22_208, "text": 7, "data": 6, "bss": 5},
                "rnull_mod.ko": {"file": 4, "code": 99_000, "text": 3, "data": 2, "bss": 1}}}


def result(records):
    return {"format": report.FORMAT, "environment": environment(), "records": records}


def result_of_size(code):
    """The result of a run in which the driver's module has this size of code."""
    made = result([])
    made["environment"]["modules"]["rnull_mod.ko"]["code"] = code
    return made


def counted(cell, **costs):
    """The records of a counted cell: driver -> list of instructions per I/O."""
    records = [{"record": "cell", "cell": {**cell, "kind": "icount"}}]
    for driver, values in costs.items():
        for value in [values[0], *values]:  # the first is left out
            sample = {"record": "sample", "cell": cell["name"], "driver": driver,
                      "ns": value * 1000, "ios": 1000, "elapsed_ns": value * 1001}
            if driver == "floorb":
                sample["batch_calls"] = 1000 / cell["batch"]
            records.append(sample)
    return records


def jobs(iops):
    """The records of a cell of "scaling": driver -> IOPS of one job and of two."""
    cell = {**next(plan.scaling_cells(False)), "kind": "scaling"}
    yield {"record": "cell", "cell": cell}
    for pair in range(cell["rounds"] * 3):
        yield {"record": "jobs", "cell": cell["name"], "round": pair // 3,
               "iops": {f"{driver} {number}": of[number - 1] * (100 + pair % 2)
                        for driver, of in iops.items() for number in (1, 2)}}


def contended(classes, ios=1000):
    """The records of a cell of "contention": driver -> (name, contentions, own) of lock classes."""
    cell = {**next(plan.contention_cells(False)), "kind": "contention"}
    yield {"record": "cell", "cell": cell}
    for driver, of in classes.items():
        yield {"record": "contention", "cell": cell["name"], "driver": driver, "ios": ios,
               "classes": [{"name": name, "contentions": count, "acquisitions": 10 * count + 1,
                            "own": own} for name, count, own in of]}


class Programs(unittest.TestCase):
    def stopped(self, script):
        """The output when a script, in place of fio, is stopped."""
        said = io.StringIO()
        with (
            tempfile.TemporaryDirectory() as top,
            unittest.mock.patch.object(guest, "fio_arguments") as arguments,
            unittest.mock.patch.object(guest, "PATIENCE", 1),
            contextlib.redirect_stdout(said),
        ):
            script = f"{script}; echo '{{\"jobs\": [{{\"error\": 0}}]}}' > {top}/output"
            arguments.return_value = ["sh", "-c", f"{script}; while :; do sleep 0.1; done", "sh"]
            fio = guest.Fio({}, "device")
            fio.output = f"{top}/output"
            while not Path(fio.output).exists():
                time.sleep(0.01)
            fio.pause()
            fio.stop()
            self.assertIsNotNone(fio.process.poll())
            self.assertEqual("killed" in said.getvalue(), fio.killed)
        return said.getvalue()

    def test_what_does_not_end_is_killed(self):
        self.assertIn("was killed", self.stopped("trap '' INT"))

    def test_what_ends_is_not(self):
        self.assertEqual("", self.stopped("trap 'exit 0' INT"))


    def test_two_jobs_of_each_driver(self):
        """All runs of a cell take turns on the devices of their drivers."""
        running = set()

        class Fio:
            killed = False

            def __init__(self, cell, device, by_rings):
                assert by_rings
                self.name = f"{device} {cell['jobs']}"
                running.add(self.name)

            def wait_for(self, amount):
                assert running == {self.name}

            def pause(self):
                running.remove(self.name)

            def resume(self):
                running.add(self.name)

            def rate(self, seconds):
                assert running == {self.name}
                return 4096 * (7 if self.name == "device of brd 2" else 5)

            def stop(self):
                pass

        cell = {**next(plan.scaling_cells(False)), "pairs": 1}
        result = unittest.mock.Mock()
        with (
            unittest.mock.patch.object(guest, "Fio", Fio),
            unittest.mock.patch.object(guest, "Devices") as devices,
            unittest.mock.patch.object(guest, "fill") as fill,
            unittest.mock.patch.object(time, "sleep"),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            devices().get = lambda _, driver: f"device of {driver}"
            guest.compare_jobs({"cells": [cell]}, result)
        self.assertEqual(fill.call_count, 3 * cell["rounds"])
        self.assertEqual(result.add.call_count, cell["rounds"])
        result.add.assert_called_with("jobs", cell=cell["name"], round=7, iops={
            "c 1": 5, "c 2": 5, "rust 1": 5, "rust 2": 5, "brd 1": 5, "brd 2": 7})


class Rings(unittest.TestCase):
    """I/Os counted by completion rings, in a directory in place of /proc/PID."""

    def setUp(self):
        top = tempfile.TemporaryDirectory()
        self.addCleanup(top.cleanup)
        self.top = Path(top.name)
        for name in ("fd", "fdinfo"):
            (self.top / name).mkdir()
        self.link(3, "/dev/ram0")

    def rings(self, number):
        found = rings.Rings(0, number)
        found.top = self.top
        return found

    def counts(self, of):
        return [count for count, _ in of.readings()]

    def link(self, fd, target):
        (self.top / "fd" / str(fd)).symlink_to(target)

    def show(self, fd, tail):
        text = "" if tail is None else f"CqHead:\t1\nCqTail:\t{tail}\nCachedCqTail:\t99\n"
        (self.top / "fdinfo" / str(fd)).write_text(f"pos:\t0\n{text}")

    def add(self, fd, tail):
        self.link(fd, "anon_inode:[io_uring]")
        self.show(fd, tail)

    def test_each_job_has_a_ring(self):
        both = self.rings(2)
        self.add(7, 5)
        self.assertEqual(both.readings(), [])
        self.add(9, 6)
        self.assertEqual(sorted(self.counts(both)), [5, 6])

    def test_a_tail_wraps_around(self):
        one = self.rings(1)
        self.add(7, 4294967290)
        self.assertEqual(self.counts(one), [4294967290])
        self.show(7, 10)
        self.assertEqual(self.counts(one), [4294967306])
        self.show(7, 11)
        self.assertEqual(self.counts(one), [4294967307])

    def test_a_ring_that_is_locked(self):
        self.add(7, None)
        with unittest.mock.patch.object(time, "sleep", lambda _: self.show(7, 42)):
            self.assertEqual(self.counts(self.rings(1)), [42])
        self.show(7, None)
        with unittest.mock.patch.object(rings, "PATIENCE", 0.01):
            self.assertRaisesRegex(RuntimeError, "no tail", self.rings(1).readings)

    def test_a_process_that_has_ended(self):
        one = self.rings(1)
        self.add(7, 5)
        self.assertEqual(self.counts(one), [5])
        (self.top / "fdinfo/7").unlink()
        self.assertEqual(self.counts(one), [5])
        gone = rings.Rings(0)
        gone.top = self.top / "none"
        self.assertEqual(gone.readings(), [])

    def test_a_rate_sums_up_the_rings(self):
        """The tails of two rings are read at different times."""
        run = guest.Fio.__new__(guest.Fio)
        run.cell = {"bs": "4k"}
        run.rings = unittest.mock.Mock()
        run.rings.readings.side_effect = [[(0, 0), (10, 10**9)], [(2, 10**9), (40, 4 * 10**9)]]
        run.process = unittest.mock.Mock(poll=lambda: None)
        with unittest.mock.patch.object(time, "sleep"):
            self.assertEqual(run.rate(1), 12 * 4096)


class Contention(unittest.TestCase):
    """/proc/lock_stat, as the kernel's seq_stats() writes it."""

    def line(self, name, contentions, acquisitions):
        times = " ".join(f"{value:>14}" for value in ("0.10", "20.00", "316.00", "1.58"))
        return (f"{name:>40}:{contentions:14} {contentions:14} {times} {9:14} "
                f"{acquisitions:14} {times}")

    def place(self, name, symbol):
        return f"{name:>40} {12:14} {'[<00000000c0ffee00>]':>29} {symbol}"

    def classes(self, lines, driver="rust", module="rnull_mod"):
        text = "\n".join(("lock_stat version 0.4", "-" * 221, *lines, "." * 221, ""))
        return [(one["name"], one["contentions"], one["acquisitions"], one["own"])
                for one in contention.classes(text, driver, module)]

    def test_names(self):
        rust = ("rnull page", "/build/tree/7.3.4-1~bpo13+1-76df1#2", "TagSet::queues_lock",
                "drivers/block/rnull/request/poll.rs:4", "rnull zone/1")
        others = ("&nullb->lock", "&ctx->uring_lock", "(work_completion)(&work->work)-W")
        found = self.classes([self.line(name, 3, 70) for name in (*rust, *others)])
        self.assertEqual(found, [*((name, 3, 70, True) for name in rust),
                                 *((name, 3, 70, False) for name in others)])
        found = self.classes([self.line(name, 3, 70) for name in others], "c", "null_blk")
        self.assertEqual([own for *_, own in found], [True, False, False])

    def test_classes_that_are_left_out(self):
        """A lock of the driver is reported if it was taken, another only if it was contended."""
        found = self.classes([self.line("rnull page", 0, 70), self.line("&rq->lock", 0, 70)])
        self.assertEqual(found, [("rnull page", 0, 70, True)])

    def test_places(self):
        """A lock for which the module waits is the driver's, whatever its name."""
        for symbol, own in (("queue_rq+0x5b/0x1c0 [rnull_mod]", True), ("schedule+0x5/0x1c", False),
                            ("queue_rq+0x5b/0x1c0 [null_blk]", False)):
            lines = [self.line("some lock", 12, 70), " " * 31 + "-" * 9,
                     self.place("some lock", symbol), self.line("another", 1, 2)]
            self.assertEqual(self.classes(lines),
                             [("some lock", 12, 70, own), ("another", 1, 2, False)])

    def test_statistics_that_have_stopped(self):
        line = "*WARNING* lock debugging disabled!! - possibly due to a lockdep warning"
        self.assertRaises(RuntimeError, self.classes, [line])


class Stats(unittest.TestCase):
    def test_interval_by_rank(self):
        # As tables of the sign test say: 6th and 15th of 20, 10th and 21st of 30.
        self.assertEqual(stats.median_interval(range(1, 21)), (6, 15))
        self.assertEqual(stats.median_interval(range(1, 31)), (10, 21))

    def test_interval_of_few(self):
        self.assertEqual(stats.median_interval([5]), (5, 5))
        self.assertEqual(stats.median_interval([2, 1, 3]), (1, 3))
        self.assertEqual(stats.median_interval(range(6)), (0, 5))

    def test_interval_covers(self):
        draw = random.Random(1)
        covered = 0
        for _ in range(1000):
            low, high = stats.median_interval([draw.expovariate(1) for _ in range(30)])
            covered += low <= 0.6931 <= high
        self.assertGreaterEqual(covered, 940)
        self.assertLess(covered, 1000)

    def test_spread(self):
        self.assertEqual(stats.spread([100]), 0)
        self.assertAlmostEqual(stats.spread([99, 100, 101]), 0.02)
        self.assertAlmostEqual(stats.spread([50, 99, 100, 101, 150]), 0.02)

    def test_quartiles(self):
        self.assertEqual(stats.quartiles([3, 1, 2]), (1, 3))
        self.assertEqual(stats.quartiles(range(8)), (2, 5))

    def test_ratios(self):
        self.assertEqual(stats.ratios([(2, 1), (4, 2), (6, 3)]), (2, 2, 2))

    def test_pairs_of_a_round_are_one_finding(self):
        """One round that is off by five percent decides nothing, whatever its number of pairs."""
        rounds = [(round_, ratio, 1) for round_, ratio in
                  enumerate((0.95, 1.01, 1.02, 1.03, 1.04, 1.05)) for _ in range(8)]
        self.assertEqual(stats.ratios_in_rounds(rounds), (1.025, 0.95, 1.05))


class Turns(unittest.TestCase):
    """The table of `make demo', from fio's output."""

    def run_of(self, driver, turn, iops, latency=7.0, error=0):
        fields = ["0"] * 60
        fields[2], fields[4], fields[7], fields[39] = (
            f"{driver}-{turn}", str(error), str(iops), str(latency))
        return ";".join(fields)

    def runs(self, rnull, null_blk):
        yield "row none 4k 64"
        for turn, (ours, theirs) in enumerate(zip(rnull, null_blk, strict=True)):
            yield self.run_of("rnull", turn, ours)
            yield self.run_of("null_blk", turn, theirs, 8.25)

    def test_row(self):
        # The first turn differs, and does not count.
        lines = list(self.runs((1, 990, 1010, 1020, 1030, 1040, 1060), (999, *[1000] * 6)))
        self.assertEqual(list(turns.rows(lines)), [
            "none        4k    64      1025     1000       7.0       8.2   1.025  0.990 to 1.060"])
        self.assertEqual(len(list(turns.rows(lines + lines))), 2)

    def test_turns_are_compared_with_each_other(self):
        """A machine that gets slower from turn to turn slows both drivers."""
        rnull, null_blk = ([base >> turn for turn in range(7)] for base in (110 << 7, 100 << 7))
        row, = turns.rows(self.runs(rnull, null_blk))
        self.assertTrue(row.endswith("   1.100  1.100 to 1.100"))

    def test_headings_stand_above_what_they_head(self):
        row, = turns.rows(self.runs([1000] * 7, [1000] * 7))
        heads = turns.HEADINGS.splitlines()[1]
        for head, value in (("depth", "64"), ("median", "1.000")):
            self.assertEqual(heads.index(head) + len(head), row.index(value) + len(value))

    def test_what_is_no_comparison(self):
        good = list(self.runs([1000] * 7, [1000] * 7))
        for bad in (good[:-1], good[:1], [*good, self.run_of("rnull", 7, 1000, error=5)],
                    [*good, self.run_of("rnull", 7, 0)]):
            self.assertRaises(ValueError, list, turns.rows(bad))
        self.assertRaisesRegex(ValueError, "no such device", list,
                               turns.rows([*good[:-1], "fio: no such device"]))
        self.assertTrue(list(turns.rows([*good, "note: something else"])))


class Plan(unittest.TestCase):
    def test_cells_are_told_apart(self):
        for part, cells in plan.PARTS.items():
            for full in (False, True):
                named = {}
                for cell in cells(full):
                    same = named.setdefault(cell["name"], cell)
                    self.assertEqual(same, cell, part)

    def test_full_has_the_short_form(self):
        for part, cells in plan.PARTS.items():
            short = {cell["name"] for cell in cells(False)}
            self.assertLessEqual(short, {cell["name"] for cell in cells(True)}, part)

    def test_halves_of_the_matrix(self):
        def names(part):
            return {cell["name"] for cell in plan.PARTS[part](True)}

        self.assertEqual(names("counted-reads") | names("counted-writes"), names("counted"))
        self.assertFalse(names("counted-reads") & names("counted-writes"))

    def test_more_samples(self):
        for asked, wanted in (([], 5), (["--full"], 3), (["--full", "--samples=9"], 9),
                              (["--samples=9"], 9)):
            said = io.StringIO()
            arguments = ["plan.py", "counted", "--cells=1 deep$", *asked]
            with (
                unittest.mock.patch("sys.argv", arguments),
                contextlib.redirect_stdout(said),
            ):
                plan.main()
            counted = {cell["samples"] for cell in json.loads(said.getvalue())["cells"]}
            self.assertEqual(counted, {wanted + plan.LEFT_OUT})

    def test_the_matrix(self):
        """The combinations of the full matrix."""
        cells = list(plan.full_cells())
        shapes = ((1, 1), (8, 8), (32, 16), (128, 32))
        for rw, bs, (depth, batch) in product(("randread", "randwrite"), plan.BLOCK_SIZES, shapes):
            wanted = [{"irqmode": irqmode, "scheduler": scheduler}
                      for irqmode in range(4) for scheduler in (None, "mq-deadline")]
            wanted += [{"memory_backed": 1, "blocksize": blocksize} for blocksize in (None, 4096)]
            wanted += [{"polled": True}]
            shape = {"rw": rw, "bs": bs, "depth": depth, "batch": batch}
            for more in wanted:
                found = [c for c in cells if all(c.get(k) == v for k, v in (shape | more).items())]
                self.assertTrue(found, (shape, more))

    def test_buffers_fit(self):
        for cell in plan.full_cells():
            # The guest has 4 GiB, see bench-part.sh.
            self.assertLessEqual(plan.size_of(cell["bs"]) * cell["depth"], 2 << 30)

    def test_brd_is_a_peer_of_blocks_of_a_page(self):
        for full in (False, True):
            seen = set()
            for part, cells in plan.PARTS.items():
                for one in cells(full):
                    beside = "brd" in one["drivers"]
                    if part in ("scaling", "contention"):
                        self.assertEqual(beside, part == "scaling")
                        continue
                    wanted = part.startswith("counted") and one.get("memory_backed") \
                        and one.get("blocksize") == 4096 and one["bs"] in ("4k", "64k")
                    self.assertEqual(beside, bool(wanted), (part, one["name"]))
                    self.assertEqual("floorbio" in one["drivers"], beside)
                    if beside:
                        seen.add((one["rw"], one["bs"], one["depth"], one["batch"]))
            self.assertLessEqual(
                {(rw, *shape) for rw in ("randread", "randwrite")
                 for shape in (("4k", 1, 1), ("4k", 64, 16), ("64k", 1, 1), ("64k", 16, 4))}, seen)

    def test_cells_of_two_jobs(self):
        for full in (False, True):
            cells = list(plan.scaling_cells(full))
            self.assertEqual({(one["rw"], one["bs"]) for one in cells},
                             set(product(("randread", "randwrite"), ("4k", "64k"))))
            for one in cells:
                self.assertGreaterEqual(one["rounds"], 6)
                # They share the devices, so they have the same settings.
                self.assertEqual({key: one[key] for key in ("size_mib", "blocksize", "irqmode")},
                                 {"size_mib": 256, "blocksize": 4096, "irqmode": 0})
            self.assertEqual([one["jobs"] for one in plan.contention_cells(full)], [2] * 4)

    def test_pairs(self):
        for cell in (*plan.smp_cells(False), *plan.smp_cells(True)):
            self.assertGreaterEqual(cell["rounds"] * cell["pairs"], 20)
            # The median is outside of all six with probability 1/32.
            self.assertGreaterEqual(cell["rounds"], 6)


class Thresholds(unittest.TestCase):
    def verdicts(self, records):
        return {threshold.text: threshold.met for threshold in thresholds(Summary(result(records)))}

    def verdict(self, start, records):
        found = [met for text, met in self.verdicts(records).items() if text.startswith(start)]
        self.assertEqual(len(found), 1, start)
        return found[0]

    def test_share_of_c(self):
        cell = plan.cell()
        for own, met in ((30, True), (31, False), (-5, True)):
            records = counted(cell, floor=[5000], c=[5100], rust=[5000 + own])
            self.assertIs(self.verdict("irqmode 0, one", records), met)

    def test_one_cell_missed_is_the_threshold_missed(self):
        good = counted(plan.cell(), floor=[5000], c=[5100], rust=[5000])
        bad = counted(plan.cell(bs="32k"), floor=[6000], c=[6100], rust=[6090])
        self.assertIs(self.verdict("irqmode 0, one", good + bad), False)

    def test_below_the_floor(self):
        cell = plan.cell(depth=64, batch=16, polled=True)
        for own, met in ((-150, True), (-100, False)):
            records = counted(cell, floor=[5000], c=[4883], rust=[5000 + own])
            self.assertIs(self.verdict("polled", records), met)
        # Split I/Os are not polled.
        cell = plan.cell(bs="256k", depth=64, batch=16, polled=True)
        records = counted(cell, floor=[5000], floorb=[4780], c=[4883], rust=[4884])
        self.assertIsNone(self.verdict("polled", records))

    def test_batched_floor(self):
        cell = plan.cell(depth=64, batch=16)
        for own, met in ((-190, True), (-189, False)):
            records = counted(cell, floor=[5000], floorb=[4780], c=[5010], rust=[5000 + own])
            self.assertIs(self.verdict("irqmode 0, batches", records), met)

    def test_a_batch_that_is_none(self):
        cell = plan.cell(depth=64, batch=16)
        records = counted(cell, floor=[5000], floorb=[4780], c=[5010], rust=[4780])
        for record in records:
            if record.get("driver") == "floorb":
                record["batch_calls"] = 500
        self.assertIs(self.verdict("irqmode 0, batches", records), False)

    def test_large_requests_come_alone(self):
        for bs, met in (("64k", False), ("256k", None)):
            cell = plan.cell(bs=bs, depth=64, batch=16)
            records = counted(cell, floor=[5000], floorb=[4780], c=[5010], rust=[5000])
            self.assertIs(self.verdict("irqmode 0, batches", records), met)

    def test_what_does_not_come_in_batches(self):
        for more in ({"bs": "256k"}, {"scheduler": "mq-deadline"}):
            for own, met in ((30, True), (31, False)):
                cell = plan.cell(depth=64, batch=16, **more)
                records = counted(cell, floor=[5000], floorb=[5000], c=[5100], rust=[5000 + own])
                self.assertIs(self.verdict("irqmode 0, one", records), met)

    def test_missed_by_less_than_samples_differ(self):
        cell = plan.cell()
        for rust, met in (([5020, 5035, 5040], "undecided"), ([5034, 5035, 5036], False),
                          ([5020, 5030, 5040], True)):
            records = counted(cell, floor=[5000], c=[5100], rust=rust)
            self.assertEqual(self.verdict("irqmode 0, one", records), met)

    def test_the_worst_of_a_threshold(self):
        threshold = Threshold("x")
        for met, wanted in ((True, True), (None, None), ("undecided", "undecided"),
                            (False, False), (True, False)):
            threshold.add("cell", "", "", met)
            self.assertIs(threshold.met, wanted)

    def test_a_processor_that_idles(self):
        cell = plan.cell(irqmode=2, depth=32)
        records = counted(cell, floor=[5000], c=[6000], rust=[5500])
        self.assertIs(self.verdict("irqmode 2", records), True)
        for record in records:
            if record["record"] == "sample":
                record["elapsed_ns"] *= 2
        self.assertIsNone(self.verdict("irqmode 2", records))

    def test_creation(self):
        def records(one_more):
            for driver, cost in (("c", 5), ("rust", 4), ("floor", 2)):
                for number in (1, 16, 256):
                    extra = one_more if driver == "rust" and number == 256 else 0
                    yield {"record": "create", "driver": driver, "devices": number, "bytes": 0,
                           "create_ns": 1e6 * (9 + cost * number + extra * 240), "remove_ns": 0}
        text = "to create a device takes no longer if there"
        self.assertIs(self.verdict(text, list(records(0.3))), True)
        self.assertIs(self.verdict(text, list(records(0.5))), False)
        self.assertIsNone(self.verdict(text, []))
        gone = [r for r in records(0) if (r["driver"], r["devices"]) != ("floor", 256)]
        self.assertIsNone(self.verdict(text, gone))

    def test_creation_with_queues(self):
        def records(more):
            for driver, cost in (("c", 5), ("rust", 4 + more), ("floor", 4)):
                for queues in (2, 8):
                    yield {"record": "create", "driver": driver, "devices": 8, "bytes": 0,
                           "hw_queues": queues, "remove_ns": 0,
                           "create_ns": 1e6 * 8 * (20 + cost * queues)}
        text = "to create a device takes no longer if it has many"
        self.assertIs(self.verdict(text, list(records(0.4))), True)
        self.assertIs(self.verdict(text, list(records(0.6))), False)
        self.assertIsNone(self.verdict(text, []))
        self.assertIsNone(self.verdict(text, [r for r in records(0) if r["driver"] != "floor"]))

    def test_copies_do_not_count(self):
        cell = plan.cell(memory_backed=1)
        for own, met in ((240, True), (241, False)):
            records = counted(cell, floor=[7000], c=[7000 + 4096 + 400], rust=[7000 + 4096 + own])
            self.assertIs(self.verdict("memory-backed, 4k and 64k", records), met)

    def beside_brd(self, bs, depth=1, batch=1, **costs):
        cell = plan.cell(bs=bs, depth=depth, batch=batch, **plan.MEMORY[1])
        return counted(plan.beside_brd(cell), **costs)

    def test_all_instructions_beside_brd(self):
        for rust, met in (([75000], True), ([75001], False), ([74990, 75020, 75020], "undecided")):
            costs = {"floor": [7000], "floorb": [7000], "floorbio": [5000], "c": [90000],
                     "rust": rust}
            records = self.beside_brd("64k", 16, 4, **costs, brd=[75000])
            self.assertEqual(self.verdict("compared with brd, 64k", records), met)
            records = self.beside_brd("64k", 1, 1, **costs, brd=[75000])
            self.assertIsNone(self.verdict("compared with brd, 64k", records))
        records = self.beside_brd("64k", 16, 4, **costs)
        self.assertIsNone(self.verdict("compared with brd, 64k", records))

    def test_own_cost_beside_brd(self):
        """rnull may cost more than brd by as much as its floor costs more than brd's."""
        for shape, floors in (((1, 1), {"floor": [6000]}),
                              ((64, 16), {"floor": [6200], "floorb": [6000]})):
            for rust, met in (([11_300], True), ([11_301], False)):
                records = self.beside_brd("4k", *shape, **floors, floorbio=[5000], c=[20000],
                                          brd=[10_300], rust=rust)
                self.assertIs(self.verdict("compared with brd: own", records), met)
        row, = (row for threshold in thresholds(Summary(result(records)))
                for row in threshold.rows if threshold.text.startswith("compared with brd: own"))
        self.assertEqual(row[1:3], ("1204", "1205 (in all +1001 to brd, of which blk-mq +1000)"))
        without = [r for r in records if r.get("driver") != "floorbio"]
        self.assertIsNone(self.verdict("compared with brd: own", without))

    def test_the_worst_verdict_of_a_cell(self):
        """A cell that misses one threshold is not shown as met because of another one."""
        records = self.beside_brd("64k", floor=[7000], floorbio=[5000], c=[90000], brd=[72000],
                                  rust=[75000])
        self.assertIs(self.verdict("memory-backed, 4k and 64k", records), True)
        self.assertIs(judged(Summary(result(records)))[records[0]["cell"]["name"]], False)

    def test_scaling(self):
        beside_brd, beside_c, faster = (
            "scaling: two jobs over one at least brd's", "scaling: two jobs over one above",
            "scaling: IOPS")
        c, brd = (100, 120), (100, 200)
        for rust, verdicts in (
            ((100, 195), (True, True, True)),
            ((100, 193), (False, True, True)),
            ((100, 119), (False, False, False)),
            ((60, 119), (True, True, False)),
        ):
            records = list(jobs({"c": c, "rust": rust, "brd": brd}))
            for text, met in zip((beside_brd, beside_c, faster), verdicts, strict=True):
                self.assertIs(self.verdict(text, records), met, (text, rust))
        for few in ([], records[:1], records[:-3]):
            self.assertIsNone(self.verdict(beside_brd, few))
            self.assertIsNone(self.verdict(faster, few))

    def test_scaling_that_differs_from_round_to_round(self):
        records = list(jobs({"c": (100, 120), "rust": (100, 190), "brd": (100, 200)}))
        for record in records[1:]:
            record["iops"]["rust 2"] *= 1.04 if record["round"] == 5 else 1
        self.assertEqual(self.verdict("scaling: two jobs over one at least", records), "undecided")

    def test_contention(self):
        text = "scaling: no lock"
        control = [("&nullb->lock", 500, True), ("&rq->lock", 3, False)]
        for rust, c, met in (
            ([("rnull page", 0, True), ("&rq->lock", 3, False)], control, True),
            ([], control, True),
            ([("rnull page", 1, True)], control, False),
            # Without the control's contention there is no evidence.
            ([], control[1:], None),
            ([], [("&nullb->lock", 0, True)], None),
            ([], [("&nullb->other", 5, True)], None),
            ([("rnull page", 1, True)], [], False),
        ):
            self.assertIs(self.verdict(text, list(contended({"rust": rust, "c": c}))), met)
        self.assertIsNone(self.verdict(text, list(contended({"rust": [], "c": control}, ios=0))))
        self.assertIsNone(self.verdict(text, list(contended({"rust": []}))))
        self.assertIsNone(self.verdict(text, []))

    def test_not_measured(self):
        cell = plan.cell(irqmode=3, depth=64, batch=16)
        records = counted(cell, floor=[5000], c=[5045])
        records.append({"record": "skip", "cell": cell["name"], "driver": "rust", "reason": "why"})
        self.assertIsNone(self.verdict("irqmode 3", records))
        self.assertIsNone(self.verdict("irqmode 1", []))

    def test_intervals(self):
        planned = [{"record": "cell", "cell": {"name": name, "kind": "smp"}} for name in "xy"]

        def pairs(cell, ratio):
            return [{"record": "pair", "cell": cell, "round": i // 5,
                     "iops": {"c": 100, "rust": 100 * ratio + i % 3}} for i in range(30)]
        both = planned + pairs("x", 1.0)
        self.assertIs(self.verdict("several", both + pairs("y", 1.0)), True)
        self.assertIs(self.verdict("several", both + pairs("y", 0.9)), False)
        # An interrupted measurement does not count.
        planned[1]["cell"]["rounds"] = 7
        self.assertIsNone(self.verdict("several", both + pairs("y", 1.0)))
        # A threshold is not met if a planned cell was not measured.
        self.assertIsNone(self.verdict("several", both))

        def turns(ratio):
            return [{"record": "turn", "cell": "x", "turn": i,
                     "ns_per_io": {"c": 100, "rust": 100 * ratio + i % 3}} for i in range(30)]
        self.assertIs(self.verdict("native", turns(0.95)), True)
        self.assertIs(self.verdict("native", turns(1.1)), False)

    def test_growth(self):
        def records(growth):
            for cell in plan.devices_cells(False):
                more = growth if cell["devices"] == 256 else 0
                made = counted(cell, floor=[5000], floorb=[4780 + 50], c=[5000],
                               rust=[4780 + more])
                made[0]["cell"]["kind"] = "devices"
                yield from made
        text = "cost per I/O does not grow with the number of devices"
        self.assertIs(self.verdict(text, list(records(5))), True)
        self.assertIs(self.verdict(text, list(records(20))), False)
        # A failed measurement is not skipped.
        short = [r for r in records(5) if r.get("cell") != plan.cell(
            depth=64, batch=16, devices=256)["name"]]
        self.assertIsNone(self.verdict(text, short))

    def test_locks(self):
        def records(irqmode, ours, depth=32):
            cell = plan.cell(irqmode=irqmode, depth=depth)
            yield {"record": "cell", "cell": {**cell, "kind": "path"}}
            for driver, locks in (("c", 2), ("rust", ours)):
                yield {"record": "path", "cell": cell["name"], "driver": driver, "locks": locks}
        self.assertIs(self.verdict("locked", list(records(0, 2))), True)
        self.assertIs(self.verdict("locked", list(records(0, 3))), False)
        self.assertIs(self.verdict("locked", list(records(3, 7))), True)
        self.assertIs(self.verdict("locked", list(records(3, 8))), False)
        # Waking a submitter costs both drivers the same, so the threshold applies.
        self.assertIs(self.verdict("locked", list(records(2, 3, depth=1))), False)
        self.assertIsNone(self.verdict("locked", list(records(3, 11, depth=1))))

    def test_timers_are_compared_where_nobody_sleeps(self):
        for depth, met in ((1, None), (32, False)):
            cell = plan.cell(irqmode=2, depth=depth)
            records = counted(cell, floor=[5000], c=[6000], rust=[6000])
            self.assertIs(self.verdict("irqmode 2", records), met)

    def test_request_data(self):
        def records(ours):
            cell = plan.cell()
            yield {"record": "cell", "cell": {**cell, "kind": "path"}}
            for driver, size in (("c", 96), ("rust", ours)):
                yield {"record": "request_data", "cell": cell["name"], "driver": driver,
                       "bytes": size}
        self.assertIs(self.verdict("data with", list(records(96))), True)
        self.assertIs(self.verdict("data with", list(records(97))), False)

    def test_features_off(self):
        def records(more):
            for suffix, own in ((", no options", 10), (", all options", 10 + more)):
                cell = {**plan.cell(), "kind": "path"}
                cell["name"] += suffix
                yield {"record": "cell", "cell": cell}
                for driver in ("c", "rust"):
                    yield {"record": "path", "cell": cell["name"], "driver": driver, "locks": 2,
                           "driver_instructions": own}
        self.assertIs(self.verdict("all options", list(records(0))), True)
        self.assertIs(self.verdict("all options", list(records(1))), False)


    def test_module_size(self):
        for code, met in ((100_000, True), (100_001, False), (None, None)):
            size, = (t for t in thresholds(Summary(result_of_size(code)))
                     if t.text.startswith(".text"))
            self.assertIs(size.met, met)
        made = result([])
        del made["environment"]["modules"]["rnull_mod.ko"]
        self.assertIsNone({t.text: t.met for t in thresholds(Summary(made))}[
            ".text of rnull_mod.ko: at most 100 KB"])


class Figures(unittest.TestCase):
    def test_a_reading_comes_anywhere_in_a_batch(self):
        cell = plan.cell(depth=64, batch=16)
        made = Summary(result(counted(cell, floor=[4175, 4175, 4175, 4175, 4200])))
        figure = made.counted[cell["name"], "floor"]
        self.assertEqual((figure.low, figure.value, figure.high), (4175, 4180, 4180))

    def test_a_sample_that_is_off(self):
        made = Summary(result(counted(plan.cell(), floor=[7425, 7432, 7430, 7345, 7428])))
        figure = made.counted[plan.cell()["name"], "floor"]
        self.assertEqual((figure.low, figure.value, figure.high), (7425, 7428, 7430))

    def test_own_cost_has_the_noise_of_both(self):
        made = Summary(result(counted(plan.cell(), floor=[99, 100, 101], rust=[109, 110, 111])))
        own = made.own(plan.cell()["name"], "rust")
        self.assertEqual((own.low, own.value, own.high), (8, 10, 12))


class Notes(unittest.TestCase):
    def test_samples_that_differ(self):
        calm = counted(plan.cell(), floor=[5000, 5010])
        wild = counted(plan.cell(), floor=[5000, 5100])
        self.assertEqual(Summary(result(calm)).notes, [])
        self.assertIn("differ", Summary(result(wild)).notes[0])

    def test_others_at_work(self):
        def notes(steal, waited):
            record = {"record": "host", "part": "smp", "steal": steal, "waited": waited}
            return Summary(result([record])).notes
        self.assertEqual(notes(0.001, 0.01), [])
        self.assertIn("steal", notes(0.05, 0.01)[0])
        self.assertIn("had to wait", notes(0.0, 0.5)[0])


class Compare(unittest.TestCase):
    def compare(self, a, b):
        with tempfile.TemporaryDirectory() as top:
            files = [Path(top) / name for name in ("a.json", "b.json")]
            for file, records in zip(files, (a, b), strict=True):
                file.write_text(json.dumps(result(records)))
            said = io.StringIO()
            with contextlib.redirect_stdout(said), unittest.mock.patch(
                "sys.argv", ["compare.py", *map(str, files)]
            ):
                status = compare.main()
        return status, said.getvalue()

    def cells(self, own):
        return counted(plan.cell(), floor=[5000, 5002], c=[5094], rust=[5000 + own, 5001 + own])

    def test_noise(self):
        status, said = self.compare(self.cells(20), self.cells(26))
        self.assertEqual((status, said), (0, "3 figures compared, 0 worse\n"))

    def test_worse(self):
        status, said = self.compare(self.cells(20), self.cells(40))
        self.assertEqual(status, 1)
        self.assertRegex(said, r"(?m)^WORSE +rnull, irqmode 0.*: own cost 20 -> 40$")

    def test_better(self):
        status, said = self.compare(self.cells(40), self.cells(20))
        self.assertEqual(status, 0)
        self.assertRegex(said, r"(?m)^better +rnull, irqmode 0")

    def test_another_block_layer(self):
        slower = counted(plan.cell(), floor=[5500], c=[5594], rust=[5520])
        status, said = self.compare(self.cells(20), slower)
        self.assertRegex(said, "(?m)^WORSE +floor")
        self.assertNotIn("rnull", said)
        self.assertEqual(status, 1)

    def test_gone(self):
        status, said = self.compare(self.cells(20), [])
        self.assertIn("only in A: rnull", said)
        self.assertIn("0 figures compared, 0 worse, 3 only in A", said)
        self.assertEqual(status, 1)

    def test_other_format(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"format": 0}')
            file.flush()
            self.assertRaises(SystemExit, compare.read, file.name)


class Host(unittest.TestCase):
    def records(self, function, *arguments):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            function(*arguments)
        return [json.loads(line) for line in said.getvalue().splitlines()]

    def test_code_size(self):
        said = """module.ko  :
section               size   addr
.text                 1000      0
.text.unlikely          20      0
.rodata                300      0
.init.text               4      0
Total                 1324
"""
        self.assertEqual(host.code_size(said), 1020)

    def test_native(self):
        with tempfile.NamedTemporaryFile("w") as log:
            for turn in range(4):
                for device in ("/dev/nullb0", "/dev/rnullb0"):
                    log.write(f"[ 1.0] blk_submit: turn {turn} {device} 4000 ns 10 ios\r\n")
            log.flush()
            self.assertRaises(SystemExit, host.native, "x", log.name)
            log.write("blk_submit: end, 0 failed\n")
            log.flush()
            turns = self.records(host.native, "x", log.name)
        self.assertEqual([turn["turn"] for turn in turns], [2, 3])
        self.assertEqual(turns[0]["ns_per_io"], {"c": 400, "rust": 400})

    def test_native_failed(self):
        with tempfile.NamedTemporaryFile("w") as log:
            log.write("blk_submit: end, 3 failed\n")
            log.flush()
            self.assertRaises(SystemExit, host.native, "x", log.name)

    def test_interference(self):
        before = {"seconds": 100.0, "processors": [0] * 10, "waited_us": 1_000_000}
        after = {"seconds": 110.0, "processors": [900, 0, 0, 1000, 0, 0, 0, 100, 50, 0],
                 "waited_us": 6_000_000}
        self.assertEqual(host.difference(before, after),
                         {"seconds": 10.0, "steal": 0.05, "waited": 0.5})
        for one in (before, after):
            one["waited_us"] = None
        self.assertEqual(host.difference(before, after)["waited"], 0)

    def test_snapshot(self):
        one = host.snapshot()
        self.assertGreater(sum(one["processors"]), 0)
        self.assertGreaterEqual(host.difference(one, host.snapshot())["seconds"], 0)


class Traces(unittest.TestCase):
    def test_decode(self):
        for code, wanted in (
            ("f0480fc106", ("xadd", True)),
            ("66f00fc106", ("xadd", True)),
            ("488706", ("xchg", True)),  # with memory
            ("4887c6", ("xchg", False)),  # of registers
            ("e800000000", ("call", False)),
            ("41ff5308", ("call", False)),  # through memory
            ("ff6308", ("jmp", False)),
            ("c3", ("ret", False)),
            ("f3c3", ("ret", False)),
            ("48cf", ("iretq", False)),
            ("f0834424fc00", ("add", True)),
            ("4889e5", ("mov", False)),
            ("", ("", False)),
        ):
            self.assertEqual(path.decode(bytes.fromhex(code)), wanted, code)

    def code(self):
        code = path.Code(
            "1000 T __x64_sys_io_uring_enter\n2000 T blk_mq_start_request\n"
            "3000 t queue_rq\t[driver]\n4000 T asm_sysvec_timer\n"
        )
        for start, content in (
            (0x1000, "90e80000000090c3"),   # nop; call queue_rq; nop; ret
            (0x2000, "f0480100c3"),         # lock add; ret
            (0x3000, "e80000000090c3"),     # call blk_mq_start_request; nop; ret
            (0x4000, "f0480100e80000000048cf"),  # lock add; call queue_rq; iret
        ):
            code.add(start, bytes.fromhex(content))
        return code

    def test_function(self):
        self.assertEqual(self.code().function(0x10)[1:], ("user", ""))
        self.assertEqual(self.code().function(0x3002), (0x3000, "queue_rq", "driver"))

    IO = [0x1000, 0x1001, 0x3000, 0x2000, 0x2004, 0x3005, 0x3006, 0x1006, 0x1007]

    def test_follow(self):
        walked = path.follow([0x500, *self.IO * 3], self.code(), "driver")
        self.assertEqual(walked.ios, 2)
        self.assertEqual(walked.total, 18)
        self.assertEqual(walked.instructions, 10)
        self.assertEqual(walked.driver, 6)
        self.assertEqual(walked.calls, 2)
        self.assertEqual(walked.locks, 2)
        self.assertEqual(walked.driver_functions, {0x3000})

    def test_follow_interrupted(self):
        hit = [*self.IO[:4], 0x4000, 0x4009, *self.IO[4:]]
        walked = path.follow([*hit, *self.IO, *self.IO], self.code(), "driver")
        self.assertEqual((walked.ios, walked.total), (2, 20))
        # The interrupt is not on the path, and the path continues after it.
        self.assertEqual((walked.instructions, walked.driver, walked.locks), (10, 6, 2))
        self.assertEqual((walked.whole.total(), walked.unrelated), (18, 2))
        self.assertEqual(walked.interrupt_locks, 0)

    def test_follow_an_interrupt_to_the_driver(self):
        hit = [*self.IO[:8], 0x4000, 0x4004, 0x3000, 0x2000, 0x2004, 0x3005, 0x3006, 0x4009, 0x1007]
        walked = path.follow([*hit, *self.IO, *self.IO], self.code(), "driver")
        self.assertEqual((walked.ios, walked.total), (3, 26))
        self.assertEqual((walked.instructions, walked.driver, walked.locks), (15, 9, 3))
        self.assertEqual((walked.whole.total(), walked.unrelated), (26, 0))
        self.assertEqual(walked.interrupt_locks, 1)

    def test_follow_half_an_io(self):
        # An interrupt ends the I/O, after the system call that waits for it.
        hit = [*self.IO, 0x1000, 0x1007, 0x4000, 0x4004, 0x3005, 0x3006, 0x4009, 0x1000, 0x1007]
        walked = path.follow([*hit * 2, *hit[:11]], self.code(), "driver")
        self.assertEqual((walked.ios, walked.driver), (2, 10))

    def test_follow_too_short(self):
        self.assertRaises(ValueError, path.follow, self.IO, self.code(), "driver")

    def test_elf(self):
        source = ".type f, @function\nnop\nf: ret\n.size f, 1\n.type g, @function\ncall g\n"
        with tempfile.NamedTemporaryFile() as file:
            subprocess.run(["clang", "-c", "-xassembler", "-", "-o", file.name], check=True,
                           input=source.encode())
            elf = path.ELFFile(file)
            self.assertEqual(list(path.code_sections(elf)),
                             [(".text", 0, bytes.fromhex("90c3e800000000"))])
            self.assertEqual(path.function_sizes(elf), {(".text", 1): 1})


class Report(unittest.TestCase):
    def test_whole(self):
        cell = "x"
        records = [
            {"record": "path", "cell": cell, "driver": driver, "whole": [
                ["common", "", 50], ["tiny", "", 1], ["tinier", "", 0.5], ["own", "m", own]]}
            for driver, own in (("floor", 10), ("c", 110), ("rust", 30))
        ]
        _, rows = report.whole_table(Summary(result(records)), cell)
        self.assertEqual(rows, [
            ("own", "m", "10", "+100", "+20"),
            ("common", "kernel", "50", "+0", "+0"),
            ("functions with less than these", "", "2", "+0", "+0"),
            ("all", "", "62", "+100", "+20"),
        ])

    def test_demangled(self):
        self.assertEqual(report.demangled('"_RNvCsb5MLIFMWygY_6kernel3run","1.00"\n'),
                         '"kernel::run","1.00"\n')

    def test_markdown(self):
        cell = plan.cell()
        made = result(counted(cell, floor=[5000], floorb=[5000], c=[5100], rust=[5010]))
        text = "\n".join(report.markdown(made, Summary(made)))
        self.assertIn(f"| {cell['name']} | 5000 | 0 | 100 | 10 | 0.10 |", text)
        self.assertIn("own cost at most 0.30 of null_blk's: met", text)

    def test_a_module_that_is_too_large_is_reported(self):
        made = result_of_size(327_964)
        text = "\n".join(report.markdown(made, Summary(made)))
        self.assertIn("**.text of rnull_mod.ko: at most 100 KB: MISSED**", text)
        self.assertIn("| rnull_mod.ko | 100.0 KB | 328.0 KB (null_blk.ko has 22.2 KB) | MISSED |",
                      text)
        with tempfile.TemporaryDirectory() as top:
            (Path(top) / "records.jsonl").write_text(json.dumps(made["environment"]) + "\n")
            said = io.StringIO()
            with (
                contextlib.redirect_stdout(said),
                unittest.mock.patch("sys.argv", ["report.py", top]),
                unittest.mock.patch.dict("sys.modules", plots=unittest.mock.Mock()),
            ):
                report.main()
        self.assertRegex(said.getvalue(), r"(?m)^MISSED +\.text of rnull_mod\.ko: at most 100 KB$")

    def test_counted_cells_have_a_table_for_each_mode(self):
        cells = [plan.cell(), plan.cell(memory_backed=1), plan.cell(irqmode=2),
                 plan.cell(rw="randwrite")]
        made = result([r for cell in cells for r in counted(cell, floor=[9], c=[9], rust=[9])])
        rows = {title: [row[0] for row in rows]
                for title, (_, rows) in report.tables(made, Summary(made))}
        self.assertEqual(rows["Instructions per I/O, irqmode 0"],
                         [cells[0]["name"], cells[3]["name"]])
        self.assertEqual(rows["Instructions per I/O, memory-backed"], [cells[1]["name"]])
        self.assertEqual(rows["Instructions per I/O, irqmode 2"], [cells[2]["name"]])

    def test_brd_has_its_own_floor(self):
        cell = plan.beside_brd(plan.cell(depth=64, batch=16, **plan.MEMORY[1]))
        made = result(counted(cell, floor=[6200], floorb=[6000], floorbio=[5000], c=[20000],
                              brd=[10_000], rust=[11_000]))
        tables = dict(report.tables(made, Summary(made)))
        _, (row,) = tables["Instructions per I/O, rnull and brd"]
        self.assertEqual(row[1:], ("5000", "6000", "10000", "11000", "904", "904"))

    def test_jobs_and_locks(self):
        records = [*jobs({"c": (100, 120), "rust": (100, 198), "brd": (100, 200)}),
                   *contended({"rust": [("rnull page", 0, True)],
                               "c": [("&nullb->lock", 5, True), ("&rq->lock", 3, False)]})]
        made = result(records)
        tables = dict(report.tables(made, Summary(made)))
        _, rows = tables["One job and two on a device, in turn"]
        rows = {row[1]: row[2:] for row in rows}
        self.assertEqual(rows["rnull"], ("10050", "19899", "1.980 (1.980 to 1.980)", ""))
        self.assertEqual(rows["brd"][2:], ("2.000 (2.000 to 2.000)", "0.990 (0.990 to 0.990)"))
        _, rows = tables["Contention of locks, two jobs on a device"]
        self.assertEqual([row[1:] for row in rows], [
            ("rnull", "1000", "all of the driver", 0, 1), ("rnull", "1000", "rnull page", 0, 1),
            ("null_blk", "1000", "all of the driver", 5, 51),
            ("null_blk", "1000", "&nullb->lock", 5, 51), ("null_blk", "1000", "&rq->lock", 3, 31)])
        self.assertTrue("\n".join(report.markdown(made, Summary(made))))

    def test_overview(self):
        made = result(counted(plan.cell(), floor=[5000, 5100], c=[5100], rust=[5010]))
        text = "\n".join(report.markdown(made, Summary(made)))
        self.assertIn("samples differ by more than 0.5% in 1 of 3 figures, most with floor in "
                      "irqmode 0, randread, 4k, 1 deep: ", text)
        self.assertIn("| irqmode 0, one at a time: own cost at most 0.30 of null_blk's | met | "
                      "1 of 1 |", text)


class Cited(unittest.TestCase):
    """The figures in the documentation."""

    EMPTY = {kind: {} for kind in ("runs", *figures.CITED)}

    def run_of(self, date, records):
        made = result(records)
        made["environment"]["date"] = date
        return Summary(made)

    def test_the_page_is_what_the_figures_give(self):
        cited = figures.read()
        page = figures.PAGE.read_text()
        self.assertEqual(page, figures.page_with(page, cited))
        self.assertEqual(figures.PLOT.read_text(), "\n".join(figures.plot(cited)) + "\n")
        self.assertEqual(figures.FIGURES.read_text(), figures.dumps(cited))

    def test_the_table_has_each_figure(self):
        page = figures.PAGE.read_text()
        for name, of in figures.read()["counted"].items():
            row, = (line for line in page.splitlines() if line.startswith(f'   "{name}",'))
            for driver in ("c", "rust"):
                value, width = of[driver]
                self.assertIn(f'"{value} ± {width}"', row)

    def test_figures_that_change_change_the_page(self):
        page = figures.PAGE.read_text()
        cited = figures.read()
        cited["counted"][plan.cell()["name"]]["rust"] = [4711, 1]
        self.assertIn('"4711 ± 1"', figures.page_with(page, cited))

    def test_all_that_is_cited_was_measured(self):
        cited = figures.read()
        for kind, names in figures.CITED.items():
            self.assertEqual(list(cited[kind]), list(names))
            for entry in cited[kind].values():
                self.assertRegex(cited["runs"][entry["run"]]["commit"], "^[0-9a-f]{40}")
                self.assertTrue(cited["runs"][entry["run"]]["command"])

    def test_cells_that_are_cited_are_planned(self):
        for kind, part in (("counted", "counted"), ("smp", "smp"), ("path", "path")):
            planned = {cell["name"] for cell in plan.PARTS[part](True)}
            self.assertLessEqual(set(figures.CITED[kind]), planned)

    def test_the_page_is_short(self):
        self.assertLessEqual(len(figures.PAGE.read_text().splitlines()), 150)
        plot = figures.PLOT.read_text()
        self.assertLessEqual(len(plot.splitlines()), 300)
        self.assertLessEqual(len(plot), 20_000)
        self.assertEqual(ElementTree.fromstring(plot).tag, "{http://www.w3.org/2000/svg}svg")

    def test_a_new_run_replaces_what_it_has(self):
        records = [record for name in figures.CITED["counted"][:2]
                   for record in counted({**plan.cell(), "name": name},
                                         floor=[5000], c=[5099, 5100, 5101], rust=[5010])]
        records.append({"record": "turn", "cell": figures.CITED["native"][0],
                        "ns_per_io": {"c": 200, "rust": 190}})
        old = figures.cite(self.run_of("old", records), self.EMPTY)
        self.assertEqual(old["counted"][plan.cell()["name"]],
                         {"run": "old", "floor": 5000, "c": [100, 1], "rust": [10, 0],
                          "threshold": "met"})
        self.assertEqual(old["native"][figures.CITED["native"][0]],
                         {"run": "old", "ratio": [0.95, 0.95, 0.95]})
        self.assertEqual(old["runs"]["old"]["command"], "make bench")
        new = figures.cite(self.run_of("new", counted(plan.cell(), floor=[5000], c=[5100],
                                                      rust=[5040])), old)
        self.assertEqual(new["counted"][plan.cell()["name"]]["rust"], [40, 0])
        self.assertEqual(new["counted"][plan.cell()["name"]]["threshold"], "MISSED")
        self.assertEqual([of["run"] for of in new["counted"].values()], ["new", "old"])
        self.assertEqual(set(new["runs"]), {"old", "new"})
        # Each run has the sizes of the modules.
        self.assertEqual({of["run"] for of in new["modules"].values()}, {"new"})
        everything = counted(plan.cell(), floor=[5000], c=[5100], rust=[5010])
        last = figures.cite(self.run_of("last", everything), {**self.EMPTY, "runs": new["runs"]})
        self.assertEqual(set(last["runs"]), {"last"})

    def test_a_module_that_is_too_large(self):
        for code, verdict in ((100_000, "met"), (100_001, "MISSED")):
            cited = figures.cite(Summary(result_of_size(code)), self.EMPTY)
            self.assertIn(f"The threshold for rnull is 100 KB: {verdict}.",
                          list(figures.sentences(cited)))


if __name__ == "__main__":
    unittest.main()
