#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the launches that emulated_driver.c has captured.

usage: emulate_launches.py FOLDER

FOLDER has code.ptx and job.json; the device's memory is a file that is changed in place. The order in which warps run
comes from QUERN_EMULATOR_SEED.
"""
import json
import mmap
import os
import sys
from pathlib import Path

import numpy as np

import ptx_emulator
import ptx_module


def main():
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text())
    target, kernels = ptx_module.parse((folder / "code.ptx").read_text())
    seed = int(os.environ.get("QUERN_EMULATOR_SEED", "0"))
    with open(job["memory"], "r+b") as file:
        memory = np.frombuffer(mmap.mmap(file.fileno(), job["bytes"]), np.uint8)
    for launch in job["launches"]:
        machine = ptx_emulator.Machine(kernels[launch["kernel"]], target, memory, job["base"], job["allocations"])
        try:
            machine.launch(launch["grid"], launch["threads"], launch["arguments"], seed)
        except ptx_emulator.EmulationError as error:
            print(f"emulator: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
