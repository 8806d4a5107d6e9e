# SPDX-License-Identifier: GPL-2.0
"""How fast a device is that is told how fast to be."""

import concurrent.futures
import mmap
import os
import time

from devices import Device

BLOCK = 256 << 10
# As many requests at a time, so that there is always one that waits.
READERS = 4


def read_until(fd, end):
    """Reads; returns how often."""
    memory = mmap.mmap(-1, BLOCK)
    blocks = 0
    while time.monotonic() < end:
        blocks += os.preadv(fd, [memory], 0) // BLOCK
    return blocks


def bandwidth(disk, seconds):
    """Reads for so long. Returns MiB/s."""
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    try:
        # What was saved up is not to count.
        read_until(fd, time.monotonic() + 0.1)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
            blocks = sum(readers.map(read_until, [fd] * READERS, [start + seconds] * READERS))
        return blocks * BLOCK / (1 << 20) / (time.monotonic() - start)
    finally:
        os.close(fd)


def limited(subsys, mbps, seconds, *changes):
    """The bandwidth of a device that is limited, in MiB/s, rounded down."""
    with Device(subsys, "slow", size=16, mbps=mbps) as device:
        for change in changes:
            device.set(*change.split("="))
        return int(bandwidth(device.on().disk, float(seconds)))


def freed(subsys, mbps):
    """Bandwidth with a limit, and after the limit was taken away while the device was off."""
    with Device(subsys, "slow", size=16, mbps=mbps) as device:
        limit = bandwidth(device.on().disk, 1)
        device.off().set("mbps", 0)
        free = bandwidth(device.on().disk, 1)
        device.off().set("mbps", mbps)
        again = bandwidth(device.on().disk, 1)
    return f"{int(limit)} {int(free)} {int(again)}"
