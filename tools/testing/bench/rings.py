# SPDX-License-Identifier: GPL-2.0
"""Count the I/Os of a program by its io_uring completion rings.

Bio-based drivers count no I/O in sysfs. But the kernel shows the tail of a completion ring, a
32-bit counter of its entries, in /proc/PID/fdinfo/FD.
"""

import os
import re
import time
from pathlib import Path

TAIL = re.compile(r"^CqTail:\s*(\d+)$", re.M)
PATIENCE = 30  # seconds to read a tail


class Rings:
    """The completion rings of a process, of which each of its jobs has one."""

    def __init__(self, pid, jobs=1):
        self.top = Path(f"/proc/{pid}")
        self.jobs = jobs
        self.rings = {}  # path of a ring -> its tail, entries so far, and time of this reading

    def find(self):
        try:
            for fd in os.listdir(self.top / "fd"):
                if os.readlink(self.top / "fd" / fd) == "anon_inode:[io_uring]":
                    self.rings.setdefault(self.top / "fdinfo" / fd, (0, 0, time.monotonic_ns()))
        except OSError:  # the process has ended, or has just closed a file
            pass

    def readings(self):
        """(I/Os that have completed, the time in ns) of each job, once all jobs have rings."""
        if len(self.rings) < self.jobs:
            self.find()
        if len(self.rings) < self.jobs:
            return []
        for path, (old, count, _) in self.rings.items():
            tail = self.tail(path)
            if tail is not None:
                # It wraps around.
                count += (tail - old) % (1 << 32)
                self.rings[path] = tail, count, time.monotonic_ns()
        return [(count, when) for _, count, when in self.rings.values()]

    @staticmethod
    def tail(path):
        """The tail of a ring, or None if the process has ended.

        The file is empty while the process holds the lock of the ring, as it does to submit.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                text = path.read_text()
            except OSError:
                return None
            if found := TAIL.search(text):
                return int(found[1])
            time.sleep(0.0005)
        raise RuntimeError(f"{path}: no tail within {PATIENCE} s")
