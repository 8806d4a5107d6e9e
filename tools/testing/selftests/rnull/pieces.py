# SPDX-License-Identifier: GPL-2.0
"""Do direct I/O with memory in odd pieces, and check each byte.

The memory of an I/O is made of pieces of 2, 4, 510, 514, 1022 and 1024 bytes at even addresses. So
a piece can begin and end inside a sector or a block, and lie across blocks, pages and a write
pointer. Between the pieces is memory that no I/O may change.
"""

import mmap
import os
import random

from devices import Device, errno_of
from syscalls import Calls

SECTOR = 512
MIB = 1 << 20
SIZES = (2, 4, 510, 514, 1022, 1024)
# The largest number of pieces. The block layer splits requests of more than 128 segments.
MOST = 60
# The largest I/O, and the largest gap between two pieces, in bytes.
LARGEST = 32 << 10
GAP = 64
GUARD = 0xA5
RESET = b"\xff"


class Pieces:
    """Memory for an I/O."""

    def __init__(self, chance, sizes):
        self.memory = mmap.mmap(-1, LARGEST + (MOST + 2) * GAP + mmap.PAGESIZE)
        self.memory[:] = bytes([GUARD]) * len(self.memory)
        self.places = []
        at = 2 * chance.randrange(1, mmap.PAGESIZE // 2)
        for size in sizes:
            self.places.append((at, size))
            at += size + 2 * chance.randrange(1, GAP // 2)

    def views(self):
        whole = memoryview(self.memory)
        return [whole[at : at + size] for at, size in self.places]

    def image(self, data):
        """The memory if the pieces contain this, and otherwise what was there at first."""
        image = bytearray([GUARD]) * len(self.memory)
        done = 0
        for at, size in self.places:
            part = data[done : done + size]
            image[at : at + len(part)] = part
            done += size
        return image

    def fill(self, data):
        self.memory[:] = self.image(data)

    def check(self, data):
        """Check that the memory contains this data, in which GUARD stands for no data."""
        image = self.image(data)
        if self.memory[:] == image:
            return
        at = next(at for at, byte in enumerate(image) if self.memory[at] != byte)
        done = 0
        where = "memory beside the pieces"
        for number, (start, size) in enumerate(self.places):
            if start <= at < start + size:
                where = f"byte {done + at - start}, byte {at - start} of piece {number} ({size})"
            done += size
        raise AssertionError(f"{where}: {self.memory[at]:02x}, want {image[at]:02x}")


def cut(chance, length):
    """Sizes of pieces that have this length together."""
    sizes = []
    while length and len(sizes) < MOST - 1:
        sizes.append(min(chance.choice(SIZES), length))
        length -= sizes[-1]
    return [*sizes, length] if length else sizes


class Model:
    """A device, and what it must contain."""

    def __init__(self, device, chance):
        self.chance = chance
        self.disk = device.on().disk
        self.block = int(device.get("blocksize"))
        self.length = int(device.get("size")) * MIB
        self.zone = int(device.get("zone_size")) * MIB if device.get("zoned") == "1" else 0
        self.partial = device.get("badblocks_partial_io") == "1"
        bad = device.get("badblocks").split()
        self.bad = (int(bad[0]) * SECTOR, sum(map(int, bad)) * SECTOR) if bad else (0, 0)
        # What a read returns, and the byte at which each sequential zone is written next.
        self.data = bytearray(self.length)
        self.pointers = {}
        if self.zone:
            first = int(device.get("zone_nr_conv"))
            self.pointers = {zone: zone * self.zone for zone in
                             range(first, self.length // self.zone)}
            self.data[first * self.zone :] = RESET * (self.length - first * self.zone)
        self.fd = os.open(self.disk, os.O_RDWR | os.O_DIRECT)

    def reach(self, position, length):
        """How many bytes of a request are transferred, and the errno."""
        first, end = self.bad
        if position >= end or position + length <= first:
            return length, "0"
        return max(first - position, 0) if self.partial else 0, "EIO"

    def requests(self, position, length):
        """The requests of an I/O: one for each zone."""
        while length:
            most = self.zone - position % self.zone if self.zone else length
            yield position, min(length, most)
            position, length = position + min(length, most), max(length - most, 0)

    def call(self, function, pieces, position, length, errors):
        done = []
        got = errno_of(lambda: done.append(function(self.fd, pieces.views(), position)))
        want = max(errors)
        assert got == want, f"{function.__name__} {position}+{length}: {got}, want {want}"
        assert got != "0" or done == [length], f"{done} bytes, want {length}"

    def read(self, position, length, sizes=None):
        sizes = sizes or cut(self.chance, length)
        pieces = Pieces(self.chance, sizes)
        expected, errors = bytearray(), []
        for start, count in self.requests(position, length):
            good, error = self.reach(start, count)
            expected += self.data[start : start + good] + bytes([GUARD]) * (count - good)
            errors.append(error)
        self.call(os.preadv, pieces, position, length, errors)
        try:
            pieces.check(expected)
        except AssertionError as error:
            pointer = self.pointers.get(position // self.zone) if self.zone else None
            raise AssertionError(
                f"read {position}+{length}, pieces {sizes}, pointer {pointer}: {error}"
            ) from error

    def write(self, position, length):
        """Write random bytes. In a sequential zone, the position must be the write pointer."""
        data = self.chance.randbytes(length)
        pieces = Pieces(self.chance, cut(self.chance, length))
        pieces.fill(data)
        good, error = self.reach(position, length)
        self.call(os.pwritev, pieces, position, length, [error])
        self.data[position : position + good] = data[:good]
        zone = position // self.zone if self.zone else None
        if zone in self.pointers:
            self.pointers[zone] += good
            if error != "0":
                # The block layer fails other writes to the zone until the zones are reported.
                Calls().zones(self.disk)
        pieces.check(data)

    def manage(self, operation, zone):
        """Reset or finish a sequential zone."""
        start = zone * self.zone
        Calls().zone(self.disk, operation, start // SECTOR, self.zone // SECTOR)
        if operation == b"reset":
            self.data[start : start + self.zone] = RESET * self.zone
            self.pointers[zone] = start
        else:
            # What was not written reads as zeroes from now on.
            end = start + self.zone
            self.data[self.pointers[zone] : end] = bytes(end - self.pointers[zone])
            self.pointers[zone] = end

    def count(self, most):
        """The length of an I/O: often short, and at most `most`."""
        longest = self.chance.choice((self.block, 4 * self.block, 8192, LARGEST))
        longest = max(min(longest, most) // self.block, 1)
        return self.chance.randint(1, longest) * self.block

    def anywhere(self):
        """A range of the device. With bad blocks, it often touches them."""
        end = self.length
        start = 0
        if self.bad != (0, 0) and self.chance.randrange(2):
            start, end = max(self.bad[0] - LARGEST, 0), self.bad[1] + LARGEST
        length = self.count(LARGEST)
        start = start // self.block * self.block
        blocks = (min(end, self.length) - length - start) // self.block
        return start + self.chance.randint(0, blocks) * self.block, length

    def around(self, position):
        """A range around a place, or close behind it."""
        blocks = self.chance.randint(-8, 8)
        start = max(position + blocks * self.block, 0)
        length = self.count(LARGEST)
        start = min(start, self.length - length)
        return start // self.block * self.block, length

    def plain_step(self):
        step = self.write if self.chance.randrange(2) else self.read
        step(*self.anywhere())
        if self.chance.randrange(20) == 0:
            os.fsync(self.fd)

    def zoned_step(self):
        zone, pointer = self.chance.choice(list(self.pointers.items()))
        what = self.chance.randrange(40)
        if what == 0 or self.stuck(zone, pointer):
            self.manage(b"reset", zone)
        elif what == 1:
            self.manage(b"finish", zone)
        elif what < 15:
            self.write(pointer, self.count((zone + 1) * self.zone - pointer))
        elif what < 30:
            self.read(*self.around(pointer))
        elif what < 35:
            self.read(*self.around(zone * self.zone))
        else:
            # A conventional zone, if there is one, or any.
            start, length = self.anywhere()
            zone = start // self.zone
            fits = zone not in self.pointers and start + length <= (zone + 1) * self.zone
            (self.write if fits else self.read)(start, length)

    def stuck(self, zone, pointer):
        """Whether nothing more can be written to the zone."""
        return pointer == (zone + 1) * self.zone or pointer == self.bad[0] != 0

    def run(self, steps):
        for _ in range(steps):
            self.zoned_step() if self.zone else self.plain_step()


def run(subsys, seed, steps, *changes):
    """Do random I/O to a memory-backed device with these settings."""
    with Device(subsys, "pieces", memory_backed=1, size=2) as device:
        for change in changes:
            device.set(*change.split("="))
        model = Model(device, random.Random(int(seed)))
        try:
            model.run(int(steps))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        finally:
            os.close(model.fd)
    return ""


def across_the_pointer(subsys, *changes):
    """Read with pieces that lie across the write pointer or behind it."""
    with Device(subsys, "pieces", memory_backed=1, zoned=1, zone_size=1, size=64) as device:
        for change in changes:
            device.set(*change.split("="))
        model = Model(device, random.Random(0))
        block = model.block
        try:
            for zone in range(2):
                start = zone * model.zone
                model.write(start, 2 * block)
                # The second piece ends two bytes behind the pointer.
                model.read(start, 4 * block, [2 * block - 2, 4, 2 * block - 2])
                model.read(start, 4 * block, [block, block - 2, 2, 2, 2 * block - 2])
                # One piece, whose sectors in front of the pointer can be read.
                model.read(start + block, 2 * block, [2 * block])
                # All of it is behind the pointer.
                model.read(start + 2 * block, 2 * block, [2, 2 * block - 4, 2])
                model.read(start + 3 * block, 2 * block, [block + 2, block - 2])
                # The pointer is inside a page, and behind it, in the first zone, is old data.
                model.manage(b"reset", zone)
                model.write(start, block)
                model.read(start, 4 * block, [block - 2, 4, 3 * block - 2])
        finally:
            os.close(model.fd)
    return ""
