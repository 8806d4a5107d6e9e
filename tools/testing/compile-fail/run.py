#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Prove that wrong uses of the block abstractions do not compile.

    run.py OBJECTS [PATTERN]

Each file in cases/ is compiled twice against the kernel crate in the build directory OBJECTS, with
the flags that the build saved for rnull. With --cfg right it must compile. With --cfg wrong it must
fail with exactly the errors that its header lists. Each has a code ("none" for an error without
one) and a part of its text (message, labels and notes; types without their modules):

    //@ error: E0382
    //@ message: use of moved value: `rq`

An assertion about constants fails only during code generation, which "//@ codegen" requests.

The files in fixtures/ are bad cases, and must get the verdict of their "//@ verdict:" line. The
output is TAP; exit 1 if a test failed, 2 if no file matched. PATTERN selects files by name.
kselftest's ksft.py would not be shorter, and succeeds if there are no tests.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "scripts"))

from rust_lint import saved_command, wanted

HERE = Path(__file__).resolve().parent
DRIVER = "drivers/block/rnull/rnull.o"
OUTPUT = ("--emit=", "--out-dir")
# rustc may or may not trim the path of a type, depending on the other types that it knows.
MODULES = re.compile(r"\b(?:[a-z]\w*::)+(?=\w)")


class Error(NamedTuple):
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"

    def is_as(self, expected: "Error") -> bool:
        return self.code == expected.code and expected.text in self.text


class Compiler:
    """rustc, with the arguments that the build uses for the driver."""

    def __init__(self, objects: Path, out: Path):
        env, args = saved_command(objects, DRIVER)
        if not args[-1].endswith(".rs"):
            raise ValueError(f"{DRIVER}: no source at the end of its command")
        self.args = ["rustc", *wanted(args[:-1], OUTPUT), "--cap-lints=allow"]
        self.args.append("--error-format=json")
        self.env = os.environ | {"RUSTC_BOOTSTRAP": "1"} | env
        self.objects = objects
        self.out = out

    def errors(self, source: Path, version: str, emit: str) -> list[Error]:
        out = self.out / f"{source.parent.name}-{source.stem}.{version}"
        done = subprocess.run(
            [*self.args, f"--cfg={version}", f"--emit={emit}={out}", str(source)],
            cwd=self.objects,
            env=self.env,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        errors = []
        for line in done.stderr.splitlines():
            if not line.startswith("{"):
                errors.append(Error("rustc", line))
                continue
            message = json.loads(line)
            sums_up = message["message"].startswith("aborting due to ")
            if message["level"].startswith("error") and not sums_up:
                errors.append(error_of(message))
        if done.returncode and not errors:
            errors.append(Error("rustc", f"status {done.returncode} without an error"))
        return errors


def error_of(message: dict) -> Error:
    labels = [span["label"] for span in message["spans"] if span["label"]]
    notes = [child["message"] for child in message["children"]]
    code = message["code"]["code"] if message["code"] else "none"
    return Error(code, MODULES.sub("", "; ".join([message["message"], *labels, *notes])))


class Case:
    def __init__(self, path: Path):
        self.path = path
        self.name = f"{path.parent.name}/{path.stem}"
        source = path.read_text(encoding="utf-8")
        marks = re.findall(r"^//@ (\w+)(?:: (.*))?$", source, re.MULTILINE)
        codes = [value for key, value in marks if key == "error"]
        texts = [value for key, value in marks if key == "message"]
        verdicts = [value for key, value in marks if key == "verdict"]
        self.expected = [Error(*pair) for pair in zip(codes, texts, strict=False)]
        self.codegen = ("codegen", "") in marks
        self.verdict = verdicts[0] if verdicts else ""
        self.fault = ""
        if not codes or len(codes) != len(texts) or not all(texts):
            self.fault = "its header does not say which errors are expected"
        elif not source.startswith("// SPDX") or "\n//! " not in source:
            self.fault = "its header does not say what it proves"
        elif re.search(r"^([^/]|/[^/])*\bunsafe\b", source, re.MULTILINE):
            self.fault = "it is not safe Rust"
        elif (path.parent.name == "fixtures") != bool(verdicts):
            self.fault = "fixtures, and only these, must have a verdict"

    def judge(self, compiler: Compiler) -> list[str]:
        """The fault of the case and its details; empty if it is good."""
        if self.fault:
            return [self.fault]
        emit = "obj" if self.codegen else "metadata"
        errors = compiler.errors(self.path, "right", emit)
        if errors:
            return ["the right version does not compile", *map(str, errors)]
        errors = compiler.errors(self.path, "wrong", emit)
        if not errors:
            return ["the wrong version compiles"]
        for expected in self.expected:
            if not any(error.is_as(expected) for error in errors):
                return [f"the wrong version lacks {expected}", *map(str, errors)]
        others = [
            error
            for error in errors
            if not any(error.is_as(expected) for expected in self.expected)
        ]
        if others:
            return ["the wrong version has other errors, too", *map(str, others)]
        return []

    def test(self, compiler: Compiler) -> list[str]:
        complaint = self.judge(compiler)
        if not self.verdict:
            return complaint
        if complaint and self.verdict in complaint[0]:
            return []
        return [f"want the verdict: {self.verdict}", *complaint]


def main() -> int:
    objects = Path(sys.argv[1]).resolve()
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    paths = sorted([*HERE.glob("cases/*.rs"), *HERE.glob("fixtures/*.rs")])
    cases = [Case(path) for path in paths if pattern in path.stem]
    passed = 0
    print(f"TAP version 13\n1..{len(cases)}", flush=True)
    with tempfile.TemporaryDirectory() as out:
        compiler = Compiler(objects, Path(out))
        with ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count() or 1)) as pool:
            results = pool.map(lambda case: case.test(compiler), cases)
            for number, (case, complaint) in enumerate(zip(cases, results, strict=True), 1):
                print(f"{'not ok' if complaint else 'ok'} {number} - {case.name}")
                for line in complaint:
                    print("# " + line.replace("\n", "\n# "))
                sys.stdout.flush()
                passed += not complaint
    failed = len(cases) - passed
    print(f"# Totals: pass:{passed} fail:{failed} xfail:0 xpass:0 skip:0 error:0")
    if counts := os.environ.get("RNULL_COUNTS"):
        Path(counts).write_text(f"{passed} {failed}\n", encoding="utf-8")
    if not cases:
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
