#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The shipped digits model on its test images: accuracy, and the same result on every CPU target.

usage: digits.py DIGITS_FOLDER OUT_FOLDER
"""
import sys
from pathlib import Path

import numpy as np

import quern_e2e as q


def main():
    model, out = Path(sys.argv[1]), Path(sys.argv[2])
    images, labels = np.load(model / "test_images.npy"), np.load(model / "test_labels.npy")
    theirs = q.session(model / "digits.onnx")
    name = theirs.get_inputs()[0].name
    images = images.reshape(-1, 1, 1, 8, 8).astype(np.float32) / np.float32(16)
    reference = np.array([theirs.run(None, {name: x})[0].argmax() for x in images])
    first, failed = None, False
    for target in q.host_targets():
        program = q.compile_model(model / "digits.onnx", out / f"digits-{target}", target)
        logits = np.concatenate([q.run_program(program, {name: x})["logits"] for x in images])
        right = 100 * np.mean(logits.argmax(1) == labels)
        agree = 100 * np.mean(logits.argmax(1) == reference)
        first = logits if first is None else first
        same = np.array_equal(first, logits)
        print(f"{target}: {right:.2f} % right (bound: 97), {agree:.2f} % as ONNX Runtime "
              f"(bound: 99), {'the same' if same else 'OTHER'} logits as the first target")
        failed |= right < 97 or agree < 99 or not same
    return failed


if __name__ == "__main__":
    sys.exit(main())
