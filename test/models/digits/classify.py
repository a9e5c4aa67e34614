#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Classifies PNG images with a compiled digits model.

usage: classify.py PROGRAM IMAGE...

Each image becomes a .npy file of gray levels in 0..1; the program reads it and writes logits.npy.
Exit status 1 if a file name's first character, when it is a digit, is not the class that was found.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image


def classify(program, image, folder):
    pixels = np.asarray(Image.open(image).convert("L").resize((8, 8)), np.float32) / 255
    np.save(folder / "image.npy", pixels[None, None])
    subprocess.run([program, "--input", f"image={folder / 'image.npy'}", "--output-dir", str(folder)], check=True)
    return np.load(folder / "logits.npy")[0]


def main():
    program, images = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for image in images:
            logits = classify(program, image, Path(folder))
            found = int(logits.argmax())
            verdict = ""
            if image.name[0].isdigit():
                right = int(image.name[0]) == found
                verdict = "" if right else "  WRONG"
                wrong += not right
            print(f"{image.name}: {found}   (logit {logits[found]:.2f}, next {np.sort(logits)[-2]:.2f}){verdict}")
    print(f"{len(images) - wrong} of {len(images)} right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
