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
from PIL import Image

import quern_e2e as q
import tiny_models

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


def eval_description(name, **changes):
    """Of a language model, or of one that takes images."""
    result = {"table": "table.csv", "slices": ["group"]}
    if name == "text":
        result |= {"inputs": {"ids": {"tokens": "ids.npy", "vocabulary": 16}}, "targets": {"next": "ids"}}
    else:
        result |= {"inputs": {"x": {"image": "file"}}, "label": {"column": "label", "classes": 10}}
    result.update(changes)
    return json.dumps({k: v for k, v in result.items() if v is not None}, indent=1)


def tokens(name="ids.npy", at=None, value=0, shape=(8, 6), kind=np.int64):
    def write(folder):
        ids = (np.arange(np.prod(shape)).reshape(shape) % 16).astype(kind)
        if at:
            ids[at] = value
        np.save(folder / "ids.npy", np.arange(48).reshape(8, 6) % 16)
        np.save(folder / name, ids)
    return write


def pictures(size=(8, 8), broken=None):
    def write(folder):
        for i in range(8):
            Image.new("RGB", size).save(folder / f"f{i}.png")
        if broken is not None:
            (folder / "f3.png").write_bytes(broken)
    return write


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

# As above, of `quern eval` on a model of tokens or images; with True at the end a warning, not an error.
EVAL_CASES = {
    "text-vocabulary": (eval_description("text"), None, tokens(at=(3, 2), value=16), r"table\.csv:5: input 'ids', token 2: expected an id from 0 to 15, found 16"),
    "text-negative": (eval_description("text"), None, tokens(at=(0, 5), value=-2), r"table\.csv:2: input 'ids', token 5: expected an id from 0 to 15, found -2"),
    "text-target": (eval_description("text", targets={"tokens": "t.npy"}), None, tokens("t.npy", (7, 0), 99), r"table\.csv:9: targets, token 0: expected an id from 0 to 15, found 99"),
    "text-output": (eval_description("text", inputs={"ids": {"tokens": "ids.npy"}}, targets={"tokens": "t.npy"}), None, tokens("t.npy", (1, 4), 99),
                    r"table\.csv:3: target of token 4: expected an id from 0 to 15, found 99"),
    "text-length": (eval_description("text"), None, tokens(shape=(8, 7)), r"data\.json:\d+: '.*ids\.npy': expected rows of 6 tokens, or one text"),
    "text-float": (eval_description("text"), None, tokens(kind=np.float32), r"data\.json:\d+: '.*ids\.npy': expected token ids, which are whole numbers"),
    "text-count": (eval_description("text", targets={"tokens": "t.npy"}), None, tokens("t.npy", shape=(7, 6)), r"data\.json:\d+: 't\.npy': expected 8 samples, found 7"),
    "text-short": (eval_description("text", table=None, slices=None), None, tokens(shape=(5,)), r"data\.json:1: the data set has no samples"),
    "text-next": (eval_description("text", targets={"next": "id"}), None, tokens(), r"data\.json:\d+: 'targets': expected the name of an input of tokens, found 'id'"),
    "text-both": (eval_description("text", label={"column": "label"}), None, tokens(), r"data\.json:\d+: expected one of 'label' and 'targets', found both"),
    "text-unit": (eval_description("text", unit="page"), None, tokens(), r"data\.json:\d+: 'table\.csv' has no column 'page'"),
    "image-size": (eval_description("image"), None, pictures(size=(9, 8)), r"table\.csv:2: '.*f0\.png': expected 8 x 8 pixels for the input 'x', found 9 x 8"),
    "image-foreign": (eval_description("image"), None, pictures(broken=b"hello"), r"table\.csv:5: '.*f3\.png': "),
    "image-cut": (eval_description("image"), None, pictures(broken=b"\x89PNG\r\n\x1a\n\0\0"), r"table\.csv:5: '.*f3\.png': "),
    "image-label": (eval_description("image"), table(4, "f2.png,10,a"), pictures(), r"table\.csv:4: label '10': expected a number from 0 to 9"),
    "slice-gone": (eval_description("image", rows={"modulo": 2, "remainders": [0]}), None, pictures(), r"warning: .*table\.csv:3: slice 'b' of 'group' is empty: 'rows' takes none", True),
    "slice-lonely": (eval_description("image"), table(9, "f7.png,7,c"), pictures(), r"warning: .*table\.csv:9: slice 'c' of 'group' has one sample", True),
    "class-lonely": (eval_description("image"), None, pictures(), r"warning: .*table\.csv:2: class '0' of 'label' \(and 7 others\) has one sample", True),
}


def run_eval_cases():
    failures = []
    models = {"text": FOLDER / "text.onnx", "image": FOLDER / "image.onnx"}
    onnx.save(tiny_models.make_language_model(np.random.default_rng(1), length=6, vocabulary=16), models["text"])
    onnx.save(tiny_models.make_image_model(np.random.default_rng(1), side=8, classes=10), models["image"])
    for name, (text, rows, more, expected, *isWarning) in EVAL_CASES.items():
        folder = FOLDER / name
        folder.mkdir()
        (folder / "table.csv").write_text(rows or table(1, ROWS[0]))
        (folder / "data.json").write_text(text)
        more(folder)
        model = models["text" if name.startswith("text") else "image"]
        result = subprocess.run([q.QUERN, "eval", str(model), f"--data={folder / 'data.json'}"], capture_output=True, text=True)
        if result.returncode != (0 if isWarning else 1) or not re.search(expected, result.stderr):
            failures.append(f"{name}: exit {result.returncode}, expected '{expected}', found: {result.stderr}")
    return failures


def main():
    FOLDER.mkdir(parents=True)
    failures = run_eval_cases()
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
