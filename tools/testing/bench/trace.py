#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Have QEMU log each instruction that a guest executes, when the guest requests it.

    trace.py SOCKET DIRECTORY BYTES

SOCKET is QEMU's monitor. To request a trace, the guest creates DIRECTORY/trace-request with the
name of the log file in it, and waits until trace.py has removed it. A trace ends when its log has
BYTES bytes. trace.py ends when QEMU ends.
"""

import socket
import sys
import time
from pathlib import Path


class Monitor:
    PROMPT = b"(qemu) "

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(600):
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        self.wait()

    def wait(self):
        text = b""
        while not text.endswith(self.PROMPT):
            more = self.socket.recv(65536)
            if not more:
                raise EOFError
            text += more

    def command(self, text):
        self.socket.sendall(text.encode() + b"\n")
        self.wait()


def trace(monitor, log, size):
    monitor.command(f"logfile {log}")
    monitor.command("one-insn-per-tb on")
    monitor.command("log exec,nochain")
    while not log.exists() or log.stat().st_size < size:
        time.sleep(0.02)
    monitor.command("log none")
    monitor.command("one-insn-per-tb off")


def main():
    path, directory, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    request = directory / "trace-request"
    try:
        monitor = Monitor(path)
        while True:
            if request.exists() and (name := request.read_text().strip()):
                trace(monitor, directory / name, size)
                request.unlink()
            # This fails when QEMU has ended.
            monitor.command("info status")
            time.sleep(0.1)
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    main()
