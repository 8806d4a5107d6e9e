#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run clippy or rustdoc over a crate as the kernel's build compiles it.

    rust_lint.py clippy|rustdoc [--output DIR] OBJECTS TARGET [OURS...]

It uses the flags that the build in OBJECTS saved for TARGET, so it compiles nothing and changes no
build directory. (make CLIPPY=1 would compile the kernel crate twice, and make rustdoc would first
document all crates below ours.) Only findings in the files OURS count, whose names start at the top
of the kernel tree; the others are the base's. Exit 1 if there are any. --output keeps rustdoc's
documents, with private items, and links to those that DIR has already.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

# Neither tool takes options about object files.
NO_OUTPUT = ("--emit=", "--out-dir", "-Cembed-bitcode", "-Clto", "-Csave-temps")
# rustdoc does not know these.
NO_RUSTDOC = ("-O", "-g", "--crate-type")


def saved_commands(objects: Path, target: str) -> list[list[str]]:
    """The commands that make the target, from the .cmd file beside it."""
    path = objects / target
    text = (path.parent / f".{path.name}.cmd").read_text(encoding="utf-8")
    match = re.search(r"^savedcmd_\S+ := (.*)$", text, re.MULTILINE)
    if not match:
        raise ValueError(f"no command for {target}")
    command = match[1].replace("$$", "$").replace("$(pound)", "#").replace("\\#", "#")
    lexer = shlex.shlex(command, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    commands: list[list[str]] = [[]]
    for word in lexer:
        if word[0] in ";&|":
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def saved_command(objects: Path, target: str) -> tuple[dict[str, str], list[str]]:
    """The compiler's environment and arguments, without the commands that process the object."""
    words = saved_commands(objects, target)[0]
    env = {}
    while re.match(r"^\w+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    if Path(words[0]).name not in ("rustc", "clippy-driver"):
        raise ValueError(f"{target}: not compiled by rustc, but by {words[0]}")
    return env, words[1:]


def wanted(args: list[str], unwanted: tuple[str, ...]) -> list[str]:
    """The arguments without the unwanted ones and their values."""
    kept = []
    skip_value = False
    for arg in args:
        if skip_value:
            skip_value = False
        elif arg.startswith(unwanted):
            skip_value = arg in ("--out-dir", "--crate-type")
        else:
            kept.append(arg)
    return kept


def tool_args(tool: str, args: list[str], out: str) -> list[str]:
    if tool == "clippy":
        return ["clippy-driver", *wanted(args, NO_OUTPUT), f"--emit=metadata={out}/crate.rmeta"]
    return ["rustdoc", *wanted(args, NO_OUTPUT + NO_RUSTDOC), "--output", out]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("tool", choices=("clippy", "rustdoc"))
    parser.add_argument("--output")
    parser.add_argument("objects", type=Path)
    parser.add_argument("target")
    parser.add_argument("ours", nargs="*")
    given = parser.parse_args()
    env, args = saved_command(given.objects, given.target)
    found = 0
    with tempfile.TemporaryDirectory() as out:
        command = tool_args(given.tool, args, given.output or out)
        if given.output:
            command.append("--document-private-items")
        done = subprocess.run(
            [*command, "--error-format=json"],
            cwd=given.objects,
            env=os.environ | {"RUSTC_BOOTSTRAP": "1"} | env,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    for line in done.stderr.splitlines():
        message = json.loads(line) if line.startswith("{") else {"level": "error", "rendered": line}
        files = [span["file_name"] for span in message.get("spans", [])]
        mine = any(file.endswith("/" + name) for file in files for name in given.ours)
        if mine or message["level"] == "error":
            print(message["rendered"])
            found += 1
    return 1 if found or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
