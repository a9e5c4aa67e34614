#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults put into a program's PTX must be seen by the emulator: an error, or other outputs.

usage: injected.py                    tries each of FAULTS
       injected.py --apply N FOLDER   what the driver runs in place of emulate_launches.py
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import gpu_run
import models

HERE = Path(__file__).resolve().parent

# What is done to the text of every kernel on tensor cores.
FAULTS = {
    "none": lambda t: t,
    "no barriers": lambda t: re.sub(r"\tbar\.sync[^;]*;\n", "", t),
    "one barrier less": lambda t: re.sub(r"\tbar\.sync[^;]*;\n", "", t, count=1),
    "copies waited for too late": lambda t: re.sub(r"(cp\.async\.wait_group\s+)1;", r"\g<1>2;", t),
    "no commit": lambda t: re.sub(r"\tcp\.async\.commit_group;\n", "", t, count=1),
    "other bytes of weights": lambda t: re.sub(r"(mma\.sync\S+\s+\{[^}]*\},\s+\{[^}]*\},\s+)\{(%r\d+), (%r\d+)\}", r"\1{\3, \2}", t, count=1),
    "a sum in the wrong place": lambda t: re.sub(r"(st\.shared\.b32\s+\[[^\]]*?)\+(\d+)\]", lambda m: f"{m[1]}+{int(m[2]) + 4}]", t, count=1),
}


def apply(number, folder):
    path = Path(folder) / "code.ptx"
    parts = re.split(r"(?=\.visible \.entry)", path.read_text())
    fault = list(FAULTS.values())[number]
    path.write_text("".join(fault(p) if "mma.sync" in p else p for p in parts))
    return subprocess.run([sys.executable, str(HERE / "emulate_launches.py"), folder]).returncode


def main():
    if sys.argv[1:2] == ["--apply"]:
        return apply(int(sys.argv[2]), sys.argv[3])
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        driver = gpu_run.make_driver(folder)
        graph, model = models.product()
        program = gpu_run.compile_with_tile(model, Path(folder) / "product", "cuda-sm_89", (2, 4))
        expected = None
        for number, name in enumerate(FAULTS):
            command = f"{sys.executable} {__file__} --apply {number}"
            seen = False
            for seed in range(3):
                try:
                    outputs = gpu_run.run_program(program, graph.feeds, driver, seed, emulator=command)
                except RuntimeError:
                    seen = True
                    continue
                expected = outputs if expected is None else expected
                seen |= any(not np.array_equal(outputs[k], expected[k]) for k in expected)
            good = seen == (name != "none")
            missed += not good
            print("ok  " if good else "FAIL", name, "seen" if seen else "not seen", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
