#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The part of `make bench' that runs in a guest.

    guest.py PLAN RESULT

PLAN is a JSON file from plan.py. Each measurement is appended to RESULT, as a JSON object on a
line, so that an interrupted run keeps its results.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import contention
import devices
from devices import Configured, Ram, Unsupported
from plan import size_of
from rings import Rings

PATIENCE = 60  # seconds that fio has to end
SECTOR = 512  # bytes, the default block size of all drivers
INSPECT = Path("/sys/module/blk_floor/parameters/request_data")
LOCK_STAT = Path("/proc/lock_stat")


class Result:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1)  # noqa: SIM115

    def add(self, record, /, **what):
        self.file.write(json.dumps({"record": record, **what}) + "\n")


def fio_arguments(cell, device, polled):
    arguments = [
        "fio",
        "--name=bench",
        f"--filename=/dev/{device}",
        f"--rw={cell['rw']}",
        f"--bs={cell['bs']}",
        "--direct=1",
        "--ioengine=io_uring",
        "--registerfiles",
        "--fixedbufs",
        "--zero_buffers",
        "--norandommap",
        "--randrepeat=1",
        f"--iodepth={cell['depth']}",
        "--thread",
        "--disk_util=0",
        "--eta=never",
        "--time_based",
        "--runtime=1h",
        "--output-format=json",
    ]
    if cell["batch"] > 1:
        arguments += [
            f"--iodepth_batch_submit={cell['batch']}",
            f"--iodepth_batch_complete_min={cell['batch']}",
            f"--iodepth_batch_complete_max={cell['batch']}",
        ]
    if cell.get("area"):
        arguments.append(f"--size={cell['area']}")
    if cell.get("jobs", 1) > 1:
        arguments += [f"--numjobs={cell['jobs']}", "--group_reporting"]
    if polled:
        arguments.append("--hipri")
    return arguments


def kblockd():
    """The threads that dispatch requests from an I/O scheduler."""
    found = []
    for thread in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it may be gone
            if re.match(r"kworker/\d+:\d+H", thread.read_text()):
                found.append(int(thread.parent.name))
    return found


def processor_time(pid):
    # The clock of another process, as from clock_getcpuclockid(3).
    return time.clock_gettime_ns((~pid << 3) | 2)


def not_to_preempt():
    """Keep a program and its threads, including io_uring's, from preempting each other.

    Otherwise a few instructions decide whether fio or a thread of io_uring runs first after an I/O,
    and that changes the count by hundreds.
    """
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


class Fio:
    """fio at work on a device, in the background.

    Its I/Os are counted by the device; with `by_rings`, or if the device counts none, by the
    completion rings of fio.
    """

    def __init__(self, cell, device, polled=False, prepare=None, by_rings=False):
        self.cell = cell
        self.device = device
        self.arguments = fio_arguments(cell, device, polled)
        self.times = {}
        self.killed = False
        name = f"/tmp/fio-{device}-{cell.get('jobs', 1)}"
        self.output = f"{name}.json"
        self.errors = f"{name}.errors"
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(
                [*self.arguments, f"--output={self.output}"], stderr=errors, preexec_fn=prepare
            )
        self.rings = None
        if by_rings or device in devices.BIO_BASED.values():
            self.rings = Rings(self.process.pid, cell.get("jobs", 1))

    def spent(self):
        """Processor time in ns of all its threads and of kblockd.

        On one processor they do not run while this function reads it, so it is complete.
        """
        if not self.times:
            self.times = dict.fromkeys([self.process.pid, *kblockd()], 0)
        for pid in self.times:
            with contextlib.suppress(OSError):  # the worker has ended
                self.times[pid] = processor_time(pid)
        return sum(self.times.values())

    def readings(self):
        """(bytes transferred, the time in ns): one for the device, or one for each ring."""
        if self.rings:
            block = size_of(self.cell["bs"])
            return [(count * block, when) for count, when in self.rings.readings()]
        fields = (devices.SYSFS / self.device / "stat").read_text().split()
        moved = int(fields[2 if self.cell["rw"] == "randread" else 6]) * 512
        return [(moved, time.monotonic_ns())]

    def moved(self):
        """Bytes that have been transferred."""
        return sum(moved for moved, _ in self.readings())

    def rate(self, seconds):
        """Bytes per second, in an interval from now."""
        before = self.readings()
        time.sleep(seconds)
        self.check()
        # The tails of two rings are not read at the same time.
        return sum((moved - base) * 1e9 / (end - start) for (base, start), (moved, end)
                   in zip(before, self.readings(), strict=True))

    def check(self):
        """Check that fio still runs."""
        if self.process.poll() is not None:
            said = Path(self.errors).read_text()
            raise RuntimeError(f"fio ended early: {' '.join(self.arguments)}: {said}")

    def wait_for(self, amount):
        """Wait until `amount` more bytes have been transferred."""
        until = self.moved() + amount
        while self.moved() < until:
            self.check()
            time.sleep(0.01)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        """End fio. Its report only tells whether the I/Os succeeded."""
        if self.process.poll() is None:
            self.resume()
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # fio may sleep on after all of its threads have ended. If it waits for an I/O, SIGKILL
            # does not end it.
            self.process.kill()
            self.process.wait()
            self.killed = True
            print(f"    fio on {self.device} did not end in {PATIENCE} s, and was killed",
                  flush=True)
            return
        text = Path(self.output).read_text()
        job = json.loads(text[text.index("{"):])["jobs"][0]  # a note may precede it
        if job["error"] or status not in (0, 128):
            raise RuntimeError(f"fio: error {job['error']}, status {status} on {self.device}")


class Devices:
    """The devices of the current cell. The next cell reuses them if it can."""

    def __init__(self):
        self.made = {}  # driver -> (settings and number, devices)
        self.floor = None
        self.depth = 64
        for top, module in devices.CONFIGURED.values():
            devices.load(module, "nr_devices=0")
            assert (devices.CONFIGFS / top).is_dir()
        if all(devices.has(driver, "hw_queue_depth") for driver in devices.CONFIGURED):
            self.depth = 256

    def settings(self, cell, driver):
        settings = {
            "size": cell.get("size_mib", 250 * 1024),
            "irqmode": cell["irqmode"],
            "hw_queue_depth": self.depth,
            "memory_backed": cell.get("memory_backed", 0),
            "blocksize": cell.get("blocksize", SECTOR),
            "submit_queues": cell.get("hw_queues", 1),
            # Not the default of 1: with an I/O scheduler, a second hardware queue would add to the
            # cost.
            "poll_queues": int(cell.get("polled", False)),
            **cell.get(driver, {}),
        }
        if settings["irqmode"] in (2, 3):
            settings["completion_nsec"] = cell["completion_nsec"]
        return settings

    def get(self, cell, driver):
        """The name of the device for this cell."""
        number = cell.get("devices", 1)
        if driver in devices.FLOORS:
            wanted = {
                "depth": self.depth,
                "hw_queues": cell.get("hw_queues", 1),
                "bs": cell.get("blocksize", SECTOR),
                "single": number,
                "batched": number,
                "bio": 1,
            }
            if self.floor != wanted:
                devices.unload("blk_floor")
                devices.load("blk_floor", *(f"{key}={value}" for key, value in wanted.items()))
                self.floor = wanted
            name = devices.FLOORS[driver]
        else:
            wanted = (self.settings(cell, driver), number)
            have, made = self.made.get(driver, (None, []))
            if have != wanted:
                self.drop(driver)
                made = []
                try:
                    for index in range(number):
                        made.append(self.make(driver, index, wanted[0]))
                except Unsupported:
                    for device in made:
                        device.remove()
                    raise
                self.made[driver] = (wanted, made)
            name = made[0].name
        if driver not in devices.BIO_BASED:
            devices.write(devices.SYSFS / name / "queue/scheduler", cell.get("scheduler", "none"))
        return name

    @staticmethod
    def make(driver, index, settings):
        if driver == "brd":
            return Ram(settings["size"])
        return Configured(driver, f"{driver}-bench{index}", settings)

    def drop(self, driver):
        for device in self.made.pop(driver, (None, []))[1]:
            device.remove()

    def close(self):
        for driver in list(self.made):
            self.drop(driver)
        devices.unload("blk_floor")
        self.floor = None


class Alike:
    """Note the differences between the queue attributes of two devices."""

    # These differ between drivers, or depend on the I/O so far.
    IGNORED = {"io_poll", "io_timeout"}

    def __init__(self, result):
        self.result = result
        self.noted = set()

    def check(self, cell, first, second):
        ours, theirs = (devices.queue_settings(name) for name in (first, second))
        for key in sorted((ours.keys() | theirs.keys()) - self.IGNORED):
            if ours.get(key) != theirs.get(key) and key not in self.noted:
                self.noted.add(key)
                note = f"{key} is {ours.get(key)} for {first}, {theirs.get(key)} for {second}"
                self.result.add("note", cell=cell["name"], note=note)


def batches():
    return int(Path("/sys/module/blk_floor/parameters/batches").read_text())


def sample_instructions(cell, driver, name, polled):
    """Samples of fio's processor time and its I/Os, in several intervals of one run."""
    block = size_of(cell["bs"])
    run = Fio(cell, name, polled, prepare=not_to_preempt)
    samples = []
    try:
        # During the first I/Os, code and data are paged in.
        run.wait_for(cell["warm_up"] * block)
        for _ in range(cell["samples"]):
            calls, before, spent = batches(), run.moved(), run.spent()
            start = time.monotonic_ns()
            run.wait_for(cell["ios"] * block)
            after, now, then = run.moved(), run.spent(), time.monotonic_ns()
            sample = {
                "ns": now - spent,
                "ios": (after - before) / block,
                "elapsed_ns": then - start,
            }
            if driver == "floorb":
                sample["batch_calls"] = batches() - calls
            samples.append(sample)
    finally:
        run.stop()
    return samples


def count_instructions(plan, result):
    """Count instructions; under -icount one takes a nanosecond.

    A sample is fio's processor time while it runs, and the I/Os of the device in that time. It
    includes neither the start of fio, nor errors of fio's clock, nor idle time.
    """
    guest = Devices()
    alike = Alike(result)
    try:
        for number, cell in enumerate(plan["cells"], 1):
            print(f"[{number}/{len(plan['cells'])}] {cell['name']}", flush=True)
            if cell["depth"] > guest.depth:
                skip(result, cell, "all", f"the devices have {guest.depth} requests")
                continue
            names = {}
            for driver in cell["drivers"]:
                try:
                    names[driver] = guest.get(cell, driver)
                    count_cell(cell, driver, names[driver], result)
                except Unsupported as why:
                    skip(result, cell, driver, str(why))
                except RuntimeError as why:
                    # Go on with the other drivers.
                    skip(result, cell, driver, f"failed: {why}")
                    result.add("note", cell=cell["name"], note=f"{driver} failed: {why}")
            for driver in names.keys() - {"floor", *devices.BIO_BASED}:
                alike.check(cell, names["floor"], names[driver])
    finally:
        guest.close()


def skip(result, cell, driver, reason):
    result.add("skip", cell=cell["name"], driver=driver, reason=reason)
    print(f"    {driver}: skipped: {reason}", flush=True)


def count_cell(cell, driver, name, result):
    polled = bool(cell.get("polled")) and driver in devices.CONFIGURED
    if cell.get("memory_backed") and driver not in devices.FLOORS:
        fill(cell, name)
    samples = sample_instructions(cell, driver, name, polled)
    for sample in samples:
        result.add("sample", cell=cell["name"], driver=driver, **sample)
    text = " ".join(f"{sample['ns'] / sample['ios']:.1f}" for sample in samples)
    print(f"    {driver}: {text}", flush=True)


def fill(cell, name):
    """Write the area that will be read, so that reads copy data."""
    subprocess.run(
        ["dd", "if=/dev/zero", f"of=/dev/{name}", "bs=1M", "oflag=direct", "status=none",
         f"count={size_of(cell['area']) >> 20}"],
        check=True,
    )


def compare_in_turn(plan, result):
    """Compare times on several processors, of drivers in turn.

    One fio runs on the device of each driver, and one of the two is always stopped. Pairs of
    measurements from the same processes and devices agree more than others. So there are several
    rounds, each with new processes and devices.
    """
    guest = Devices()
    try:
        for number, cell in enumerate(plan["cells"], 1):
            print(f"[{number}/{len(plan['cells'])}] {cell['name']}", flush=True)
            for round_ in range(cell["rounds"]):
                compare_once(guest, cell, round_, result)
    finally:
        guest.close()


def compare_once(guest, cell, round_, result):
    def start(driver):
        guest.drop(driver)
        return Fio(cell, guest.get(cell, driver))

    compare_runs(cell, start, cell["drivers"], "pair", round_, result)


def compare_runs(cell, start, names, record, round_, result):
    """Start an fio for each name, and have them take turns."""
    runs = {}
    try:
        for name in names:
            try:
                runs[name] = start(name)
                runs[name].wait_for(1)
                runs[name].pause()
            except Unsupported as why:
                skip(result, cell, name, str(why))
        if len(runs) == len(names):
            take_turns(cell, runs, record, round_, result)
    finally:
        for name, run in runs.items():
            run.stop()
            if run.killed:
                result.add("note", cell=cell["name"],
                           note=f"fio on the device of {name} had to be killed")


def take_turns(cell, runs, record, round_, result):
    order = list(runs)
    for pair in range(cell["pairs"]):
        rates = {}
        # Each one goes first in half of the pairs.
        for name in order if (pair + round_) % 2 == 0 else reversed(order):
            run = runs[name]
            run.resume()
            time.sleep(0.03)
            rates[name] = run.rate(cell["interval_ms"] / 1000) / size_of(cell["bs"])
            run.pause()
        result.add(record, cell=cell["name"], round=round_, iops=rates)
    text = " ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    print(f"    round {round_ + 1} of {cell['rounds']}: IOPS {text}", flush=True)


def compare_jobs(plan, result):
    """Compare one job with two on the same device, of several drivers in turn.

    On each device there are an fio with one job and an fio with two. Of all of them, one runs at a
    time. Each round has new devices, which all of its cells share.
    """
    guest = Devices()
    first, *_ = plan["cells"]
    try:
        for round_ in range(first["rounds"]):
            for driver in first["drivers"]:
                guest.drop(driver)
                fill(first, guest.get(first, driver))
            for number, cell in enumerate(plan["cells"], 1):
                print(f"[{number}/{len(plan['cells'])}] {cell['name']}", flush=True)
                compare_jobs_once(guest, cell, round_, result)
    finally:
        guest.close()


def compare_jobs_once(guest, cell, round_, result):
    runs = {f"{driver} {jobs}": (driver, jobs) for driver in cell["drivers"] for jobs in (1, 2)}

    def start(name):
        driver, jobs = runs[name]
        # brd counts no I/O, and all drivers are measured in the same way.
        return Fio({**cell, "jobs": jobs}, guest.get(cell, driver), by_rings=True)

    compare_runs(cell, start, list(runs), "jobs", round_, result)


def count_contention(plan, result):
    """Record which locks are contended while two jobs run on one device."""
    devices.write("/proc/sys/kernel/lock_stat", 1)
    guest = Devices()
    try:
        for number, cell in enumerate(plan["cells"], 1):
            print(f"[{number}/{len(plan['cells'])}] {cell['name']}", flush=True)
            for driver in cell["drivers"]:
                name = guest.get(cell, driver)
                fill(cell, name)
                record = contention_of(cell, driver, name)
                result.add("contention", cell=cell["name"], driver=driver, **record)
                own = sum(one["contentions"] for one in record["classes"] if one["own"])
                print(f"    {driver}: {own} contentions of its locks, {record['ios']:.0f} I/Os",
                      flush=True)
    finally:
        guest.close()


def contention_of(cell, driver, name):
    block = size_of(cell["bs"])
    run = Fio(cell, name)
    try:
        run.wait_for(2 * cell["depth"] * block)
        before = run.moved()
        devices.write(LOCK_STAT, 0)  # clears it
        time.sleep(cell["seconds"])
        text = LOCK_STAT.read_text()
        ios = (run.moved() - before) / block
    finally:
        run.stop()
    _, module = devices.CONFIGURED[driver]
    return {"ios": ios, "classes": contention.classes(text, driver, module)}


def free_memory():
    """Bytes of free memory, after dropping caches and the remains of removed devices."""
    time.sleep(1)  # RCU and workers free memory later
    devices.write("/proc/sys/vm/drop_caches", 3)
    for path in Path("/sys/kernel/slab").glob("*/shrink"):
        devices.write(path, 1)
    zones = Path("/proc/zoneinfo").read_text()
    # The pages of each zone, and those in the lists of each processor.
    pages = re.findall(r"^ *(?:pages free|count:) +(\d+)$", zones, re.M)
    return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")


def times(wanted):
    """The number of times to create these devices: many take long, and times of few vary."""
    return max(2, min(5, 64 // wanted["devices"]))


def count_devices(plan, result):
    """Measure what many devices or queues cost each I/O, and what their creation costs."""
    count_instructions(plan, result)
    create_and_remove(plan, result)


def create_and_remove(plan, result):
    """Measure the time and memory to create devices. Under -icount sleeping takes its full time."""
    for driver, (_, module) in devices.CONFIGURED.items():
        devices.load(module, "nr_devices=0")
        for wanted in plan.get("create", ()):
            settings = {}
            if "hw_queues" in wanted:
                settings = {"submit_queues": wanted["hw_queues"], "poll_queues": 0}

            def make(wanted=wanted, settings=settings, driver=driver):
                return [Configured(driver, f"{driver}-{index}", settings)
                        for index in range(wanted["devices"])]

            create(wanted, driver, make, lambda made: [one.remove() for one in made], result)
    image, = Path("/lib/modules").glob(f"{os.uname().release}/kernel/**/blk_floor.ko")
    image = image.read_bytes()
    for wanted in plan.get("create", ()):
        parameters = (f"single={wanted['devices']}", "batched=0",
                      f"hw_queues={wanted.get('hw_queues', 1)}")
        create(wanted, "floor", lambda parameters=parameters: devices.insert(image, *parameters),
               lambda _: devices.delete("blk_floor"), result)


def create(wanted, driver, make, remove, result):
    for _ in range(times(wanted)):
        before, start = free_memory(), time.monotonic_ns()
        made = make()
        there, memory = time.monotonic_ns(), before - free_memory()
        removing = time.monotonic_ns()
        remove(made)
        gone = time.monotonic_ns()
        result.add("create", driver=driver, **wanted, create_ns=there - start,
                   remove_ns=gone - removing, bytes=memory)
    what = ", ".join(f"{number} {of.replace('_', ' ')}" for of, number in wanted.items())
    print(f"    {driver}: {what}: {(there - start) / 1e6:.1f} ms to create, "
          f"{(gone - removing) / 1e6:.1f} ms to remove, {memory >> 10} KiB", flush=True)


def trace_paths(plan, result):
    """Have the host log the executed instructions, and record the addresses of the code."""
    directory = Path(sys.argv[2]).parent
    guest = Devices()
    try:
        for number, cell in enumerate(plan["cells"], 1):
            print(f"[{number}/{len(plan['cells'])}] {cell['name']}", flush=True)
            for driver in cell["drivers"]:
                try:
                    name = guest.get(cell, driver)
                except Unsupported as why:
                    skip(result, cell, driver, str(why))
                    continue
                devices.write(INSPECT, f"/dev/{name}")
                result.add("request_data", cell=cell["name"], driver=driver,
                           bytes=int(INSPECT.read_text()))
                if cell.get("area"):
                    fill(cell, name)
                log = f"{plan['kind']}-{number}-{driver}.trace"
                trace_path(cell, driver, name, directory, log, result)
        (directory / "kallsyms").write_text(Path("/proc/kallsyms").read_text())
    finally:
        guest.close()


def trace_path(cell, driver, name, directory, log, result):
    run = Fio(cell, name, prepare=not_to_preempt)
    request = directory / "trace-request"
    try:
        run.wait_for(cell["warm_up"] * size_of(cell["bs"]))
        # Rename it, so that the host never reads an incomplete file.
        new = request.with_suffix(".new")
        new.write_text(log)
        new.rename(request)
        while request.exists():
            time.sleep(0.01)
    finally:
        run.stop()
    result.add("trace", cell=cell["name"], driver=driver, log=log, sections=sections())


def sections():
    """The addresses of the modules' code sections."""
    found = {}
    for path in Path("/sys/module").glob("*/sections/.text*"):
        found.setdefault(path.parts[3], {})[path.name] = int(path.read_text(), 16)
    return found


def count_on_first(plan, result):
    """As count_devices, on a machine with many processors of which one is online.

    The number of possible processors limits the queues of a device.
    """
    for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/online"):
        if path.parent.name != "cpu0":
            devices.write(path, 0)
    count_devices(plan, result)


KINDS = {
    "path": trace_paths,
    "features": trace_paths,
    "bare": trace_paths,
    "icount": count_instructions,
    "devices": count_devices,
    "queues": count_on_first,
    "smp": compare_in_turn,
    "scaling": compare_jobs,
    "contention": count_contention,
}


def main():
    plan = json.loads(Path(sys.argv[1]).read_text())
    result = Result(sys.argv[2])
    Path("/proc/sys/kernel/randomize_va_space").write_text("0")
    result.add(
        "guest",
        kind=plan["kind"],
        release=os.uname().release,
        version=Path("/proc/version").read_text().strip(),
        fio=devices.command("fio", "--version").strip(),
        processors=os.cpu_count(),
        cpu=re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)[1],
    )
    KINDS[plan["kind"]](plan, result)
    result.add("end")


if __name__ == "__main__":
    main()
