#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check the data of a disk while several processes read, write and discard the same pages.

    data_race.py DISK SECONDS SEED PROCESSES [POWER]

Each sector belongs to one process, which writes and discards it; all processes read all sectors.
The sectors of a page belong to several processes. Each change of a sector has a number, and a
written sector is full of it. A read that overlaps changes must return one of them, or what was
there before. It may return bytes of several of these, but nothing else.

With POWER, the path of the attribute, the disk is powered off and on meanwhile. Prints the numbers
of reads, writes, discards, and of I/Os that failed because the disk was off.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import random
import struct
import sys
import time

SECTOR = 512
PAGE_SECTORS = 8
PAGES = 64
SECTORS = PAGES * PAGE_SECTORS
# The largest I/O in sectors, and bytes of memory before and behind it that no I/O may touch.
LARGEST = 24
GUARD = 64
GUARD_BYTE = 0xA5
BLKDISCARD = 0x1277
OFF = {errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOENT, errno.ENOSPC}
WORDS = SECTOR // 8


def owned_runs(count):
    """Runs of sectors, each with the number of its owner: (first, length, owner)."""
    chance = random.Random(count)  # the same in each process
    runs, first = [], 0
    while first < SECTORS:
        # Parts of a page, whole pages, and several pages.
        length = chance.choice((1, 1, 2, 3, 5, PAGE_SECTORS, 2 * PAGE_SECTORS + 3))
        length = min(length, SECTORS - first)
        runs.append((first, length, len(runs) % count))
        first += length
    return runs


class Shared:
    """For each sector, the numbers of the last change that began, of the last that ended, and of
    the last discard that began.

    A change with an odd number is a write, one with an even number is a discard.
    """

    def __init__(self):
        words = memoryview(mmap.mmap(-1, 24 * SECTORS)).cast("Q")
        self.begun, self.ended, self.discarded = (
            words[part * SECTORS : (part + 1) * SECTORS] for part in range(3)
        )


def content(sector, number):
    """The data of a sector after a change."""
    return struct.pack("<II", number, sector) * WORDS if number % 2 else bytes(SECTOR)


def check(data, sector, ended, begun, discarded):
    """Check what a read returned, during which the sector may have had these changes."""
    numbers = [number for number in range(ended, begun + 1)
               if number % 2 or number in (ended, discarded)]
    possible = [content(sector, number) for number in numbers]
    if data in possible:
        return
    # A copy can mix bytes of several changes.
    for found, *expected in zip(data, *possible, strict=True):
        if found not in expected:
            number, of = struct.unpack_from("<II", data)
            sys.exit(f"sector {sector}: found {number} of sector {of}, want one of {numbers}")


class Off(Exception):
    """The disk is off."""


class Process:
    def __init__(self, disk, number, count, seed, shared):
        self.disk, self.shared = disk, shared
        self.chance = random.Random(seed + number)
        self.mine = [run for run in owned_runs(count) if run[2] == number]
        self.memory = memoryview(mmap.mmap(-1, LARGEST * SECTOR + 2 * 4096))
        self.fd = None
        self.done = {"reads": 0, "writes": 0, "discards": 0, "off": 0}

    def pieces(self, length):
        """Memory for an I/O, in up to three pieces of any even length, at an even place."""
        self.memory[:] = bytes([GUARD_BYTE]) * len(self.memory)
        start = GUARD + 2 * self.chance.randrange(1024)
        whole = self.memory[start : start + length]
        if self.chance.randrange(2):
            return start, [whole]
        cuts = sorted(2 * self.chance.randrange(1, length // 2) for _ in range(2))
        parts = [whole[: cuts[0]], whole[cuts[0] : cuts[1]], whole[cuts[1] :]]
        return start, [part for part in parts if len(part)]

    def check_guards(self, start, length):
        for guard in (self.memory[start - GUARD : start],
                      self.memory[start + length : start + length + GUARD]):
            if bytes(guard) != bytes([GUARD_BYTE]) * GUARD:
                sys.exit("an I/O has written beside its memory")

    def call(self, function, *arguments):
        try:
            if self.fd is None:
                self.fd = os.open(self.disk, os.O_RDWR | os.O_DIRECT)
            return function(self.fd, *arguments)
        except OSError as error:
            # During power-off the size becomes 0, and a discard beyond it gets EINVAL.
            gone = error.errno == errno.EINVAL and os.lseek(self.fd, 0, os.SEEK_END) == 0
            if error.errno not in OFF and not gone:
                raise
            raise Off from error

    def change(self):
        first, length, _ = self.chance.choice(self.mine)
        # A part of the run, or all of it.
        if self.chance.randrange(3) == 0:
            skip = self.chance.randrange(length)
            first, length = first + skip, self.chance.randrange(1, length - skip + 1)
        write = self.chance.randrange(3) > 0
        sectors = range(first, first + length)
        # The next number of the right kind for all of them.
        number = max(self.shared.begun[sector] for sector in sectors) + 1
        number += (number % 2 == 1) != write
        for sector in sectors:
            self.shared.begun[sector] = number
            if not write:
                self.shared.discarded[sector] = number
        if write:
            start, pieces = self.pieces(length * SECTOR)
            self.memory[start : start + length * SECTOR] = b"".join(
                content(sector, number) for sector in sectors
            )
            done = self.call(os.pwritev, pieces, first * SECTOR)
            if done != length * SECTOR:
                raise Off  # the size is 0 during power-off
        else:
            extent = struct.pack("QQ", first * SECTOR, length * SECTOR)
            self.call(fcntl.ioctl, BLKDISCARD, extent)
        for sector in sectors:
            self.shared.ended[sector] = number
        if self.chance.randrange(20) == 0:
            self.call(os.fdatasync)  # writes a cache back
        self.done["writes" if write else "discards"] += 1

    def read(self):
        first = self.chance.randrange(SECTORS)
        length = self.chance.randrange(1, min(LARGEST, SECTORS - first) + 1)
        start, pieces = self.pieces(length * SECTOR)
        ended = self.shared.ended[first : first + length].tolist()
        done = self.call(os.preadv, pieces, first * SECTOR)
        if done != length * SECTOR:
            raise Off
        begun = self.shared.begun[first : first + length].tolist()
        discarded = self.shared.discarded[first : first + length].tolist()
        self.check_guards(start, length * SECTOR)
        for index in range(length):
            at = start + index * SECTOR
            interval = ended[index], begun[index], discarded[index]
            check(bytes(self.memory[at : at + SECTOR]), first + index, *interval)
        self.done["reads"] += 1

    def run(self, until):
        while time.monotonic() < until:
            try:
                self.change() if self.chance.randrange(2) else self.read()
            except Off:
                self.done["off"] += 1
                if self.fd is not None:
                    os.close(self.fd)
                    self.fd = None
                time.sleep(0.002)
        return self.done


def cycle(power, until):
    while time.monotonic() < until - 1:
        for value in ("0", "1"):
            time.sleep(0.3)
            with open(power, "w", encoding="ascii") as file:
                file.write(f"{value}\n")


def main():
    disk, seconds, seed, count = sys.argv[1], *map(int, sys.argv[2:5])
    power = sys.argv[5] if len(sys.argv) > 5 else None
    shared = Shared()
    until = time.monotonic() + seconds
    children = []
    for number in range(count):
        receiver, sender = os.pipe()
        child = os.fork()
        if child == 0:
            done = Process(disk, number, count, seed, shared).run(until)
            os.write(sender, " ".join(map(str, done.values())).encode())
            os._exit(0)
        os.close(sender)
        children.append((child, receiver))
    if power:
        cycle(power, until)
    totals = [0, 0, 0, 0]
    good = True
    for child, receiver in children:
        good &= os.waitpid(child, 0)[1] == 0
        with contextlib.suppress(ValueError):
            told = map(int, os.read(receiver, 100).decode().split())
            totals = [total + more for total, more in zip(totals, told, strict=True)]
    print("reads={} writes={} discards={} off={}".format(*totals))
    if not good:
        sys.exit("a process failed")


if __name__ == "__main__":
    main()
