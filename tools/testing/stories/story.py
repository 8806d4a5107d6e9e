#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run one of the stories in drivers/block/tests/: story.py late_timer|invented_tag

The devices return 0xd5 in each byte. If a read returns without it, the device never executed it.
"""

import contextlib
import mmap
import os
import subprocess
import sys
import threading
import time

BLOCK = 4096
UNTOUCHED = b"\x11" * BLOCK
EXECUTED = b"\xd5" * BLOCK


def read(disk):
    """Read a block of the disk, and return the contents of the buffer."""
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, BLOCK)
    buffer[:] = UNTOUCHED
    start = time.monotonic()
    done = os.preadv(fd, [buffer], 0)
    print(f"read of {done} bytes done after {time.monotonic() - start:.2f} s")
    os.close(fd)
    return bytes(buffer)


def judge(what, data):
    if data == EXECUTED:
        print(f"{what}: executed")
    elif data == UNTOUCHED:
        print(f"{what}: completed, but never executed")
    else:
        print(f"{what}: unexpected data")
    sys.stdout.flush()


def late_timer():
    # The device is fast: the read ends, and its timer keeps running.
    judge("control", read("/dev/late_timer"))
    # The device is slow: the timer ends this read.
    judge("story", read("/dev/late_timer"))
    # Meanwhile the device completes it.
    time.sleep(3)


def report(tag):
    with open("/sys/module/invented_tag/parameters/report", "w", encoding="ascii") as file:
        file.write(f"{tag}\n")


def invented_tag():
    def in_flight():
        judge("story", read("/dev/invented_tag"))

    judge("control", read("/dev/invented_tag"))
    thread = threading.Thread(target=in_flight)
    thread.start()
    time.sleep(1)
    # The device reports every tag, although it has executed none of the requests.
    for tag in range(4):
        # Most of these tags have no started request, so the write fails.
        with contextlib.suppress(OSError):
            report(tag)
            print(f"the driver accepted tag {tag}")
    thread.join()
    time.sleep(4)


def main():
    name = sys.argv[1]
    subprocess.run(["modprobe", name], check=True)
    {"late_timer": late_timer, "invented_tag": invented_tag}[name]()


main()
