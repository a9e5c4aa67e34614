#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The arena of programs for AArch64 against that of x86-64's plan.

usage: arm_arena.py [--shape NAME=DIMS] MODEL...

Both compile on any machine. The sizes, as `inspect` and the program's own record say, may differ by 5 %.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import quern_e2e as q

BOUND = 0.05


def arena(model, target, folder, flags):
    program = q.compile_model(model, Path(folder) / target, target, flags)
    record = subprocess.run([q.QUERN, "inspect", "--json", program], check=True, capture_output=True, text=True).stdout
    return json.loads(record)["entries"][0]["arena_bytes"]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("models", nargs="+")
    a.add_argument("--shape", action="append", default=[])
    args = a.parse_args()
    failed = False
    for model in args.models:
        with tempfile.TemporaryDirectory() as folder:
            flags = [f"--shape={s}" for s in args.shape]
            expected = arena(model, "x86-vnni", folder, flags)
            for target in q.ARM_TARGETS:
                found = arena(model, target, folder, flags)
                good = abs(found - expected) <= BOUND * expected
                failed |= not good
                print(f"{'ok  ' if good else 'FAIL'} {Path(model).name}: {target} {found} bytes, x86-vnni {expected}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
