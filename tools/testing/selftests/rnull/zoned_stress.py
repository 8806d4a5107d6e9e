#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write to zones, read from them and change their conditions, at random, from several processes.

    zoned_stress.py run DEVICE SECONDS SEED    run the stress
    zoned_stress.py check DEVICE               check that data and write pointers agree

Each written sector contains its own number, so a check can tell written sectors, whichever process
wrote them. Errors are expected: the write pointer moves between the report and the write, zones are
full or beyond the limits, requests time out, and the device is powered off and on. But reads must
always return what was written.
"""

import collections
import contextlib
import errno
import fcntl
import mmap
import os
import random
import struct
import sys
import time
import traceback

SECTOR = 512
BLOCK = 8
REPORT = 0xC0101282
RESET, OPEN, CLOSE, FINISH = 0x40101283, 0x40101286, 0x40101287, 0x40101288
CONVENTIONAL = 1
EMPTY, FULL = 1, 14
EXPECTED = (
    errno.EIO,
    errno.EBUSY,
    errno.ENODEV,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENXIO,
    errno.ETIMEDOUT,
    errno.ETOOMANYREFS,
    errno.EOVERFLOW,
    errno.EINVAL,
    errno.ENOTTY,
)

Zone = collections.namedtuple("Zone", "start length pointer kind cond capacity")


def stamp(sector):
    return struct.pack("<Q", sector) * (SECTOR // 8)


def report(fd, sector=0, count=1024):
    buffer = bytearray(struct.pack("QII", sector, count, 0) + bytes(64 * count))
    fcntl.ioctl(fd, REPORT, buffer)
    zones = []
    for number in range(struct.unpack_from("QII", buffer)[1]):
        fields = struct.unpack_from("QQQBBBB4xQ", buffer, 16 + 64 * number)
        zones.append(Zone(*fields[:5], fields[7]))
    return zones


@contextlib.contextmanager
def opened(device, flags):
    fd = os.open(device, flags | os.O_DIRECT)
    try:
        yield fd
    finally:
        os.close(fd)


def kinds(data, sector):
    """The content of each sector: "s" its stamp, "0" or "f" nothing, "?" something else."""
    result = []
    for offset in range(0, len(data), SECTOR):
        piece = data[offset : offset + SECTOR]
        if piece == stamp(sector + offset // SECTOR):
            result.append("s")
        elif piece == b"\xff" * SECTOR:
            result.append("f")
        elif piece == bytes(SECTOR):
            result.append("0")
        else:
            result.append("?")
    return "".join(result)


class Worker:
    def __init__(self, device, seed):
        self.device = device
        self.random = random.Random(seed)
        self.done = collections.Counter()

    def zone(self, fd):
        zones = report(fd)
        # Mostly a few zones, so that the processes compete for them.
        few = zones[:6] if self.random.random() < 0.8 else zones
        return self.random.choice(few) if few else None

    def write(self):
        with opened(self.device, os.O_WRONLY) as fd:
            zone = self.zone(fd)
            if not zone:
                return
            at = zone.pointer
            if zone.kind == CONVENTIONAL:
                at = zone.start + self.random.randrange(zone.length // BLOCK - 64) * BLOCK
            for _ in range(self.random.randint(1, 4)):
                sectors = self.random.choice((1, 2, 8, 32, 64)) * BLOCK
                buffer = mmap.mmap(-1, sectors * SECTOR)
                for sector in range(sectors):
                    buffer[sector * SECTOR : (sector + 1) * SECTOR] = stamp(at + sector)
                written = os.pwrite(fd, buffer, at * SECTOR)
                self.done["written"] += written // SECTOR
                at += sectors

    def read(self):
        with opened(self.device, os.O_RDONLY) as fd:
            zone = self.zone(fd)
            if not zone:
                return
            sector = zone.start + self.random.randrange(zone.length // BLOCK - 8) * BLOCK
            buffer = mmap.mmap(-1, 8 * BLOCK * SECTOR)
            count = os.preadv(fd, [buffer], sector * SECTOR)
            found = kinds(buffer[:count], sector)
            if "?" in found:
                raise AssertionError(f"{zone}, sector {sector}: read {found}")
            self.done["read"] += len(found)

    def manage(self):
        with opened(self.device, os.O_RDWR) as fd:
            zone = self.zone(fd)
            if not zone:
                return
            operation = self.random.choice((OPEN, OPEN, CLOSE, CLOSE, FINISH, RESET, RESET))
            start, length = zone.start, zone.length
            if operation == RESET and self.random.random() < 0.05:
                start, length = 0, sum(zone.length for zone in report(fd))
            fcntl.ioctl(fd, operation, struct.pack("QQ", start, length))
            self.done["managed"] += 1

    def run(self, until):
        while time.monotonic() < until:
            action = self.random.choices((self.write, self.read, self.manage), (6, 2, 3))[0]
            try:
                action()
            except OSError as error:
                if error.errno not in EXPECTED:
                    raise
                self.done[errno.errorcode[error.errno]] += 1
                if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
                    time.sleep(0.01)
        print(" ".join(f"{key}={self.done[key]}" for key in sorted(self.done)), flush=True)
        return bool(self.done["written"] and self.done["read"] and self.done["managed"])


def run(device, seconds, seed):
    until = time.monotonic() + seconds
    children = []
    for number in range(4):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                status = 0 if Worker(device, seed + number).run(until) else 2
            except Exception:
                traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            os._exit(status)
        children.append(pid)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    return max(map(abs, statuses))


def check(device):
    """Check that all sectors before the write pointer were written, unless the zone was finished,
    and that those behind it were not, and read as 0xff."""
    bad = 0
    with opened(device, os.O_RDONLY) as fd:
        for zone in report(fd):
            buffer = mmap.mmap(-1, zone.length * SECTOR)
            os.preadv(fd, [buffer], zone.start * SECTOR)
            found = kinds(buffer[:], zone.start)
            used = min(zone.pointer - zone.start, zone.length)
            good = found[used:] == "f" * (zone.length - used)
            if zone.kind == CONVENTIONAL or zone.cond == FULL:
                good = good and set(found[:used]) <= {"s", "0"}
            else:
                good = good and found[:used] == "s" * used
                good = good and (zone.cond == EMPTY) <= (used == 0)
            if not good:
                bad += 1
                print(f"{zone}: " + " ".join(f"{n}{kind}" for kind, n in runs(found)))
    return bad


def runs(text):
    """Runs of equal kinds: each kind and the length of its run."""
    while text:
        rest = text.lstrip(text[0])
        yield text[0], len(text) - len(rest)
        text = rest


def main():
    if sys.argv[1] == "run":
        return run(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))
    return min(check(sys.argv[2]), 1)


if __name__ == "__main__":
    sys.exit(main())
