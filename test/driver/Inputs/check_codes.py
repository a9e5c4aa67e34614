# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whether codes mean the floats of the float interface, exactly.

usage: check_codes.py FLOAT_PROGRAM CODES_PROGRAM CODES_JSON IMAGES OUT_FOLDER
       check_codes.py CODES_JSON FLOATS.npy CODES.npy
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np


def real(codes, tensor):
    return (codes.astype(np.float32) - np.float32(tensor["zero_point"])) * np.float32(tensor["scale"])


def run(program, array, folder):
    np.save(folder / "in.npy", array)
    subprocess.run([program, f"--input=image={folder / 'in.npy'}", f"--output-dir={folder}"], check=True)
    return np.load(folder / "logits.npy")


def check_file(record, floats, codes):
    output = json.load(open(record))["outputs"][0]
    assert np.array_equal(np.load(floats), real(np.load(codes), output))


def check_programs(float_program, codes_program, record, images, folder):
    record = json.load(open(record))
    image, logits = record["inputs"][0], record["outputs"][0]
    scale, seen = np.float32(image["scale"]), set()
    for pixels in np.load(images)[:20].reshape(-1, 1, 1, 8, 8):
        x = pixels.astype(np.float32) / np.float32(16)
        codes = np.clip(np.rint(x / scale) + image["zero_point"], 0, 255).astype(np.uint8)
        expected = run(float_program, x, Path(folder))
        found = run(codes_program, codes, Path(folder))
        assert found.dtype == np.uint8, found.dtype
        assert np.array_equal(expected, real(found, logits)), (expected, found)
        seen.add(found.tobytes())
    assert len(seen) > 10, "the images do not tell results apart"


(check_file if len(sys.argv) == 4 else check_programs)(*sys.argv[1:])
