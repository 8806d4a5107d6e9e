# SPDX-License-Identifier: GPL-2.0
"""Read which locks are contended, from /proc/lock_stat."""

import re

# Driver -> the names of its lock classes. A Rust lock without a name is called after its file, and
# the start of an absolute path is all that the kernel shows of it. No other driver of the lean
# kernel is in Rust.
NAMES = {"c": re.compile(r"&nullb->"), "rust": re.compile(r"rnull |TagSet::|/|drivers/|rust/")}
# The control: null_blk copies data under this lock, so two jobs contend for it.
CONTROL = "&nullb->lock"

# Class name, con-bounces, contentions, four waiting times, acq-bounces, acquisitions, and so on.
CLASS = re.compile(r" *(\S.*): +\d+ +(\d+)(?: +-?[\d.]+){4} +\d+ +(\d+)(?: +-?[\d.]+){4} *")
# A place that waited for the lock, or held it meanwhile. A module has its name in brackets.
PLACE = re.compile(r" *\S.* \d+ +\[<[^>]*>\] \S+(?: \[(\w+)\])?")


def classes(text, driver, module):
    """The lock classes that are contended or the driver's, from the text of /proc/lock_stat.

    A class is the driver's if it has such a name, or if the module waited for it or held it.
    """
    if "lock debugging disabled" in text:
        raise RuntimeError("the kernel has stopped its statistics of locks")
    found = []
    for line in text.splitlines():
        if of := CLASS.fullmatch(line):
            name, contentions, acquisitions = of.groups()
            found.append({"name": name, "contentions": int(contentions),
                          "acquisitions": int(acquisitions),
                          "own": bool(NAMES[driver].match(name))})
        elif (place := PLACE.fullmatch(line)) and place[1] == module and found:
            found[-1]["own"] = True
    return [one for one in found if one["contentions"] or one["own"]]
