#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions that AArch64 programs execute for one inference, counted by qemu-user.

usage: arm_count.py --quern QUERN MODEL.onnx... [--targets T,…]

Prints a Markdown table. An inference is the difference between a benchmark of three runs and one of
one run. MACs are those that `quern inspect` sums up: the multiplications of contractions.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TARGETS = "arm-dotprod,arm-i8mm,arm-neon"
PLUGIN = Path(__file__).with_name("qemu_count.c")


def executed(plugin, program, runs):
    result = subprocess.run(["qemu-aarch64", "-cpu", "max", "-plugin", str(plugin), str(program), f"--bench={runs}"],
                            capture_output=True, text=True, check=True)
    return int(re.search(r"executed: (\d+)", result.stderr)[1])


def macs(quern, program):
    record = json.loads(subprocess.run([quern, "inspect", "--json", str(program)], capture_output=True, text=True,
                                       check=True).stdout)
    return sum(kernel["macs"] for kernel in record["kernels"])


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("models", nargs="+")
    a.add_argument("--quern", default="quern")
    a.add_argument("--cc", default="clang-22")
    a.add_argument("--targets", default=TARGETS)
    args = a.parse_args()
    print("| model | target | MMAC | million instructions | MAC per instruction |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        plugin = Path(folder, "count.so")
        subprocess.run([args.cc, "-shared", "-fPIC", "-O1", str(PLUGIN), "-o", str(plugin)], check=True)
        for model in args.models:
            for target in args.targets.split(","):
                program = Path(folder, "program")
                subprocess.run([args.quern, "compile", model, f"--target={target}", "-o", str(program)], check=True)
                count = (executed(plugin, program, 3) - executed(plugin, program, 1)) / 2
                work = macs(args.quern, program)
                print(f"| {Path(model).stem} | {target} | {work / 1e6:.0f} | {count / 1e6:.1f} | {work / count:.1f} |",
                      flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
