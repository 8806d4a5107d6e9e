#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that atomic writes are seen and done as a whole.

    atomic.py DISK SECONDS [ordinary]

Two processes write a unit at a time atomically, each time full of one byte, to the same units. Two
others read one unit or two, and each unit must be full of one byte. A fifth process writes sectors
beside them in the ordinary way, and checks its own data. Prints the number of I/Os of each process.
With "ordinary", no write is atomic, and a reader should soon see a unit that is torn.

The functions are for shell tests.
"""

import errno
import mmap
import os
import random
import sys
import time

from devices import Device
from model import Failing

SECTOR = 512
RWF_ATOMIC = 0x40
UNIT = 64 << 10
# The units that are written atomically. The ordinary writer has as many, behind them.
UNITS = 2
FULL = [bytes([byte]) * UNIT for byte in range(256)]


def is_full(data):
    """Whether a unit is full of one byte."""
    return data == FULL[data[0]]


def described(data):
    """The runs of equal sectors of a unit, for a message."""
    runs = []
    for start in range(0, len(data), SECTOR):
        byte = data[start]
        if runs and runs[-1][0] == byte:
            runs[-1][1] += 1
        else:
            runs.append([byte, 1])
    return " ".join(f"{byte:02x}*{count}" for byte, count in runs)


def write_units(fd, until, chance, flags):
    memory = mmap.mmap(-1, UNIT)
    count = 0
    while time.monotonic() < until:
        memory[:] = FULL[chance.randrange(256)]
        done = os.pwritev(fd, [memory], chance.randrange(UNITS) * UNIT, flags)
        if done != UNIT:
            sys.exit(f"a write has written {done} bytes")
        count += 1
    return count


def read_units(fd, until, chance):
    memory = mmap.mmap(-1, UNITS * UNIT)
    count = 0
    while time.monotonic() < until:
        first = chance.randrange(UNITS + 1)
        # One unit, or all of them in one read.
        first, units = (first, 1) if first < UNITS else (0, UNITS)
        with memoryview(memory)[: units * UNIT] as part:
            os.preadv(fd, [part], first * UNIT)
        for unit in range(units):
            data = memory[unit * UNIT : (unit + 1) * UNIT]
            if not is_full(data):
                sys.exit(f"unit {first + unit} is torn after {count} reads: {described(data)}")
        count += 1
    return count


def write_beside(fd, until, chance, block):
    memory = mmap.mmap(-1, 4 * block)
    there = {}
    count = 0
    while time.monotonic() < until:
        blocks = chance.randint(1, 4)
        first = chance.randrange(UNITS * UNIT // block - blocks)
        length = blocks * block
        byte = chance.randrange(1, 256)
        memory[:length] = bytes([byte]) * length
        with memoryview(memory)[:length] as part:
            os.pwritev(fd, [part], UNITS * UNIT + first * block)
        there.update((number, byte) for number in range(first, first + blocks))
        number, byte = chance.choice(list(there.items()))
        with memoryview(memory)[:block] as part:
            os.preadv(fd, [part], UNITS * UNIT + number * block)
        if memory[:block] != bytes([byte]) * block:
            sys.exit(f"block {number} beside the units is not full of {byte:02x}")
        count += 1
    return count


def main():
    disk, seconds = sys.argv[1], float(sys.argv[2])
    flags = 0 if sys.argv[3:] == ["ordinary"] else RWF_ATOMIC
    with open(f"/sys/block/{os.path.basename(disk)}/queue/logical_block_size") as file:
        block = int(file.read())
    fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
    until = time.monotonic() + seconds
    roles = [
        lambda fd, until, chance: write_units(fd, until, chance, flags),
        lambda fd, until, chance: write_units(fd, until, chance, flags),
        read_units,
        read_units,
        lambda fd, until, chance: write_beside(fd, until, chance, block),
    ]
    children = []
    for number, role in enumerate(roles):
        receiver, sender = os.pipe()
        child = os.fork()
        if not child:
            os.write(sender, str(role(fd, until, random.Random(number))).encode())
            os._exit(0)
        os.close(sender)
        children.append((child, receiver))
    # Reap all of them before exiting.
    good = [os.waitpid(child, 0)[1] == 0 for child, _ in children]
    if not all(good):
        sys.exit("a process failed")
    print(*(os.read(receiver, 100).decode() for _, receiver in children))


def write(disk, offset, length, byte, pieces="1"):
    """Write atomically, by direct I/O, from one piece of memory or several."""
    offset, length, pieces = int(offset), int(length), int(pieces)
    memory = memoryview(mmap.mmap(-1, length))
    memory[:] = bytes([int(byte, 16)]) * length
    part = length // pieces
    fd = os.open(disk, os.O_WRONLY | os.O_DIRECT)
    try:
        buffers = [memory[start : start + part] for start in range(0, length, part)]
        return os.pwritev(fd, buffers, offset, RWF_ATOMIC)
    finally:
        os.close(fd)


def write_buffered(disk):
    """Write atomically through the page cache."""
    fd = os.open(disk, os.O_WRONLY)
    try:
        return os.pwritev(fd, [bytes(4096)], 0, RWF_ATOMIC)
    finally:
        os.close(fd)


def starved(subsys, tries, *changes):
    """Write atomically while some allocations fail, each time to another place. A write that fails
    must have written nothing. Returns the numbers of failures and of writes that succeeded."""
    failed = succeeded = 0
    memory = mmap.mmap(-1, UNIT)
    failing = Failing("fail_page_alloc")
    with Device(subsys, "a", size=64, memory_backed=1, no_sched=1) as device:
        for change in ("atomic_write_unit_max=65536", *changes):
            device.set(*change.split("="))
        fd = os.open(device.on().disk, os.O_RDWR | os.O_DIRECT)
        try:
            for number in range(int(tries)):
                offset = number * UNIT
                # Some pages exist, and parts of them have data.
                memory[:SECTOR] = FULL[1][:SECTOR]
                with memoryview(memory)[:SECTOR] as part:
                    os.pwrite(fd, part, offset + number % 16 * 4096)
                memory[:] = bytes(UNIT)
                os.preadv(fd, [memory], offset)
                before = memory[:]
                memory[:] = FULL[2]
                try:
                    with failing:
                        os.pwritev(fd, [memory], offset, RWF_ATOMIC)
                    succeeded += 1
                    expected = FULL[2]
                except OSError as error:
                    if error.errno not in (errno.ENOSPC, errno.ENOMEM):
                        raise
                    failed += 1
                    expected = before
                os.preadv(fd, [memory], offset)
                found = memory[:]
                assert found == expected, f"write {number}: {described(found)}"
        finally:
            failing.end()
            os.close(fd)
    return f"{failed} {succeeded}"


if __name__ == "__main__":
    main()
