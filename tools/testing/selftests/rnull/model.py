# SPDX-License-Identifier: GPL-2.0
"""Do random I/O to a device that stores data, and compare the data with a model.

The model knows for each sector what a read must return, and what it may contain after power-off:
each sector written since the last flush may have its old or its new contents.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import random
import signal
import struct

from devices import Device, errno_of, write_file

SECTOR = 512
BLKDISCARD = 0x1277
BLKZEROOUT = 0x127F
# <linux/fs.h>
RWF_DSYNC = 2
# <linux/falloc.h>: PUNCH_HOLE with KEEP_SIZE, ZERO_RANGE and WRITE_ZEROES
PUNCH_HOLE = 0x03
ZERO_RANGE = 0x10
WRITE_ZEROES = 0x80

LIBC = ctypes.CDLL(None, use_errno=True)

# The largest I/O, in sectors, and the number of bytes by which its memory may be shifted.
LARGEST = 1024
SLACK = 4096


def fallocate(fd, mode, offset, length):
    """The system call. Python's own function has no mode."""
    if LIBC.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return 0


def contents(stamp):
    """The contents of a sector after the write with this stamp."""
    return struct.pack("<Q", stamp) * (SECTOR // 8)


class Failing:
    """Make memory allocations fail in this process, by one of the kernel's fault injections."""

    def __init__(self, kind):
        self.kind = kind
        if kind:
            self.set("probability", 10)
            self.set("times", -1)
            self.set("interval", 1)
            self.set("verbose", 0)
            self.set("task-filter", "Y")
            self.set("ignore-gfp-wait", "N")
            if kind == "fail_page_alloc":
                self.set("min-order", 0)
                # Not those of user space.
                self.set("ignore-gfp-highmem", "Y")

    def set(self, name, value):
        write_file(f"/sys/kernel/debug/{self.kind}/{name}", f"{value}\n")

    def __enter__(self):
        if self.kind:
            write_file("/proc/self/make-it-fail", "1")

    def __exit__(self, *_):
        if not self.kind:
            return
        # This write switches fault injection off, but may itself be hit by a fault.
        for _ in range(100):
            try:
                write_file("/proc/self/make-it-fail", "0")
                return
            except MemoryError:
                pass
            except OSError as error:
                if error.errno != errno.ENOMEM:
                    raise
        raise AssertionError("cannot switch fault injection off")

    def end(self):
        if self.kind:
            self.set("probability", 0)


class Model:
    """A device, and what it must contain."""

    def __init__(self, device, seed, failing):
        self.device = device
        self.random = random.Random(seed)
        self.failing = failing
        self.block = max(int(device.get("blocksize")) // SECTOR, 1)
        self.sectors = int(device.get("size")) * 2048
        self.cached = device.get("cache_size") != "0"
        # The block layer would have to split a request with gaps within a block.
        self.gaps = device.get("virt_boundary") == "0"
        self.discards = device.get("discard") == "1"
        self.zeroes = self.own("write_zeroes", 0) == 1
        # Memory of an I/O starts at a multiple of this many bytes.
        self.step = (self.own("dma_alignment", 1) or SECTOR - 1) + 1
        # Each block must fit into this many segments.
        self.segments = self.own("max_segments", 0) or 128
        # The possible contents of each sector. Until power-off, a read returns the last one.
        self.stamps = [[0] for _ in range(self.sectors)]
        self.dirty = set()
        self.stamp = 0
        self.failures = 0
        self.done = []
        self.memory = mmap.mmap(-1, LARGEST * SECTOR + SLACK)
        self.fd = None
        self.open()

    def own(self, attr, default):
        """A setting that null_blk does not have."""
        if not os.path.exists(f"{self.device.path}/{attr}"):
            return default
        return int(self.device.get(attr))

    def open(self):
        self.device.on()
        self.fd = os.open(self.device.disk, os.O_RDWR | os.O_DIRECT)

    def close(self):
        os.close(self.fd)
        self.device.off()

    def place(self):
        """The start and length of an I/O, in sectors: often small, often across pages."""
        longest = self.random.choice((1, 2, 8, 9, 16, 64, LARGEST))
        longest = max(longest // self.block, 1)
        count = self.random.randint(1, longest) * self.block
        first = self.random.randrange(0, self.sectors - count + 1) // self.block * self.block
        return first, count

    def buffers(self, count):
        """Memory for an I/O, often as unaligned as the device takes it."""
        size = count * SECTOR
        # A block that spans two pages needs two segments, and one in several parts needs more.
        step = self.step if self.segments > 1 else max(self.step, self.block * SECTOR)
        cut = self.step if self.segments > 3 else max(self.step, self.block * SECTOR)
        start = self.random.choice((0, 0, 512, step * self.random.randrange(SLACK // step)))
        start -= start % step
        whole = memoryview(self.memory)[start : start + size]
        if self.random.randrange(3) or not self.gaps or size <= cut:
            return whole, [whole]
        cuts = sorted(cut * self.random.randint(1, size // cut) for _ in range(2))
        parts = (whole[: cuts[0]], whole[cuts[0] : cuts[1]], whole[cuts[1] :])
        return whole, [part for part in parts if part]

    def change(self, first, count, new, kept, call):
        """Change sectors. If that fails, each has its old or its new contents."""
        try:
            with self.failing:
                done = call()
        except OSError as error:
            if not self.failing.kind:
                raise
            self.failures += 1
            self.done.append(f"  failed: {error}")
            for sector, stamp in zip(range(first, first + count), new, strict=True):
                self.stamps[sector].append(stamp)
                if self.cached:
                    self.dirty.add(sector)
            # Read which of them.
            self.read(first, count, any_of=True)
            return
        # An ioctl returns 0.
        assert done in (0, count * SECTOR), f"{done} bytes instead of {count * SECTOR}"
        for sector, stamp in zip(range(first, first + count), new, strict=True):
            if kept:
                self.stamps[sector] = [stamp]
                self.dirty.discard(sector)
            else:
                self.stamps[sector].append(stamp)
                self.dirty.add(sector)

    def write(self, flags=0):
        first, count = self.place()
        whole, buffers = self.buffers(count)
        new = range(self.stamp + 1, self.stamp + 1 + count)
        self.stamp += count
        whole[:] = b"".join(map(contents, new))
        self.change(
            first,
            count,
            new,
            not self.cached,
            lambda: os.pwritev(self.fd, buffers, first * SECTOR, flags),
        )
        if flags & RWF_DSYNC and not self.failing.kind:
            # The block layer flushes the cache after such a write.
            self.flushed()

    def write_durably(self):
        self.write(RWF_DSYNC)

    def read(self, first=None, count=None, any_of=False):
        if first is None:
            first, count = self.place()
        whole, buffers = self.buffers(count)
        whole[:] = b"\xa5" * len(whole)
        done = os.preadv(self.fd, buffers, first * SECTOR)
        assert done == len(whole), f"{done} bytes instead of {len(whole)}"
        for number in range(count):
            sector = first + number
            bytes_read = bytes(whole[number * SECTOR : (number + 1) * SECTOR])
            stamp = struct.unpack_from("<Q", bytes_read)[0]
            may = self.stamps[sector] if any_of else self.stamps[sector][-1:]
            assert bytes_read == contents(stamp), f"sector {sector}: torn: {bytes_read.hex()}"
            assert stamp in may, f"sector {sector} has stamp {stamp}, may have {may}"
            if any_of and sector not in self.dirty:
                self.stamps[sector] = [stamp]
            elif any_of:
                self.stamps[sector].append(stamp)

    def clear(self, call, kept=True):
        """Change sectors to zeroes by a call with their first byte and their length."""
        first, count = self.place()
        self.change(
            first, count, [0] * count, kept, lambda: call(first * SECTOR, count * SECTOR)
        )

    def by_ioctl(self, request):
        return lambda *where: fcntl.ioctl(self.fd, request, bytearray(struct.pack("QQ", *where)))

    def discard(self):
        self.clear(self.by_ioctl(BLKDISCARD))

    def write_zeroes(self):
        # Without such requests, the block layer writes zeroes as data.
        self.clear(self.by_ioctl(BLKZEROOUT), self.zeroes or not self.cached)

    def allocate(self):
        """Write zeroes by requests of both kinds: that keep the memory, and that free it."""
        mode = self.random.choice((ZERO_RANGE, PUNCH_HOLE, WRITE_ZEROES))
        self.done.append(f"  mode {mode:#x}")
        self.clear(lambda *where: fallocate(self.fd, mode, *where))

    def flushed(self):
        for sector in self.dirty:
            self.stamps[sector] = self.stamps[sector][-1:]
        self.dirty.clear()

    def flush(self):
        with self.failing:
            error = errno_of(os.fsync, self.fd)
        if error == "0":
            self.flushed()
            return
        assert self.failing.kind, f"flush: {error}"
        self.failures += 1

    def power_cycle(self):
        self.close()
        self.open()
        for first in range(0, self.sectors, LARGEST):
            self.read(first, LARGEST, any_of=True)
        self.dirty.clear()
        self.stamps = [stamps[-1:] for stamps in self.stamps]

    def run(self, operations, cycles=True):
        choices = [self.write] * 30 + [self.read] * 30 + [self.write_durably, self.flush] * 2
        choices += [self.write_zeroes] + [self.discard] * (15 if self.discards else 0)
        choices += [self.allocate] * (20 if self.zeroes else 0)
        for number in range(operations):
            # Seldom, because it reads the whole device.
            last = number == operations - 1
            cycle = cycles and (last or number % 400 == 399)
            what = self.power_cycle if cycle else self.random.choice(choices)
            self.done.append(what.__name__)
            what()


def run(subsys, seed, operations, failing="", *changes):
    """Compare a device with these settings with the model. Returns the number of failures."""
    with Device(subsys, "model", size=4, memory_backed=1) as device:
        for change in changes:
            device.set(*change.split("="))
        failing = Failing(failing)
        model = Model(device, int(seed), failing)
        try:
            operate(model, seed, operations)
        finally:
            failing.end()
            os.close(model.fd)
    return model.failures


def operate(model, seed, operations, **how):
    """Run operations on a device. An error names the call that repeats it."""
    try:
        model.run(int(operations), **how)
    except Exception as error:
        last = ", ".join(model.done[-3:])
        where = f"seed {seed}, operation {len(model.done)} ({last})"
        raise AssertionError(f"{where}: {error!r}") from error


def run_beside(subsys, seed, operations, *changes):
    """As run(), on one half of a device, while another process writes to the other half."""
    with Device(subsys, "model", size=4, memory_backed=1) as device:
        for change in changes:
            device.set(*change.split("="))
        model = Model(device, int(seed), Failing(""))
        model.sectors //= 2
        other = os.fork()
        if not other:
            write_for_ever(model.fd, model.sectors)
        try:
            operate(model, seed, operations, cycles=False)
        finally:
            os.kill(other, signal.SIGKILL)
            os.waitpid(other, 0)
            model.close()


def write_for_ever(fd, first):
    """Write and flush pages from a sector on, as many as precede it. Does not return."""
    chance = random.Random(first)
    memory = mmap.mmap(-1, 4096)
    try:
        while True:
            os.pwrite(fd, memory, (first // 8 + chance.randrange(first // 8)) * 4096)
            os.fsync(fd)
    finally:
        os._exit(1)


def bad_io(subsys, *changes):
    """Do I/O to bad blocks: return the errno or bytes, the data read, and the data stored."""
    lines = []
    with Device(subsys, "bad", size=1) as device:
        for change in changes:
            device.set(*change.split("="))
        device.on()
        memory = mmap.mmap(-1, 64 * SECTOR)
        fd = os.open(device.disk, os.O_RDWR | os.O_DIRECT)
        flags = os.RWF_HIPRI if device.get("poll_queues") != "0" else 0

        def once(call, first, count, byte):
            memory[:] = bytes([byte]) * len(memory)
            done = []
            buffer = memoryview(memory)[: count * SECTOR]
            error = errno_of(lambda: done.append(call(fd, [buffer], first * SECTOR, flags)))
            # Without memory_backed, reads return arbitrary memory.
            read = runs(buffer) if call is os.preadv else ""
            lines.append(f"{call.__name__} {first}+{count}: {error} {done} {read}")

        try:
            for first, last in ((3, 3), (16, 23), (35, 36), (60, 200)):
                for start, count in ((0, 8), (0, 64), (8, 16), (16, 8), (24, 8), (32, 8), (56, 64)):
                    device.set("badblocks", f"+{first}-{last}")
                    once(os.pwritev, start, count, 0x11)
                    lines.append(device.get("badblocks").replace("\n", ","))
                    once(os.preadv, start, count, 0x22)
                    lines.append(device.get("badblocks").replace("\n", ","))
                    device.set("badblocks", "-0-100000")
                    once(os.preadv, 0, 64, 0x33)
                    once(os.pwritev, 0, 64, 0x44)
        finally:
            os.close(fd)
    return "\n".join(lines)


def runs(data):
    """Each byte and how often it occurs."""
    found = []
    for byte in data:
        if found and found[-1][0] == byte:
            found[-1][1] += 1
        else:
            found.append([byte, 1])
    return " ".join(f"{byte:02x}*{count}" for byte, count in found)


def lost_cache(subsys, *changes):
    """The data after a power cycle, of flushed and of unflushed writes."""
    lines = []
    with Device(subsys, "lost", size=1, memory_backed=1) as device:
        for change in changes:
            device.set(*change.split("="))
        memory = mmap.mmap(-1, 8 * SECTOR)
        for flush in (False, True):
            for byte in (1, 2):
                fd = os.open(device.on().disk, os.O_RDWR | os.O_DIRECT)
                try:
                    memory[:] = bytes([byte]) * len(memory)
                    os.pwrite(fd, memory, 8 * SECTOR)
                    if flush:
                        os.fsync(fd)
                    os.preadv(fd, [memory], 8 * SECTOR)
                    lines.append(f"flush {flush}: {runs(memory[:])}")
                finally:
                    os.close(fd)
                fd = os.open(device.off().on().disk, os.O_RDONLY | os.O_DIRECT)
                try:
                    os.preadv(fd, [memory], 8 * SECTOR)
                    lines.append(f"after power-off: {runs(memory[:])}")
                finally:
                    os.close(fd)
                device.off()
    return "\n".join(lines)


def zero_in_place(subsys, *changes):
    """Zero data without memory for new pages. Returns what a read returns then."""
    with Device(subsys, "zeroed", size=4, memory_backed=1, write_zeroes=1) as device:
        for change in changes:
            device.set(*change.split("="))
        memory = mmap.mmap(-1, 128 * SECTOR)
        failing = Failing("fail_page_alloc")
        failing.set("probability", 100)
        fd = os.open(device.on().disk, os.O_RDWR | os.O_DIRECT)
        try:
            for byte in (0x11, 0x22):
                memory[:] = bytes([byte]) * len(memory)
                os.pwrite(fd, memory, 0)
                # The first data are in memory, the second in the cache if there is one.
                if byte == 0x11:
                    os.fsync(fd)
            with failing:
                fallocate(fd, ZERO_RANGE, 3 * SECTOR, 100 * SECTOR)
            os.preadv(fd, [memory], 0)
            return runs(memory[:])
        finally:
            failing.end()
            os.close(fd)
