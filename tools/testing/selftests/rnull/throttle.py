# SPDX-License-Identifier: GPL-2.0
"""Measure the bandwidth of a device with a limit."""

import concurrent.futures
import mmap
import os
import time

from devices import Device

BLOCK = 256 << 10
# The number of requests in flight, so that one always waits for the limit.
READERS = 4


def read_until(fd, end):
    """Read in a loop. Returns the number of reads."""
    memory = mmap.mmap(-1, BLOCK)
    blocks = 0
    while time.monotonic() < end:
        blocks += os.preadv(fd, [memory], 0) // BLOCK
    return blocks


def bandwidth(disk, seconds):
    """Read for some seconds. Returns MiB/s."""
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    try:
        # Use up the credit for idle time first.
        read_until(fd, time.monotonic() + 0.1)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
            blocks = sum(readers.map(read_until, [fd] * READERS, [start + seconds] * READERS))
        return blocks * BLOCK / (1 << 20) / (time.monotonic() - start)
    finally:
        os.close(fd)


def limited(subsys, mbps, seconds, *changes):
    """The bandwidth of a device with a limit, in MiB/s, rounded down."""
    with Device(subsys, "slow", size=16, mbps=mbps) as device:
        for change in changes:
            device.set(*change.split("="))
        return int(bandwidth(device.on().disk, float(seconds)))


def freed(subsys, mbps):
    """The bandwidth with a limit, and after the limit was removed while the device was off."""
    with Device(subsys, "slow", size=16, mbps=mbps) as device:
        limit = bandwidth(device.on().disk, 1)
        device.off().set("mbps", 0)
        free = bandwidth(device.on().disk, 1)
        device.off().set("mbps", mbps)
        again = bandwidth(device.on().disk, 1)
    return f"{int(limit)} {int(free)} {int(again)}"
