#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Get a report of the zones of a device, in memory that is paged in from a slow device.

    slow_report.py ZONED SLOW

Prints "begun", and then "ok" and the number of zones, or the errno's name.
"""

import errno
import fcntl
import mmap
import os
import struct
import sys

ZONE_REPORT = 0xC0101282
ZONES = 64


def main():
    zoned = os.open(sys.argv[1], os.O_RDONLY)
    slow = os.open(sys.argv[2], os.O_RDWR)
    memory = mmap.mmap(slow, 4 * mmap.PAGESIZE)
    memory.madvise(mmap.MADV_RANDOM)
    # The header is in memory; most of the zones must be paged in.
    start = mmap.PAGESIZE - struct.calcsize("QII") - 64 * 4
    struct.pack_into("QII", memory, start, 0, ZONES, 0)
    print("begun", flush=True)
    try:
        # Not through Python's own buffer, which it would copy.
        fcntl.ioctl(zoned, ZONE_REPORT, memoryview(memory)[start:], True)
    except OSError as error:
        print(errno.errorcode[error.errno])
        return
    print("ok", struct.unpack_from("QII", memory, start)[1])


if __name__ == "__main__":
    main()
