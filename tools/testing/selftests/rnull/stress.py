#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Stress a driver from several processes that race with each other.

stress.py io DISK SECONDS SEED: two processes read, write and verify, each in its own half of the
disk. Any error is fatal. Prints the number of I/Os.

stress.py cycle DISK CYCLES SEED POWER: the same, during CYCLES power cycles by the attribute POWER.
Errors of a removed disk do not count; the processes open it again.

stress.py configfs SUBSYS SECONDS SEED: four processes create, configure, power on and off, read and
remove devices at random. Prints the number of calls.

stress.py drop SUBSYS CYCLES SEED REGISTERED: four processes create and remove directories, while
the file REGISTERED drops and registers the subsystem CYCLES times. Prints the number of calls that
succeeded.
"""

import errno
import functools
import math
import mmap
import os
import random
import signal
import sys
import time

BLOCK = 4096
# The errnos of I/O to a disk during power-off, when its size becomes 0.
GONE = {errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO, errno.ENOSPC}
# The errnos of configfs for calls at random.
REFUSALS = {
    errno.EBUSY,
    errno.EINVAL,
    errno.ERANGE,
    errno.EEXIST,
    errno.ENOENT,
    errno.ENOTEMPTY,
    errno.EACCES,
}


# Writing these allocates tags. That may fail, because the block layer does not retry the
# allocations, of up to 32 KiB for the deepest queues.
MAKE_TAGS = {"power", "submit_queues", "poll_queues"}


class Stop:
    """True after some seconds, or after SIGTERM."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        signal.signal(signal.SIGTERM, self.now)

    def now(self, *_):
        self.end = 0

    def __bool__(self):
        return time.monotonic() >= self.end


def in_processes(count, work, *args, meanwhile=None):
    """Call `work` in `count` processes. Returns the sum of its results, which must not be 0."""
    pipes = []
    children = []
    for number in range(count):
        receiver, sender = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receiver)
            os.write(sender, str(work(number, count, *args)).encode())
            os._exit(0)
        os.close(sender)
        pipes.append(receiver)
        children.append(child)
    if meanwhile:
        meanwhile()
        for child in children:
            os.kill(child, signal.SIGTERM)
    results = [os.read(receiver, 20).decode() for receiver in pipes]
    statuses = [os.wait()[1] for _ in pipes]
    if any(statuses) or "" in results or "0" in results:
        sys.exit(f"{results} I/Os, statuses {statuses}")
    return sum(map(int, results))


def do_io(number, count, disk, seconds, seed, goes):
    chance = random.Random(seed + number)
    memory = mmap.mmap(-1, BLOCK)
    expected = {}
    done = 0
    fd = None
    stop = Stop(seconds)
    while not stop:
        block = chance.randrange(128) * count + number
        data = chance.randbytes(16) * (BLOCK // 16)
        try:
            if fd is None:
                fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
            if chance.randrange(2):
                # From here on, the block may have the old or the new contents.
                expected.setdefault(block, {bytes(BLOCK)}).add(data)
                memory[:] = data
                if os.pwrite(fd, memory, block * BLOCK) != BLOCK:
                    sys.exit("short write")
                expected[block] = {data}
            else:
                length = os.preadv(fd, [memory], block * BLOCK)
                if length == 0:
                    raise OSError(errno.ENXIO, "end of the disk")
                if length != BLOCK:
                    sys.exit("short read")
                if memory[:] not in expected.get(block, {bytes(BLOCK)}):
                    sys.exit(f"block {block}: wrong data")
            done += 1
        except OSError as error:
            if not goes or error.errno not in GONE:
                raise
            if fd is None:
                time.sleep(0.001)
                continue
            # During power-off the size becomes 0 before I/O fails.
            if os.lseek(fd, 0, os.SEEK_END):
                raise
            os.close(fd)
            fd = None
    return done


VALUES = ["0", "1", "2", "3", "8", "512", "4096", "64", "y", "n", "x", "4294967295", "+0-7", "-0-7"]


def do_configfs(number, _count, subsys, seconds, seed):
    chance = random.Random(seed + number)
    with open(f"{subsys}/features", encoding="ascii") as file:
        attrs = file.read().strip().split(",")
    # Power more often than other attributes.
    attrs += ["power"] * 12
    done = 0
    stop = Stop(seconds)
    while not stop:
        directory = f"{subsys}/s{chance.randrange(3)}"
        what = chance.randrange(20)
        attr, value = chance.choice(attrs), chance.choice(VALUES)
        try:
            if what == 0:
                os.mkdir(directory)
            elif what == 1:
                os.rmdir(directory)
            elif what < 12:
                fd = os.open(f"{directory}/{attr}", os.O_WRONLY)
                try:
                    os.write(fd, f"{value}\n".encode())
                finally:
                    os.close(fd)
            else:
                fd = os.open(f"{directory}/{attr}", os.O_RDONLY)
                try:
                    os.read(fd, 8192)
                finally:
                    os.close(fd)
            done += 1
        except OSError as error:
            scarce = error.errno == errno.ENOMEM and attr in MAKE_TAGS
            if error.errno not in REFUSALS and not scarce:
                sys.exit(f"seed {seed}, {what}, {attr}, {value}: {error}")
    return done


# The errnos of configfs while another process removes the directory or drops the subsystem.
VANISHING = {errno.EEXIST, errno.ENODEV, errno.ENOENT, errno.ENOTEMPTY}


def make_in(directory):
    """Create a directory in an open directory, which may have been removed."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.mkdir("inner", dir_fd=fd)
    finally:
        os.close(fd)


def do_directories(number, _count, subsys, seconds, seed):
    chance = random.Random(seed + number)
    done = 0
    stop = Stop(seconds)
    while not stop:
        directory = f"{subsys}/d{chance.randrange(2)}"
        # Each process removes its directories, or the drop would never end.
        for call, path in (
            (os.mkdir, directory),
            (make_in, directory),
            (os.listdir, directory),
            (os.rmdir, f"{directory}/inner"),
            (os.rmdir, directory),
        ):
            try:
                call(path)
                done += 1
            except OSError as error:
                if error.errno not in VANISHING:
                    sys.exit(f"seed {seed}, {call.__name__} {path}: {error}")
    return done


def power_cycles(power, count, seed):
    chance = random.Random(seed)
    for _ in range(count):
        for value in "0\n", "1\n":
            with open(power, "w", encoding="ascii") as file:
                file.write(value)
        # Some I/O in between.
        time.sleep(chance.random() / 20)


def main(kind, place, amount, seed, power=None):
    amount, seed = int(amount), int(seed)
    if kind == "io":
        return in_processes(2, do_io, place, amount, seed, False)
    if kind == "cycle":
        cycles = functools.partial(power_cycles, power, amount, seed)
        return in_processes(2, do_io, place, math.inf, seed, True, meanwhile=cycles)
    if kind == "drop":
        cycles = functools.partial(power_cycles, power, amount, seed)
        return in_processes(4, do_directories, place, math.inf, seed, meanwhile=cycles)
    return in_processes(4, do_configfs, place, amount, seed)


if __name__ == "__main__":
    print(main(*sys.argv[1:]))
