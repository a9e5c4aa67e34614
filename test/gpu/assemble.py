#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts the kernels of the test models through ptxas: no spills, no stack, registers for two blocks where stated.

usage: assemble.py [--chips sm_80,sm_89,…] [--model FILE.onnx]
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx

import gpu_run
import models

CHIPS = ["sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120a"]


def compile_ptx(model, chip, folder):
    path = Path(folder) / "model.onnx"
    onnx.save(model, path)
    command = [gpu_run.os.environ.get("QUERN", "quern"), "compile", str(path), "--emit=ptx", f"--target=cuda-{chip}"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--chips", default=",".join(CHIPS))
    a.add_argument("--model")
    a = a.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        cases = [(Path(a.model).stem, onnx.load(a.model), False)] if a.model else [
            (name, build(floats)[1], floats) for name, build in models.MODELS.items() for floats in (False, True)]
        for chip in a.chips.split(","):
            for name, model, floats in cases:
                if floats and chip == "sm_80":
                    continue
                kernels = gpu_run.check_kernels(compile_ptx(model, chip, folder), chip)
                bad = [k for k, (_, spilled, stack) in kernels.items() if spilled or stack]
                most = max(registers for registers, _, _ in kernels.values())
                failed += bool(bad) or not kernels
                print(f"{'FAIL' if bad else 'ok  '} {name} {'float8' if floats else 'int8'} {chip}: {len(kernels)} kernels, at most {most} registers"
                      + (f", spills or stack in {', '.join(bad)}" if bad else ""), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
