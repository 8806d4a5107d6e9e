# SPDX-License-Identifier: GPL-2.0
"""Observe the attributes of a device. All functions return text, which the tests compare."""

import os

from devices import Device, errno_of, read_file, write_file

# Attributes and parameters that null_blk does not have.
OWN = """
atomic_write_boundary atomic_write_unit_max atomic_write_unit_min completion_flush_nsec
completion_read_nsec completion_spread_nsec completion_tail_nsec completion_tail_ratio
completion_write_nsec discard_granularity dma_alignment io_min io_opt max_segment_size max_segments
physical_blocksize seed write_zeroes
"""

# Each value is valid for some attributes, and invalid for others.
VALUES = """
0 1 2 3 4 7 8 512 y n on off Y oN nope -1 +1 0x10 010 08 1k 1.5 0x 2147483647 2147483648 4294967295
4294967296 9223372036854775808 18446744073709551615 18446744073709551616
"""
ODD_VALUES = ["", "\n", " 1\n", "1 \n", "1\n\n", "\0", "1\0x", "1" * 64, "1" * 4095, "1" * 5000]

BAD_BLOCKS = """
+0-10 +5-20 -3-4 +100-100 +7 -7 +-7 1-2 +5-1 +a-b +1-b +0x20-0x2f +1-2-3 ++1-2 +-1-2 -21-99
-0-18446744073709551615 +0-18446744073709551615 +1-18446744073709551616
+18014398509481980-18014398509481983 +1000-9000 -2000-2000 *1-2 + -
"""


def written(device, attr, text):
    """The result of a write, and the value that is read after it."""
    path = f"{device.path}/{attr}"
    taken = []
    result = errno_of(lambda: taken.append(write_file(path, text)))
    short = text if len(text) < 40 else f"{text[:8]}...({len(text)})"
    return f"{attr} {short!r}: {result} {taken} -> {read(device, attr)}"


def shown(directory, file):
    """The contents of a file, or the errno."""
    try:
        return repr(read_file(f"{directory}/{file}").rstrip("\n"))
    except OSError as error:
        return f"errno {error.errno}"


def read(device, attr):
    return shown(device.path, attr)


def common(subsys):
    """The attributes that null_blk has, too."""
    names = read_file(f"{subsys}/features").strip().split(",")
    return " ".join(name for name in names if name not in OWN.split())


def own(_subsys):
    return " ".join(OWN.split())


def common_of(device):
    return common(os.path.dirname(device.path)).split()


def settings(device):
    """All readable attributes that null_blk has, on one line."""
    return " ".join(f"{attr}={read(device, attr)}" for attr in common_of(device))


def queue(device):
    """All files of the disk and its queues in sysfs, one per line."""
    lines = []
    for top in ("", "queue", "mq"):
        for path, dirs, files in os.walk(f"{device.sysfs}/{top}"):
            dirs.sort()
            if not top:
                dirs.clear()
            for file in sorted(files):
                # These are counters, or contain the name of the disk.
                if file in ("stat", "uevent", "dev", "diskseq", "inflight"):
                    continue
                lines.append(f"{path.removeprefix(device.sysfs)}/{file}: {shown(path, file)}")
    return lines


def defaults(subsys):
    """The attributes that null_blk has, their modes, and their defaults."""
    lines = [common(subsys)]
    with Device(subsys) as device:
        for attr in common_of(device):
            mode = os.stat(f"{device.path}/{attr}").st_mode
            lines.append(f"{attr} {mode:o} {read(device, attr)}")
    return "\n".join(lines)


def values(subsys, attr):
    """Write valid and invalid values while the device is off."""
    with Device(subsys, size=1) as device:
        tried = [written(device, attr, f"{value}\n") for value in VALUES.split()]
        tried += [written(device, attr, value) for value in ODD_VALUES]
    return "\n".join(tried)


def values_while_on(subsys, attr):
    """The same while the device is on."""
    with Device(subsys, size=4) as device:
        device.on()
        tried = [written(device, attr, f"{value}\n") for value in VALUES.split()]
        device.off()
        tried.append(settings(device))
    return "\n".join(tried)


def bad_blocks(subsys, on):
    """Write valid and invalid ranges of bad blocks."""
    with Device(subsys, size=4) as device:
        device.power(int(on))
        tried = [written(device, "badblocks", text) for text in BAD_BLOCKS.split()]
        # More ranges than the list can hold.
        for sector in range(0, 2 * 600, 2):
            tried.append(errno_of(device.set, "badblocks", f"+{sector}-{sector}"))
        tried.append(read(device, "badblocks"))
        device.off().on().off()
        tried.append(read(device, "badblocks"))
    return "\n".join(tried)


def bad_block(subsys, text):
    """Write one range of bad blocks."""
    with Device(subsys) as device:
        return written(device, "badblocks", f"{text}\n").replace("\n", "\\n")


def powered(subsys, *changes):
    """Power a device with these settings on; return its attributes and its disk's."""
    with Device(subsys, size=4) as device:
        for change in changes:
            device.set(*change.split("="))
        lines = [f"power on: {errno_of(device.on)}", settings(device)]
        if os.path.exists(device.sysfs):
            lines += queue(device)
        lines += [f"power off: {errno_of(device.off)}", settings(device)]
    return "\n".join(lines)


def corrected(subsys, *changes):
    """Change settings, including power, one after the other; return the disk's attributes."""
    with Device(subsys, size=4) as device:
        lines = [written(device, *change.split("=")) for change in changes]
        lines += [*queue(device), settings(device)]
    return "\n".join(lines)


def resized(subsys, *changes):
    """Change settings one after the other while the device is on."""
    with Device(subsys, size=4, submit_queues=1, poll_queues=1) as device:
        first = True
        lines = []
        for change in changes:
            attr, value = change.split("=")
            if attr not in ("submit_queues", "poll_queues") and first:
                device.set(attr, value)
                continue
            if first:
                device.on()
                first = False
            lines.append(written(device, attr, f"{value}\n"))
            lines.append(f"submit={device.get('submit_queues')} poll={device.get('poll_queues')}")
            lines += [line for line in queue(device) if line.startswith("/mq")]
        lines.append(settings(device.off()))
    return "\n".join(lines)


def brief(subsys, *changes):
    """As powered: the errno, the attributes that were changed, and the size of the disk."""
    with Device(subsys, size=4) as device:
        for change in changes:
            device.set(*change.split("="))
        result = errno_of(device.on)
        attrs = [change.split("=")[0] for change in changes]
        now = " ".join(f"{attr}={device.get(attr)}" for attr in attrs)
        size = read_file(f"{device.sysfs}/size").strip() if result == "0" else "none"
    return f"{result} {now} disk {size}"


# Parameters that null_blk has only with fault injection.
FAULTS = {"timeout", "requeue", "init_hctx"}


def loaded(subsys, module, disk):
    """The effects of the module's parameters on its disks and on a new device."""
    directory = f"/sys/module/{module}/parameters"
    names = sorted(set(os.listdir(directory)) - FAULTS - set(OWN.split()))
    lines = [f"{name}: {shown(directory, name)}" for name in names]
    for name in sorted(os.listdir("/sys/block")):
        if name.startswith(disk):
            for file in ("size", "queue/logical_block_size", "queue/rotational"):
                lines.append(f"{name} {file}: {shown(f'/sys/block/{name}', file)}")
            lines.append(f"{name} queues {sorted(os.listdir(f'/sys/block/{name}/mq'))}")
    with Device(subsys, "new") as device:
        lines.append(settings(device))
    return "\n".join(lines)
