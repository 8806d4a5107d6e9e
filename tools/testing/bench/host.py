#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Print records of the host for a run, as JSON lines.

    host.py environment KERNEL [COMMAND]  the kernel, the tools, the machine, and the command of the
                                          run
    host.py cells PLAN                    the cells of a plan
    host.py snapshot                      counters of the host, for "interference"
    host.py interference PART SNAPSHOT    the load by other programs since the snapshot
    host.py native CELL LOG               the turns in the log of user-mode Linux
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
# Device -> driver, as the submitter knows them.
DEVICES = {
    "/dev/floor0": "floor",
    "/dev/floorb0": "floorb",
    "/dev/nullb0": "c",
    "/dev/rnullb0": "rust",
}
TURN = re.compile(r"blk_submit: turn (\d+) (\S+) (\d+) ns (\d+) ios")


def record(kind, **what):
    print(json.dumps({"record": kind, **what}))


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def git(*words):
    return output("git", "-c", "safe.directory=*", "-C", str(REPO), *words)


SECTION = re.compile(r"^(\.\S+) +(\d+) +\d+$", re.M)


def code_size(sections):
    """Bytes of the .text sections, from the output of `llvm-size -A`."""
    return sum(int(size) for name, size in SECTION.findall(sections)
               if name == ".text" or name.startswith(".text."))


def sizes(module):
    """Bytes of a module: of its file; of its code; and the text (with constants and unwind tables),
    data and bss of `size`."""
    headings, totals = output("llvm-size", str(module)).splitlines()
    totals = dict(zip(headings.split(), totals.split(), strict=False))
    return {
        "file": module.stat().st_size,
        "code": code_size(output("llvm-size", "-A", str(module))),
        **{name: int(totals[name]) for name in ("text", "data", "bss")},
    }


def environment(kernel, command=None):
    kernel = Path(kernel)
    config = (kernel / "config").read_text()
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    record(
        "environment",
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        commit=git("rev-parse", "HEAD"),
        changed=bool(git("status", "--porcelain")),
        kernel=(kernel / "release").read_text().strip(),
        config=[line for line in config.splitlines() if line.startswith("CONFIG_")],
        config_hash=hashlib.sha256(config.encode()).hexdigest()[:16],
        clang=output("clang", "--version").splitlines()[0],
        rustc=output("rustc", "--version"),
        qemu=output("qemu-system-x86_64", "--version").splitlines()[0],
        cpu=cpu[1] if cpu else "unknown",
        processors=os.cpu_count(),
        host=os.uname().release,
        command=command,
        modules={
            module.name: sizes(module)
            for module in sorted(kernel.glob("lib/modules/*/kernel/drivers/block/**/*.ko"))
        },
    )


def cells(plan):
    plan = json.loads(Path(plan).read_text())
    for cell in plan["cells"]:
        record("cell", cell={**cell, "kind": plan["kind"]})


def snapshot():
    """The kernel's counters of processor time, and of the time that tasks waited for it."""
    stat = Path("/proc/stat").read_text().splitlines()[0]
    pressure = Path("/proc/pressure/cpu")
    return {
        "seconds": time.monotonic(),
        "processors": [int(word) for word in stat.split()[1:]],
        "waited_us": int(re.search(r"^some .*total=(\d+)", pressure.read_text(), re.M)[1])
        if pressure.exists() else None,
    }


def interference(part, before):
    record("host", part=part, **difference(json.loads(Path(before).read_text()), snapshot()))


def difference(before, after):
    """The share of processor time that was stolen, and of the time in which a task had to wait.

    Unknown shares are 0.
    """
    spent = [b - a for a, b in zip(before["processors"], after["processors"], strict=True)]
    seconds = after["seconds"] - before["seconds"]
    waited = 0.0
    if before["waited_us"] is not None and seconds > 0:
        waited = (after["waited_us"] - before["waited_us"]) / 1e6 / seconds
    # The last two fields are included in others.
    total = sum(spent[:8])
    return {"seconds": round(seconds, 1), "steal": spent[7] / total if total else 0.0,
            "waited": waited}


def native(cell, log):
    turns = {}
    text = Path(log).read_text(errors="replace")
    for number, device, ns, ios in TURN.findall(text):
        turns.setdefault(int(number), {})[DEVICES[device]] = int(ns) / int(ios)
    end = re.search(r"blk_submit: end, (\d+) failed", text)
    if not end or int(end[1]):
        sys.exit(f"{log}: blk_submit did not finish, or an I/O failed")
    for number, turn in sorted(turns.items()):
        # The first turns find cold caches.
        if number >= 2:
            record("turn", cell=cell, turn=number, ns_per_io=turn)


COMMANDS = {
    "environment": environment,
    "cells": cells,
    "snapshot": lambda: print(json.dumps(snapshot())),
    "interference": interference,
    "native": native,
}


if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
