#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make single system calls, and some other calls, for a shell test, and report their exact results.

A request is a line of tab-separated words with backslash escapes. The reply is a line with 0 or the
errno's name, a tab, and the result. Shell tools cannot do this: they retry, they replace errnos by
messages, and a process per call is slow in an emulated guest.
"""

import ctypes
import errno
import fcntl
import importlib
import itertools
import json
import mmap
import os
import re
import struct
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
BLOCK = 4096
SECTOR = 512

# <linux/fs.h>
BLKZEROOUT = 0x127F
# <linux/falloc.h>: with KEEP_SIZE where it is needed
FALLOCATE = {"zero-range": 0x10, "punch-hole": 0x03, "write-zeroes": 0x80}
# <linux/blkzoned.h>
ZONE_REPORT = 0xC0101282
ZONE_OPS = {"reset": 0x40101283, "open": 0x40101286, "close": 0x40101287, "finish": 0x40101288}
ZONE_CONDS = {
    0: "NOT_WP",
    1: "EMPTY",
    2: "IMP_OPEN",
    3: "EXP_OPEN",
    4: "CLOSED",
    13: "READONLY",
    14: "FULL",
    15: "OFFLINE",
}


def libc_call(name, *args):
    if getattr(LIBC, name)(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return ""


def fio_jobs(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    # fio writes its error messages into the same file, around the report.
    report, _ = json.JSONDecoder().raw_decode(text[re.search(r"^\{", text, re.M).start() :])
    return report["jobs"]


class Calls:
    """A method for each kind of request."""

    def __init__(self):
        self.held = {}

    def write(self, path, data):
        fd = os.open(path, os.O_WRONLY)
        try:
            return os.write(fd, data)
        finally:
            os.close(fd)

    def read(self, path):
        fd = os.open(path, os.O_RDONLY)
        try:
            return os.read(fd, 1 << 16)
        finally:
            os.close(fd)

    def write_then_read(self, path, data):
        """Write and read on one descriptor: a driver must not return uninitialised memory."""
        fd = os.open(path, os.O_RDWR)
        try:
            os.write(fd, data)
            return os.read(fd, 1 << 16)
        finally:
            os.close(fd)

    def mkdir(self, path):
        os.mkdir(path)
        return ""

    def rmdir(self, path):
        os.rmdir(path)
        return ""

    def exists(self, path):
        return int(os.path.lexists(path))

    def hold(self, path):
        """Open for direct I/O, and keep the descriptor open."""
        self.held[path] = os.open(path, os.O_RDWR | os.O_DIRECT)
        return ""

    def read_held(self, path):
        buffer = mmap.mmap(-1, BLOCK)
        return os.preadv(self.held[path], [buffer], 0)

    def write_held(self, path):
        buffer = mmap.mmap(-1, BLOCK)
        return os.pwritev(self.held[path], [buffer], 0)

    def release(self, path):
        os.close(self.held.pop(path))
        return ""

    def release_all(self):
        for fd in self.held.values():
            os.close(fd)
        self.held.clear()
        return ""

    def write_at(self, path, sector, sectors, byte=b"\0"):
        """Write sectors filled with a byte, by direct I/O."""
        buffer = mmap.mmap(-1, int(sectors) * SECTOR)
        buffer[:] = byte * len(buffer)
        fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
        try:
            return os.pwrite(fd, buffer, int(sector) * SECTOR)
        finally:
            os.close(fd)

    def read_at(self, path, sector, sectors):
        """Read sectors by direct I/O. Returns each byte and how often it occurs."""
        buffer = mmap.mmap(-1, int(sectors) * SECTOR)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            count = os.preadv(fd, [buffer], int(sector) * SECTOR)
        finally:
            os.close(fd)
        runs = ((byte, len(list(run))) for byte, run in itertools.groupby(buffer[:count]))
        return " ".join(f"{byte:02x}*{length}" for byte, length in runs)

    def zero(self, path, how, sector, sectors):
        """Write zeroes to sectors, by a mode of fallocate() or by the ioctl "zeroout"."""
        first, length = int(sector) * SECTOR, int(sectors) * SECTOR
        fd = os.open(path, os.O_RDWR)
        try:
            if how == b"zeroout":
                fcntl.ioctl(fd, BLKZEROOUT, struct.pack("QQ", first, length))
                return ""
            mode = FALLOCATE[how.decode()]
            return libc_call("fallocate", fd, mode, ctypes.c_long(first), ctypes.c_long(length))
        finally:
            os.close(fd)

    def zone(self, path, op, sector, sectors):
        """Execute an operation on the zones in a range."""
        fd = os.open(path, os.O_RDWR)
        try:
            fcntl.ioctl(fd, ZONE_OPS[op.decode()], struct.pack("QQ", int(sector), int(sectors)))
        finally:
            os.close(fd)
        return ""

    def zones(self, path, sector=0, count=1024):
        """Each zone: start, length/capacity, write pointer, type and condition, in sectors."""
        head = struct.pack("QII", int(sector), int(count), 0)
        buffer = bytearray(head + bytes(64 * int(count)))
        fd = os.open(path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, ZONE_REPORT, buffer)
        finally:
            os.close(fd)
        zones = []
        for number in range(struct.unpack_from("QII", buffer)[1]):
            zone = struct.unpack_from("QQQBBBB4xQ", buffer, 16 + 64 * number)
            start, length, pointer, kind, cond, non_seq, reset, capacity = zone
            cond = ZONE_CONDS.get(cond, cond)
            zones.append(f"{start}+{length}/{capacity}@{pointer}:{kind}{non_seq}{reset}:{cond}")
        return " ".join(zones)

    def call(self, module, function, *args):
        """Call a function of another module in this directory, with words as arguments."""
        called = getattr(importlib.import_module(module.decode()), function.decode())
        return called(*(arg.decode() for arg in args))

    def insmod(self, path, params):
        with open(path, "rb") as file:
            image = file.read()
        return libc_call("init_module", image, ctypes.c_ulong(len(image)), params)

    def rmmod(self, name):
        return libc_call("delete_module", name, ctypes.c_int(os.O_NONBLOCK))

    def fio_report(self, path):
        """Errors; reads, their bytes; writes, their bytes; least and mean latency in ns."""
        jobs = fio_jobs(path)
        kinds = [job[kind] for job in jobs for kind in ("read", "write")]
        ios = sum(kind["total_ios"] for kind in kinds)
        least = min((kind["lat_ns"]["min"] for kind in kinds if kind["total_ios"]), default=0)
        mean = sum(kind["lat_ns"]["mean"] * kind["total_ios"] for kind in kinds) / max(ios, 1)
        counts = [
            sum(job[kind][key] for job in jobs)
            for kind in ("read", "write")
            for key in ("total_ios", "io_bytes")
        ]
        return " ".join(map(str, [sum(job["error"] for job in jobs), *counts, least, int(mean)]))

    def fio_errors(self, path):
        """The number of errors after which fio continued."""
        return sum(job.get("total_err", 0) for job in fio_jobs(path))

    def flush_errors(self, path, count):
        """Flush several times, and count the failures."""
        fd = os.open(path, os.O_RDWR)
        errors = 0
        try:
            for _ in range(int(count)):
                try:
                    os.fsync(fd)
                except OSError as error:
                    if error.errno != errno.EIO:
                        raise
                    errors += 1
        finally:
            os.close(fd)
        return errors


def decode(word):
    return word.encode("latin-1").decode("unicode_escape").encode("latin-1")


def encode(result):
    text = result.decode("latin-1") if isinstance(result, bytes) else str(result)
    return text.encode("unicode_escape").decode("ascii")


def main():
    sys.stdin.reconfigure(encoding="latin-1")
    calls = Calls()
    for line in sys.stdin:
        name, *args = line.rstrip("\n").split("\t")
        try:
            reply = f"0\t{encode(getattr(calls, name)(*map(decode, args)))}"
        except OSError as error:
            reply = f"{errno.errorcode[error.errno]}\t"
        except Exception as error:
            # Report the failure and go on: later cases need this process.
            reply = f"{type(error).__name__}\t{encode(error)}"
        print(reply, flush=True)


if __name__ == "__main__":
    main()
