#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Data sets with something wrong in them: each an error that names file and line, status 1, no output.

usage: bad_data.py MODELS FOLDER
"""
import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

import quern_e2e as q

MODELS, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])
MODEL = MODELS / "digits_fp32.onnx"
IMAGES = np.load(MODELS / "test_images.npy")[:8] / np.float32(16)
NAME = onnx.load(MODEL).graph.input[0].name
SHAPE = f"--shape={NAME}=" + "x".join(map(str, (1, *IMAGES.shape[1:])))
GOOD = {
    "table": "table.csv",
    "inputs": {NAME: {"array": "images.npy"}},
    "label": {"column": "label", "classes": 10},
    "slices": ["group"],
}
ROWS = ["file,label,group"] + [f"f{i}.png,{i},{'ab'[i % 2]}" for i in range(8)]


def description(**changes):
    result = copy.deepcopy(GOOD)
    result.update(changes)
    return json.dumps({k: v for k, v in result.items() if v is not None}, indent=1)


def table(line, text):
    rows = list(ROWS)
    rows[line - 1] = text
    return "\n".join(rows) + "\n"


def arrays(images):
    return lambda folder: np.save(folder / "images.npy", images)


nan = IMAGES.astype(np.float32).copy()
nan[3].flat[0] = np.nan
files = {NAME: {"image": "file"}}

# name: (description, table, more files, the error after the folder's name)
CASES = {
    "syntax": ("{\n \"inputs\": {,}\n}", None, None, r"data\.json:2: not valid JSON"),
    "member": (description(lable={}), None, None, r"data\.json:\d+: unknown member 'lable', expected one of .*label"),
    "missing": (None, None, None, r"data\.json.*[Nn]o such file"),
    "input": (description(inputs={"nope": {"array": "images.npy"}}), None, None, rf"data\.json:\d+: the model's input '{NAME}' is not among"),
    "kind": (description(inputs={NAME: {}}), None, None, r"data\.json:\d+: input '.*': expected one of 'image', 'file'"),
    "array": (description(inputs={NAME: {"array": "none.npy"}}), None, None, r"data\.json:\d+: '.*none\.npy'"),
    "shape": (description(), None, arrays(np.zeros((8, 3, 3), np.float32)), r"data\.json:\d+: 'images\.npy': expected samples of shape .*, found the shape \[8, 3, 3\]"),
    "count": (description(), None, arrays(IMAGES[:5]), r"data\.json:\d+: 'images\.npy': expected 8 samples, found 5"),
    "nan": (description(), None, arrays(nan), r"table\.csv:5: input '.*': a value is not a finite number"),
    "text": (description(), None, lambda folder: (folder / "images.npy").write_text("hello"), r"data\.json:\d+: '.*images\.npy': not a readable \.npy array"),
    "label": (description(), table(4, "f2.png,11,a"), None, r"table\.csv:4: label '11': expected a number from 0 to 9"),
    "word": (description(), table(4, "f2.png,cat,a"), None, r"table\.csv:4: label 'cat'"),
    "cells": (description(), table(6, "f4.png,4"), None, r"table\.csv:6: expected 3 cells, found 2"),
    "quote": (description(), table(6, "\"f4.png,4,a"), None, r"table\.csv:6: expected a closing quote"),
    "slice": (description(), table(3, "f1.png,1,"), None, r"table\.csv:3: the slice column 'group' is empty"),
    "column": (description(slices=["language"]), None, None, r"data\.json:\d+: 'table\.csv' has no column 'language', expected one of file, label, group"),
    "empty": (description(rows={"modulo": 100, "remainders": [99]}), None, None, r"data\.json:1: the data set has no samples"),
    "image": (description(inputs=files), None, None, r"(data\.json:\d+: input .* layout|table\.csv:2: there is no file '.*f0\.png')"),
    "file": (description(inputs={NAME: {"file": "file"}}), None, None, r"table\.csv:2: there is no file '.*f0\.png'"),
    "foreign": (description(inputs={NAME: {"file": "file"}}), None,
                lambda folder: [(folder / f"f{i}.png").write_text("hello") for i in range(8)], r"table\.csv:2: '.*f0\.png': not a readable \.npy array"),
}


def main():
    FOLDER.mkdir(parents=True)
    failures = []
    for name, (text, rows, more, expected) in CASES.items():
        folder = FOLDER / name
        folder.mkdir()
        np.save(folder / "images.npy", IMAGES)
        (folder / "table.csv").write_text(rows or table(1, ROWS[0]))
        if text is not None:
            (folder / "data.json").write_text(text)
        if more:
            more(folder)
        result = subprocess.run([q.QUERN, "compile", str(MODEL), SHAPE, f"--calibrate={folder / 'data.json'}", "-o", str(folder / "out")],
                                capture_output=True, text=True)
        if result.returncode != 1 or not re.search(expected, result.stderr) or (folder / "out").exists():
            failures.append(f"{name}: exit {result.returncode}, expected '{expected}', found: {result.stderr}")
    print("\n".join(failures) or "done")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
