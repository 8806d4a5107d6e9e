#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write attributes of a device from several processes at once, and read all of them.

    stores.py DIRECTORY ROUNDS ATTRIBUTE=VALUE,VALUE...[:SEEN,SEEN...]...

A process for each argument writes the values of an attribute in turn. One more process reads all
attributes of the directory. All of them go on until the first argument's values were written ROUNDS
times. An attribute that is written must never have a value other than the first one, one of VALUE,
or one of SEEN.

Prints a line for each argument, and one for the reader: how many calls had which result.
"""

import collections
import errno
import os
import random
import signal
import stat
import sys
import time

from devices import errno_of, read_file, write_file

# Other results are errors of the driver. ENOMEM: power-on and new hardware queues allocate memory
# that the kernel does not retry for.
EXPECTED = {"0", "EBUSY", "EINVAL", "ENOMEM"}


def parse(argument):
    attr, _, values = argument.partition("=")
    values, _, seen = values.partition(":")
    return attr, values.split(","), set(filter(None, seen.split(",")))


def write_round(path, values, counts, pause):
    for value in values:
        result = errno_of(write_file, path, f"{value}\n")
        if result not in EXPECTED:
            sys.exit(f"{path}: {value}: {result}")
        counts[result] += 1
        time.sleep(random.random() * pause)


def readable(directory):
    for name in sorted(os.listdir(directory)):
        mode = os.stat(f"{directory}/{name}").st_mode
        if stat.S_ISREG(mode) and mode & 0o444:
            yield name


def read_round(directory, names, allowed, counts):
    for name in names:
        try:
            value = read_file(f"{directory}/{name}").rstrip("\n")
        except OSError as error:
            sys.exit(f"reading {name}: {errno.errorcode[error.errno]}")
        counts["0"] += 1
        if value not in allowed.get(name, {value}):
            sys.exit(f"{name} is {value}, which no process wrote")


def told(name, counts):
    return f"{name} " + " ".join(f"{result}={counts[result]}" for result in sorted(counts)) + "\n"


def start(name, action, *arguments):
    """Repeat the action in a process, until it gets SIGTERM. Returns the process and its output."""
    receiver, sender = os.pipe()
    child = os.fork()
    if child:
        os.close(sender)
        return child, receiver
    going = True

    def stop(*_):
        nonlocal going
        going = False

    signal.signal(signal.SIGTERM, stop)
    status = 1
    try:
        counts = collections.Counter()
        while going or not counts:
            action(*arguments, counts)
        os.write(sender, told(name, counts).encode())
        status = 0
    except SystemExit as error:
        os.write(sender, f"{error}\n".encode())
    finally:
        os._exit(status)


def main():
    directory, rounds = sys.argv[1], int(sys.argv[2])
    writers = [parse(argument) for argument in sys.argv[3:]]
    names = list(readable(directory))
    allowed = {}
    for attr, values, seen in writers:
        if attr in names:
            first = read_file(f"{directory}/{attr}").rstrip("\n")
            allowed.setdefault(attr, {first}).update(values, seen)

    # All writers pause. The driver logs a line for each write that it refuses, and a console of an
    # emulated machine is slow.
    children = [start("reader", read_round, directory, names, allowed)]
    for attr, values, _ in writers[1:]:
        path = f"{directory}/{attr}"
        children.append(start(attr, lambda p, v, c: write_round(p, v, c, 0.04), path, values))

    attr, values, _ = writers[0]
    counts = collections.Counter()
    for _ in range(rounds):
        write_round(f"{directory}/{attr}", values, counts, 0.03)
    print(told(attr, counts), end="")

    good = True
    for child, receiver in children:
        os.kill(child, signal.SIGTERM)
        good &= os.waitpid(child, 0)[1] == 0
        print(os.read(receiver, 4096).decode(), end="")
    if not good:
        sys.exit("a process failed")


if __name__ == "__main__":
    main()
