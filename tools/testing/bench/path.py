#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Find the path of a request in traces of the instructions that a guest executed.

    path.py DIRECTORY KERNEL              print records, as JSON lines

DIRECTORY has the traces, and records.jsonl, which describes them. Run it with
`enter.sh --with elf', for pyelftools and capstone.

The path is the instructions that execute while a function of the driver's module is on the stack:
from its queue_rq or queue_rqs to the end of the requests, including the functions of the block
layer that the driver calls. So it does not depend on the names of functions, and misses none.
"""

import bisect
import json
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

from capstone import CS_ARCH_X86, CS_MODE_64, Cs
from elftools.elf.elffile import ELFFile

MODULES = {"floor": "blk_floor", "floorb": "blk_floor", "c": "null_blk", "rust": "rnull_mod"}
# The entry points of interrupts and exceptions.
INTERRUPTS = ("asm_sysvec_", "asm_common_interrupt", "asm_exc_")
EXECUTED = re.compile(rb"^Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]{16})/", re.M)
X86 = Cs(CS_ARCH_X86, CS_MODE_64)


def code_sections(elf):
    """(name, address, bytes) of each section of code."""
    for section in elf.iter_sections("SHT_PROGBITS"):
        if ".text" in section.name:
            yield section.name, section["sh_addr"], section.data()


def function_sizes(elf):
    """(section's name, offset) -> size of each function."""
    names = [section.name for section in elf.iter_sections()]
    return {(names[symbol["st_shndx"]], symbol["st_value"]): symbol["st_size"]
            for symbol in elf.get_section_by_name(".symtab").iter_symbols()
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF"}


class Code:
    """The bytes of the code at an address, and the function it belongs to."""

    def __init__(self, kallsyms):
        functions = {}
        for line in kallsyms.splitlines():
            address, kind, name, *module = line.split()
            if kind in "tTwW":
                functions.setdefault(int(address, 16), (name, module[0][1:-1] if module else ""))
        self.starts = sorted(functions)
        self.functions = [functions[start] for start in self.starts]
        self.areas = []  # (start, bytes)

    def add(self, start, content):
        self.areas.append((start, content))

    def function(self, address):
        """(start, name, module)"""
        index = bisect.bisect_right(self.starts, address) - 1
        if index < 0:
            return 0, "user", ""  # programs are below the kernel
        return self.starts[index], *self.functions[index]

    def bytes(self, address, length=15):
        for start, content in self.areas:
            if start <= address < start + len(content):
                return content[address - start:address - start + length]
        return b""


def decode(code):
    """The mnemonic of an instruction without its prefixes, and whether it locks the bus."""
    _, _, text, operands = next(X86.disasm_lite(code, 0, 1), (0, 0, "", ""))
    mnemonic = text.rpartition(" ")[2]
    # xchg with memory locks by itself.
    return mnemonic, text.startswith("lock ") or (mnemonic == "xchg" and "[" in operands)


class Walked:
    """Counts of the instructions on the path, over all I/Os of a trace."""

    def __init__(self):
        self.ios = 0
        self.total = 0
        self.instructions = 0
        self.driver = 0
        self.calls = 0
        self.locks = 0
        self.functions = Counter()  # (name, module) -> instructions
        self.lock_places = Counter()
        self.driver_functions = set()  # starts
        # All instructions that the I/Os caused, not only those on the path.
        self.whole = Counter()  # (name, module) -> instructions
        self.interrupt_locks = 0  # off the path, in interrupts that called the driver
        self.unrelated = 0  # instructions in other interrupts, such as the tick


class Interrupt:
    """Counts of the instructions from an interrupt's entry to its end."""

    def __init__(self):
        self.functions = Counter()
        self.locks = 0
        self.of_driver = False

    def end(self, path):
        """Add the interrupt to the counts of the path."""
        if self.of_driver:
            path.whole.update(self.functions)
            path.interrupt_locks += self.locks
        else:
            path.unrelated += self.functions.total()


def follow(addresses, code, module):
    """Walk a trace, and count the instructions on the path of the driver `module`."""
    known = {}  # address -> (start, name, module, mnemonic, lock)

    def look_up(address):
        if address not in known:
            start, name, of = code.function(address)
            known[address] = (start, name, of, *decode(code.bytes(address)))
        return known[address]

    # Take whole I/Os: from one call of queue_rq or queue_rqs to another. A system call may come in
    # the middle of an I/O.
    def is_queued(before, address):
        start, name, of, *_ = look_up(address)
        return (address == start and of == module and "queue_rq" in name
                and look_up(before)[2] != module)

    marks = [i for i, pair in enumerate(pairwise(addresses), 1) if is_queued(*pair)]
    if len(marks) < 2:
        raise ValueError("the trace is too short")
    path = Walked()
    stack = []  # (address of the call or None for an interrupt, whether the driver is below)
    interrupts = []  # those of them that are interrupts
    inside = False
    last = addresses[marks[0]:marks[-1]]
    for index, address in enumerate(last):
        start, name, of, mnemonic, lock = look_up(address)
        path.total += 1
        if address == start and name.startswith(INTERRUPTS):
            # An interrupt is off the path, even on top of the driver, until it calls the driver.
            stack.append((None, inside))
            interrupts.append(Interrupt())
            inside = False
        if address == start and name == "blk_mq_start_request":
            path.ios += 1
        here = inside or of == module
        if interrupts:
            interrupts[-1].functions[name, of] += 1
            interrupts[-1].of_driver |= of == module
            interrupts[-1].locks += lock and not here
        else:
            path.whole[name, of] += 1
        if here:
            path.instructions += 1
            path.functions[name, of] += 1
            if lock:
                path.locks += 1
                path.lock_places[name] += 1
            if of == module:
                path.driver += 1
                path.driver_functions.add(start)
        following = last[index + 1] if index + 1 < len(last) else None
        if mnemonic == "call" and following is not None and not 0 < following - address < 8:
            path.calls += here
            stack.append((address, inside))
            inside = here
        elif mnemonic == "ret" and following is not None:
            # Some calls never return, so search for the one that this instruction returns from.
            for depth in range(len(stack) - 1, max(-1, len(stack) - 8), -1):
                if stack[depth][0] is None:
                    break
                if 0 < following - stack[depth][0] < 8:
                    inside = stack[depth][1]
                    del stack[depth:]
                    break
        elif mnemonic == "iretq":
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] is None:
                    inside = stack[depth][1]
                    del stack[depth:]
                    interrupts.pop().end(path)
                    break
    return path


def readable(names):
    """Demangle the symbols of Rust, and drop the crate hashes."""
    done = subprocess.run(["llvm-cxxfilt"], input="\n".join(names), capture_output=True,
                          text=True, check=True)
    return [re.sub(r"\[[0-9a-f]+\]", "", name) for name in done.stdout.splitlines()]


def by_function(counter, ios):
    """[name, module, instructions per I/O] of each function."""
    functions = counter.most_common()
    names = readable([name for (name, _), _ in functions])
    return [[name, of, count / ios]
            for name, ((_, of), count) in zip(names, functions, strict=True)]


def read_trace(path):
    return [int(match, 16) for match in EXECUTED.findall(path.read_bytes())]


def code_of(directory, kernel, sections):
    code = Code((directory / "kallsyms").read_text())
    with open(kernel / "vmlinux", "rb") as file:
        for _, address, content in code_sections(ELFFile(file)):
            code.add(address, content)
    sizes = {}
    for module in set(MODULES.values()):
        path, = kernel.glob(f"lib/modules/*/kernel/**/{module}.ko")
        where = sections[module]
        with open(path, "rb") as file:
            elf = ELFFile(file)
            for name, _, content in code_sections(elf):
                if name in where:
                    code.add(where[name], content)
            for (section, offset), size in function_sizes(elf).items():
                if section in where:
                    sizes[where[section] + offset] = size
    return code, sizes


def main():
    directory, kernel = Path(sys.argv[1]), Path(sys.argv[2])
    records = [json.loads(line) for line in (directory / "records.jsonl").read_text().splitlines()]
    traces = [record for record in records if record["record"] == "trace"]
    code = sizes = None
    for record in traces:
        if code is None:
            code, sizes = code_of(directory, kernel, record["sections"])
        log = directory / record["log"]
        path = follow(read_trace(log), code, MODULES[record["driver"]])
        log.unlink()
        print(json.dumps({
            "record": "path",
            "cell": record["cell"],
            "driver": record["driver"],
            "ios": path.ios,
            "total": path.total / path.ios,
            "instructions": path.instructions / path.ios,
            "driver_instructions": path.driver / path.ios,
            "calls": path.calls / path.ios,
            "locks": path.locks / path.ios,
            "lock_places": {n: c / path.ios for n, c in path.lock_places.most_common()},
            "code_bytes": sum(sizes.get(start, 0) for start in path.driver_functions),
            "functions": by_function(path.functions, path.ios),
            "interrupt_locks": path.interrupt_locks / path.ios,
            "unrelated": path.unrelated / path.ios,
            "whole": by_function(path.whole, path.ios),
        }))


if __name__ == "__main__":
    main()
