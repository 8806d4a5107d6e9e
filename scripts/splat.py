#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Find splats in a kernel log: exit 0 if there are none, 1 if there are some, 2 on an error.

The patterns are in splat.toml beside this file.
"""

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

# "<4>[   12.345678][    T1] ", with an optional level and caller. It may be anywhere in a line: if
# user space shares the console, an unfinished line may precede it.
STAMP = re.compile(r"(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")

# A stack dump at most this many lines below a message belongs to it.
STACK_REACH = 60


@dataclass(frozen=True)
class Rule:
    label: str
    patterns: list[re.Pattern[str]]

    def match(self, text: str) -> bool:
        return any(pattern.match(text) for pattern in self.patterns)


@dataclass(frozen=True)
class Splat:
    line: int
    kind: str
    text: str


class Rules:
    """The deny, stack and allow lists."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            data = tomllib.load(file)
        self.deny = [self._rule(row, "kind") for row in data["deny"]]
        self.stack = [self._rule(row, "kind") for row in data["stack"]]
        # A row without a reason is a KeyError, so that each one can be reviewed.
        self.allow = [self._rule(row, "reason") for row in data.get("allow", [])]

    @staticmethod
    def _rule(row: dict, label: str) -> Rule:
        if not row[label].strip():
            raise ValueError(f"empty {label} for {row['patterns']}")
        return Rule(row[label], [re.compile(pattern) for pattern in row["patterns"]])

    @staticmethod
    def _first(rules: list[Rule], text: str) -> str | None:
        return next((rule.label for rule in rules if rule.match(text)), None)

    def scan(self, lines: list[str]) -> list[Splat]:
        found = []
        explained = -STACK_REACH
        for number, line in enumerate(lines, 1):
            text = message(line)
            kind = self._first(self.deny, text)
            if kind:
                explained = number
            else:
                kind = self._first(self.stack, text)
                if kind is None or number - explained < STACK_REACH:
                    continue
                # The "cut here" line precedes the message that explains it.
                explained = number
                if self._explained_below(lines[number : number + 5]):
                    continue
            if self._first(self.allow, text) is None:
                found.append(Splat(number, kind, text))
        return found

    def _explained_below(self, lines: list[str]) -> bool:
        return any(self._first(self.deny, message(line)) for line in lines)


def message(line: str) -> str:
    """The text of a log line, without its time stamp."""
    end = 0
    for stamp in STAMP.finditer(line):
        end = stamp.end()
    return line[end:].strip()


def read_log(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line.rstrip("\r") for line in text.split("\n")]


def report(splats: list[Splat], lines: list[str], before: int, after: int) -> None:
    """Print each splat with its surroundings; overlapping surroundings are printed once."""
    shown = 0
    for index, splat in enumerate(splats):
        print(f"splat: {splat.kind} (line {splat.line}): {splat.text}")
        end = splat.line + after
        if index + 1 < len(splats):
            end = min(end, splats[index + 1].line - 1)
        for number in range(max(splat.line - before, shown + 1), min(end, len(lines)) + 1):
            mark = ">" if number == splat.line else " "
            print(f"  {mark} {lines[number - 1]}")
            shown = number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", type=Path)
    parser.add_argument("--brief", action="store_true", help="one line a splat, without context")
    parser.add_argument("--before", type=int, default=3, help="lines of context above a splat")
    parser.add_argument("--after", type=int, default=12, help="lines of context below a splat")
    args = parser.parse_args()

    rules = Rules(Path(__file__).with_suffix(".toml"))
    lines = read_log(args.log)
    if not any(line.strip() for line in lines):
        raise ValueError(f"{args.log}: is empty, so the kernel did not boot or did not log")
    splats = rules.scan(lines)
    if args.brief:
        for splat in splats:
            print(f"{splat.line}: {splat.kind}: {splat.text}")
    else:
        report(splats, lines, args.before, args.after)
    return 1 if splats else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, KeyError, ValueError, re.error) as error:
        # A log that was not scanned must not count as clean.
        print(f"splat.py: {error}", file=sys.stderr)
        sys.exit(2)
