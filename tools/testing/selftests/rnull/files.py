#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fill a file system, and check its files later: files.py fill|check DIRECTORY [MIB].

The contents of a file follow from its name. Only the list of names and lengths is stored, in a file
of the same directory.
"""

import os
import random
import sys
import zlib

LIST = "list"


def contents(name, length):
    unit = (name * 64 + "\n").encode()
    return (unit * (length // len(unit) + 1))[:length]


def put(directory, name, length, durably):
    with open(f"{directory}/{name}", "wb") as file:
        file.write(contents(name, length))
        if durably:
            file.flush()
            os.fsync(file.fileno())


def fill(directory, mebibytes):
    chance = random.Random(mebibytes)
    left = mebibytes << 20
    lengths = {}
    while left > 0:
        name = f"d{chance.randrange(8)}/f{chance.randrange(100000)}"
        length = chance.choice((0, 1, 511, 4096, 5000, 70000, 300000, 3 << 20))
        os.makedirs(f"{directory}/{os.path.dirname(name)}", exist_ok=True)
        put(directory, name, length, not chance.randrange(10))
        left -= length
        lengths[name] = length
        if not chance.randrange(4):
            gone = chance.choice(list(lengths))
            os.unlink(f"{directory}/{gone}")
            del lengths[gone]
    lines = [f"{name} {length}\n" for name, length in lengths.items()]
    text = "".join(lines)
    with open(f"{directory}/{LIST}", "w", encoding="ascii") as file:
        file.write(f"{len(lines)} {zlib.crc32(text.encode())}\n{text}")
    os.sync()


def check(directory):
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
    with open(f"{directory}/{LIST}", encoding="ascii") as file:
        count, crc = map(int, file.readline().split())
        text = file.read()
    assert zlib.crc32(text.encode()) == crc, "the list of files is corrupt"
    lines = text.splitlines()
    assert len(lines) == count > 0, "the list of files is incomplete"
    for line in lines:
        name, length = line.split()
        with open(f"{directory}/{name}", "rb") as file:
            found = file.read()
        assert found == contents(name, int(length)), f"{name} is corrupt"
    files = sum(len(names) for _, _, names in os.walk(directory))
    assert files == count + 1, f"{files} files instead of {count + 1}"


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(sys.argv[2], int(sys.argv[3]))
    else:
        check(sys.argv[2])
