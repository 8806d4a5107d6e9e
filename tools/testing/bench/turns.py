#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare fio's results on the devices of two drivers, measured in turn.

    turns.py < RUNS

RUNS has a line "row MODE BLOCK DEPTH" for each comparison, followed by fio's terse output
(version 3) of the jobs rnull-TURN and null_blk-TURN. Each line of the table is printed when the
next comparison begins. Turn 0 warms up, and is left out.
"""

import sys
from statistics import median

import stats

DRIVERS = ("rnull", "null_blk")
HEADINGS = f"""\
{'':20}{'IOPS, median':>19}{'mean latency, us':>20}  IOPS of rnull / null_blk
{'mode':8}{'block':>6}{'depth':>6}{'rnull':>10}{'null_blk':>9}{'rnull':>10}{'null_blk':>10}  \
median  95 % interval"""
# Fields of the terse output.
NAME, ERROR, IOPS, LATENCY = 2, 4, 7, 39


def runs_of(lines):
    """Driver -> turn -> IOPS and mean latency."""
    runs = {driver: {} for driver in DRIVERS}
    said = []  # fio's other output
    for line in lines:
        fields = line.split(";")
        if len(fields) <= LATENCY:
            said.append(line)
            continue
        if fields[ERROR] != "0" or not int(fields[IOPS]):
            raise ValueError(f"fio failed: {line}")
        driver, turn = fields[NAME].rsplit("-", 1)
        if int(turn):
            runs[driver][int(turn)] = int(fields[IOPS]), float(fields[LATENCY])
    if not runs["rnull"] or runs["rnull"].keys() != runs["null_blk"].keys():
        raise ValueError("\n".join(["fio's results lack a turn of one driver; fio said:", *said]))
    return runs


def row(mode, block, depth, lines):
    """A line of the table."""
    runs = runs_of(lines)
    pairs = [(runs["rnull"][turn][0], runs["null_blk"][turn][0]) for turn in runs["rnull"]]
    ratio, low, high = stats.ratios(pairs)
    iops, latency = ([median(run[which] for run in runs[driver].values()) for driver in DRIVERS]
                     for which in (0, 1))
    return (f"{mode:8}{block:>6}{depth:>6}{iops[0]:10.0f}{iops[1]:9.0f}"
            f"{latency[0]:10.1f}{latency[1]:10.1f}  {ratio:6.3f}  {low:.3f} to {high:.3f}")


def rows(lines):
    words, runs = None, []
    for line in lines:
        line = line.strip()
        if line.startswith("row "):
            if words:
                yield row(*words, runs)
            words, runs = line.split()[1:], []
        elif line:
            runs.append(line)
    if words:
        yield row(*words, runs)


def main():
    print(HEADINGS, flush=True)
    try:
        for line in rows(sys.stdin):
            print(line, flush=True)
    except ValueError as why:
        sys.exit(f"turns.py: {why}")


if __name__ == "__main__":
    main()
