# SPDX-License-Identifier: GPL-2.0
"""Create and configure the devices of a null block driver in configfs."""

import errno
import os


def errno_of(function, *args):
    """The result of a system call: 0 or the errno's name."""
    try:
        function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "0"


def read_file(path):
    """Read with one call."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 1 << 16).decode()
    finally:
        os.close(fd)


def write_file(path, text):
    """Write with one call. Returns the number of bytes written."""
    fd = os.open(path, os.O_WRONLY)
    try:
        return os.write(fd, text.encode("latin-1"))
    finally:
        os.close(fd)


class Device:
    """A directory in configfs. The end of a "with" block removes it."""

    def __init__(self, subsys, name="v", **settings):
        self.path = f"{subsys}/{name}"
        self.disk = f"/dev/{name}"
        self.sysfs = f"/sys/block/{name}"
        os.mkdir(self.path)
        for attr, value in settings.items():
            self.set(attr, value)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.rmdir(self.path)

    def set(self, attr, value):
        write_file(f"{self.path}/{attr}", f"{value}\n")

    def get(self, attr):
        return read_file(f"{self.path}/{attr}").rstrip("\n")

    def power(self, value):
        self.set("power", int(value))

    def on(self):
        self.power(True)
        return self

    def off(self):
        self.power(False)
        return self
