#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prove that the abstractions cost nothing where nothing is used of them.

    run.py OBJECTS

The drivers in drivers.rs are compiled against the kernel crate in the build directory OBJECTS and
disassembled. The function that the block layer calls must call what a driver in C would, in this
order, and nothing else: no allocation, no counting. It must not have an instruction that locks the
bus, nor more instructions than it is given here. Exit 1, after showing it, if it has.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compile-fail"))

from run import Compiler

HERE = Path(__file__).resolve().parent
# Driver, function: the calls that it makes, and how many instructions it has at most.
EXPECTED = {
    ("Inline", "queue_rq"): (("blk_mq_start_request", "blk_mq_end_request"), 12),
    ("Softirq", "queue_rq"): (
        ("blk_mq_start_request", "blk_mq_complete_request_remote", "blk_mq_end_request"),
        16,
    ),
    ("Softirq", "complete"): (("blk_mq_end_request",), 6),
    ("Timer", "queue_rq"): (("blk_mq_start_request", "hrtimer_start_range_ns"), 18),
    ("Timer", "run"): (("blk_mq_end_request",), 8),
    ("Chain", "queue_rq"): (("blk_mq_start_request", "hrtimer_start_range_ns"), 20),
    ("Chain", "run"): (("end_in_batch", "blk_mq_end_request"), 14),
}
FUNCTION = re.compile(r"^[0-9a-f]+ <(\S+)>:$")
INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\s+(\S.*)$")
CALL = re.compile(r"R_X86_64_P(?:LT|C)32\s+(\w+)")
# An exchange with memory locks the bus without saying so.
LOCKS = re.compile(r"^(lock\b|xchg\S*\s.*\()")
PADDING = re.compile(r"^((cs\s+)?nop|int3\b|xchgw?\s+%ax, %ax)")


def functions(text):
    """Mangled name -> lines, of a disassembly."""
    found = {}
    lines = []
    for line in text.splitlines():
        if match := FUNCTION.match(line):
            lines = found.setdefault(match[1], [])
        elif line.strip():
            lines.append(line)
    return found


def mangled(name):
    """How a part of a path in Rust appears in the name of a symbol."""
    return f"{len(name)}{name}"


def judge(lines, calls, most):
    """What is wrong with a function, if anything."""
    code = [match[1] for line in lines if (match := INSTRUCTION.match(line))]
    code = [line for line in code if not PADDING.match(line) and "R_X86_64_" not in line]
    called = tuple(match[1] for line in lines if (match := CALL.search(line)))
    if len(called) != len(calls) or not all(
        name == want or mangled(want) in name for name, want in zip(called, calls, strict=True)
    ):
        return f"calls {', '.join(called)}"
    if any(LOCKS.match(line) for line in code):
        return "locks the bus"
    if not 0 < len(code) <= most:
        return f"has {len(code)} instructions, want {most} at most"
    return ""


def main():
    with tempfile.TemporaryDirectory() as out:
        compiler = Compiler(Path(sys.argv[1]).resolve(), Path(out))
        errors = compiler.errors(HERE / "drivers.rs", "right", codegen=True)
        if errors:
            print(*errors, sep="\n")
            return 1
        (built,) = Path(out).iterdir()
        text = subprocess.run(
            ["llvm-objdump", "-dr", "--no-show-raw-insn", str(built)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    found = functions(text)
    bad = 0
    for (driver, function), (calls, most) in EXPECTED.items():
        if function == "run":
            mark = re.compile(rf"{mangled(driver)}\S*18RawHrTimerCallback{mangled(function)}")
        else:
            mark = re.compile(rf"6VTable\S*{mangled(driver)}\S*{mangled(function)}")
        names = [name for name in found if mark.search(name)]
        if len(names) != 1:
            why = f"found {len(names)} times"
        else:
            why = judge(found[names[0]], calls, most)
        if why:
            bad += 1
            print(f"{driver}::{function}: {why}", *(found[name] for name in names), sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
