# SPDX-License-Identifier: GPL-2.0
"""Create and remove null block devices in the guest."""

import ctypes
import os
import subprocess
from pathlib import Path

CONFIGFS = Path("/sys/kernel/config")
SYSFS = Path("/sys/block")

# Driver -> its directory in configfs, and its module.
CONFIGURED = {"c": ("nullb", "null_blk"), "rust": ("rnull", "rnull_mod")}
# Driver -> the name of its first device.
FLOORS = {"floor": "floor0", "floorb": "floorb0", "floorbio": "floorbio0"}
# Drivers without blk-mq. Their devices have no I/O scheduler, and count no I/O in sysfs.
BIO_BASED = {"brd": "ram0", "floorbio": "floorbio0"}

# With these values a feature is off, so a driver without the attribute will do.
OFF = {"memory_backed": 0, "submit_queues": 1, "poll_queues": 0, "hw_queue_depth": 64}


class Unsupported(Exception):
    """The driver lacks a feature that the cell needs."""


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def load(module, *parameters):
    command("modprobe", module, *parameters)


# System calls of x86-64.
INIT_MODULE, DELETE_MODULE = 175, 176


def call(number, *arguments):
    if ctypes.CDLL(None, use_errno=True).syscall(number, *arguments):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def insert(image, *parameters):
    """Load a module from memory, without a program and a file system, which would take time."""
    call(INIT_MODULE, image, ctypes.c_ulong(len(image)), " ".join(parameters).encode())


def delete(module):
    """Unload a module, likewise without a program."""
    call(DELETE_MODULE, module.encode(), os.O_NONBLOCK)


def unload(module):
    if (Path("/sys/module") / module).exists():
        command("modprobe", "-r", module)


def write(path, value):
    # A single write(2), so that its error is the attribute's.
    with open(path, "wb", buffering=0) as file:
        file.write(f"{value}\n".encode())


class Configured:
    """A device made through configfs. `remove` removes it."""

    def __init__(self, driver, name, settings, power=True):
        top, self.module = CONFIGURED[driver]
        self.name = name
        self.path = CONFIGFS / top / name
        self.path.mkdir()
        try:
            for attribute, value in settings.items():
                self.set(attribute, value)
            if power:
                write(self.path / "power", 1)
                # A driver may replace a value that it does not support by another one.
                for attribute, value in settings.items():
                    self.verify(attribute, value)
        except BaseException:
            self.remove()
            raise

    def set(self, attribute, value):
        path = self.path / attribute
        if path.exists():
            try:
                write(path, value)
            except OSError as why:
                raise Unsupported(f"{attribute}={value}: {why.strerror}") from None
        elif OFF.get(attribute) != value:
            raise Unsupported(f"has no {attribute}")

    def verify(self, attribute, value):
        path = self.path / attribute
        if path.exists() and (got := path.read_text().strip()) != str(value):
            raise Unsupported(f"{attribute}={value} is taken as {got}")

    def remove(self):
        if (self.path / "power").read_text().strip() == "1":
            write(self.path / "power", 0)
        self.path.rmdir()


class Ram:
    """The device of brd. `remove` removes it."""

    name = BIO_BASED["brd"]

    def __init__(self, size_mib):
        load("brd", "rd_nr=1", f"rd_size={size_mib << 10}")

    def remove(self):
        unload("brd")


def has(driver, attribute):
    """True if the driver's devices have this attribute."""
    top, _ = CONFIGURED[driver]
    return attribute in (CONFIGFS / top / "features").read_text().strip().split(",")


def queue_settings(name):
    """The queue attributes of a disk in sysfs."""
    settings = {}
    for path in sorted((SYSFS / name / "queue").iterdir()):
        try:
            settings[path.name] = path.read_text().strip()
        except OSError:
            continue
    return settings
