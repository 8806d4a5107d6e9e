# SPDX-License-Identifier: GPL-2.0
"""Observe the limits of a device. All functions return text."""

import errno
import mmap
import os

from devices import read_file

BLOCK = 4096


def everything(subsys, name):
    """All attributes of a device, one a line."""
    directory = f"{subsys}/{name}"
    files = [file for file in os.listdir(directory) if os.path.isfile(f"{directory}/{file}")]
    lines = []
    for file in sorted(files):
        try:
            lines.append(f"{file}={read_file(f'{directory}/{file}').strip()}")
        except PermissionError:
            continue
    return "\n".join(lines)


def alignment(disk):
    """The least power of two at whose multiples the memory of an I/O may start."""
    memory = memoryview(mmap.mmap(-1, 3 * BLOCK))
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    try:
        for power in range(13):
            start = 1 << power
            try:
                os.preadv(fd, [memory[start : start + BLOCK]], 0)
                return start
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
    finally:
        os.close(fd)
    return "none"


def read_pieces(disk, pieces):
    """Read with one call into pages that are not beside each other."""
    pieces = int(pieces)
    memory = memoryview(mmap.mmap(-1, 2 * pieces * BLOCK))
    places = [memory[start : start + BLOCK] for start in range(0, 2 * pieces * BLOCK, 2 * BLOCK)]
    fd = os.open(disk, os.O_RDONLY | os.O_DIRECT)
    try:
        return os.preadv(fd, places, 0)
    finally:
        os.close(fd)
