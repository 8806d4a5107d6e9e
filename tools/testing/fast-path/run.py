#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prove that the fast paths of Rust drivers cost no more than those of C drivers.

    run.py OBJECTS

The drivers in drivers.rs are compiled against the kernel crate in the build directory OBJECTS,
linked with the C helpers as in the build, and disassembled. EXPECTED lists for each function the
calls that a C driver would make, in order; the locked instructions; and the number of instructions.
The function must make these calls and no others (no allocation, no reference count), have these
locked instructions, and no more instructions. Otherwise print it, and exit 1.
"""

import re
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compile-fail"))

from run import DRIVER, Compiler
from rust_lint import saved_commands

SOURCE = Path(__file__).resolve().parent / "drivers.rs"


class Expected(NamedTuple):
    calls: tuple[str, ...]
    most: int  # instructions
    locks: tuple[str, ...] = ()


# Calls of dropping a reference: one for flush requests, one for the last reference.
DROP = ("blk_mq_put_flush_rq", "__blk_mq_free_request")
# (driver, function) -> its expected code.
EXPECTED = {
    ("Inline", "queue_rq"): Expected(("blk_mq_start_request", "blk_mq_end_request"), 10),
    ("Softirq", "queue_rq"): Expected(
        (
            "blk_mq_start_request",
            "blk_mq_complete_request_remote",
            "end_in_batch",
            "blk_mq_end_request",
        ),
        20,
    ),
    ("Softirq", "complete"): Expected(("end_in_batch", "end_in_batch", "blk_mq_end_request"), 6),
    ("Timer", "queue_rq"): Expected(("blk_mq_start_request", "hrtimer_start_range_ns"), 14),
    ("Timer", "run"): Expected(("end_in_batch", "blk_mq_end_request"), 11),
    ("ByTag", "queue_rq"): Expected(("blk_mq_start_request",), 9),
    # Before it ends a request, it takes a reference, claims the owner and drops the reference.
    # "addl" is the barrier for a saturated count. The first "decl" drops a request that turns out
    # to be another one.
    ("ByTag", "interrupt"): Expected(
        (*DROP, *DROP, "blk_mq_end_request", "preempt_schedule_thunk", "_printk"),
        98,
        ("cmpxchgl", "addl", "decl", "xchgq", "decl"),
    ),
}
FUNCTION = re.compile(r"^[0-9a-f]+ <(\S+)>:$")
INSTRUCTION = re.compile(r"^\s+[0-9a-f]+:\s+(\S.*)$")
RELOCATION = re.compile(r"R_X86_64_P(?:LT|C)32\s+(\w+)")
# xchg with a memory operand locks the bus without a prefix.
LOCKS = re.compile(r"^(?:lock\s+(\w+)|(xchg\w*)\s.*\()")
PADDING = re.compile(r"^((cs\s+)?nop|int3\b|xchgw?\s+%ax, %ax)")


def build(objects, out):
    """Build an object file of drivers.rs. Returns its path, or None after printing the errors."""
    errors = Compiler(objects, out).errors(SOURCE, "right", "llvm-bc")
    if errors:
        print(*errors, sep="\n")
        return None
    (bitcode,) = out.iterdir()
    driver = DRIVER.removesuffix(".o")
    files = {
        f"{driver}.bc": str(bitcode),
        f"{driver}.m.bc": str(out / "linked.bc"),
        f"{driver}.o": str(out / "linked.o"),
    }
    _, link, compile_it, *_ = saved_commands(objects, DRIVER)
    for command in (link, compile_it):
        subprocess.run([files.get(word, word) for word in command], cwd=objects, check=True)
    return out / "linked.o"


def functions(text):
    """Mangled name -> lines, from a disassembly."""
    found = {}
    lines = []
    for line in text.splitlines():
        if match := FUNCTION.match(line):
            lines = found.setdefault(match[1], [])
        elif line.strip():
            lines.append(line)
    return found


def mangled(name):
    """A name in a Rust path, as it appears in a symbol."""
    return f"{len(name)}{name}"


def mark(driver, function):
    """A pattern for the symbol of a function."""
    path = {
        "interrupt": mangled(SOURCE.stem),
        "run": rf"{mangled(driver)}\S*{mangled('RawHrTimerCallback')}",
    }.get(function, rf"{mangled('VTable')}\S*{mangled(driver)}\S*")
    return re.compile(path + mangled(function))


def instructions(lines):
    """The instructions of a function, each with its prefix."""
    prefix = ""
    for line in lines:
        match = INSTRUCTION.match(line)
        if not match or "R_X86_64_" in line or PADDING.match(match[1]):
            continue
        if match[1].strip() == "lock":
            prefix = "lock "
            continue
        yield prefix + match[1]
        prefix = ""


def calls(lines):
    """The functions that a function calls or jumps to."""
    for before, line in pairwise(lines):
        instruction = INSTRUCTION.match(before)
        symbol = RELOCATION.search(line)
        if symbol and instruction and instruction[1].startswith(("call", "j")):
            yield symbol[1]


def judge(lines, expected):
    """The fault of a function; empty if it has none."""
    code = list(instructions(lines))
    called = tuple(calls(lines))
    if len(called) != len(expected.calls) or not all(
        name == want or mangled(want) in name
        for name, want in zip(called, expected.calls, strict=True)
    ):
        return f"calls {', '.join(called)}"
    locks = tuple(match[1] or match[2] for line in code if (match := LOCKS.match(line)))
    if locks != expected.locks:
        return f"locks the bus by {', '.join(locks) or 'nothing'}"
    if not 0 < len(code) <= expected.most:
        return f"has {len(code)} instructions, want {expected.most} at most"
    return ""


def main():
    with tempfile.TemporaryDirectory() as out:
        built = build(Path(sys.argv[1]).resolve(), Path(out))
        if not built:
            return 1
        text = subprocess.run(
            ["llvm-objdump", "-dr", "--no-show-raw-insn", str(built)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    found = functions(text)
    bad = 0
    for (driver, function), expected in EXPECTED.items():
        names = [name for name in found if mark(driver, function).search(name)]
        why = judge(found[names[0]], expected) if len(names) == 1 else f"found {len(names)} times"
        if why:
            bad += 1
            print(f"{driver}::{function}: {why}", *(found[name] for name in names), sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
