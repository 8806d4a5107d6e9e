# SPDX-License-Identifier: GPL-2.0
"""Measure the latencies of single I/Os. All functions return text.

The latencies are of many milliseconds, so that a slow machine does not change the results.
"""

import contextlib
import errno
import mmap
import os
import statistics
import time

BLOCK = 4096
MSEC = 1_000_000


def timed(call, *args):
    """The time of a call in milliseconds."""
    start = time.monotonic_ns()
    call(*args)
    return (time.monotonic_ns() - start) / MSEC


@contextlib.contextmanager
def opened(disk):
    fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
    try:
        yield fd, mmap.mmap(-1, BLOCK)
    finally:
        os.close(fd)


def reads(disk, count):
    """The times of reads, one after the other, each of another block."""
    with opened(disk) as (fd, memory):
        return [timed(os.preadv, fd, [memory], number * BLOCK) for number in range(int(count))]


def by_operation(disk, count):
    """The least and the median time of a read, a write and a flush, in whole milliseconds."""
    texts = []
    with opened(disk) as (fd, memory):
        for call in (
            lambda: os.preadv(fd, [memory], 0),
            lambda: os.pwrite(fd, memory, 0),
            lambda: os.fsync(fd),
        ):
            times = [timed(call) for _ in range(int(count))]
            texts.append(f"{int(min(times))} {int(statistics.median(times))}")
    return " ".join(texts)


def tail(disk, count, limit):
    """The numbers of the reads that take this many milliseconds or more."""
    times = reads(disk, count)
    return " ".join(str(number) for number, time in enumerate(times) if time >= float(limit))


def quartiles(disk, count):
    """The least time of a read, the quartiles, and the longest time, in whole milliseconds."""
    times = reads(disk, count)
    points = [min(times), *statistics.quantiles(times, n=4), max(times)]
    return " ".join(str(int(point)) for point in points)


def timeouts(disk, count):
    """The numbers of the reads that time out."""
    late = []
    with opened(disk) as (fd, memory):
        for number in range(int(count)):
            try:
                os.preadv(fd, [memory], 0)
            except OSError as error:
                if error.errno != errno.ETIMEDOUT:
                    raise
                late.append(number)
    return " ".join(map(str, late))
