#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Precision under budgets: what is chosen fits, what is said is true, and what cannot be kept is refused.

usage: precision.py FOLDER

A random language model whose text has two languages with tokens of their own: one common, one rare. The targets are
what the float model itself would say, so that what is lost is known to come from rounding.
"""
import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx

import quern_e2e as q
import tiny_models

LENGTH, VOCABULARY, SAMPLES = 16, 64, 48


def run(*arguments, status=0):
    result = subprocess.run([q.QUERN, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != status:
        raise SystemExit(f"FAILED: {' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stderr}")
    return result.stderr if status else result.stdout


def check(condition, message):
    if not condition:
        raise SystemExit(f"FAILED: {message}")


def write_data(folder, session, random):
    """Every fourth window is of the rare language, whose tokens are the upper quarter of the vocabulary."""
    rare = np.arange(SAMPLES) % 4 == 3
    low, high = np.where(rare, 48, 0), np.where(rare, VOCABULARY, 48)
    ids = random.integers(low[:, None], high[:, None], (SAMPLES, LENGTH))
    logits = np.concatenate([session.run(None, {"ids": row[None]})[0] for row in ids])
    noise = random.gumbel(size=logits.shape)
    np.save(folder / "ids.npy", ids)
    np.save(folder / "targets.npy", (logits + noise).argmax(-1))
    with open(folder / "rows.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["language"]] + [["rare" if r else "common"] for r in rare])
    inputs = {"ids": {"tokens": "ids.npy", "vocabulary": VOCABULARY}}
    data = {"table": "rows.csv", "inputs": inputs, "targets": {"tokens": "targets.npy"}, "slices": ["language"]}
    (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
    (folder / "recipe.json").write_text(json.dumps({"activations": "float", "candidates": ["s2/32", "s3/32", "s4", "s8"], "algorithms": ["mse"]}), encoding="utf-8")


def get_weights(path):
    """Bytes of codes and scales, and the bits, of each product's weights in an exported file."""
    model = onnx.load(path)
    tensors = {t.name: t for t in model.graph.initializer}
    result = {}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in tensors:
            codes, scales = (tensors[name] for name in node.input[:2])
            result[node.output[0]] = (np.prod(codes.dims), codes.data_type, np.prod(scales.dims))
    return result


def run_images(folder, random):
    """A classifier, with 8-bit activations; labels are what the float model says. The search keeps the budget on
    points of accuracy, and what it chose is written as codes of fewer than 8 bits."""
    model, samples = folder / "images.onnx", 60
    onnx.save(tiny_models.make_image_model(random, side=8, classes=6, width=48), model)
    images = random.normal(0, 1, (samples, 3, 8, 8)).astype(np.float32)
    session = q.session(model)
    np.save(folder / "images.npy", images)
    labels = [int(session.run(None, {"x": x[None]})[0].argmax()) for x in images]
    with open(folder / "labels.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["label"]] + [[label] for label in labels])
    data = folder / "images.json"
    data.write_text(json.dumps({"table": "labels.csv", "inputs": {"x": {"array": "images.npy"}}, "label": {"column": "label", "classes": 6}}), encoding="utf-8")
    chosen = folder / "images_chosen.onnx"
    run("quantize", model, f"--calibrate={data}", "--precision=auto", "--max-drop=10", "-o", chosen)
    said = json.loads(run("eval", chosen, f"--data={data}", "--metric=top1", "--json"))[0]["top1"][0]
    check(said >= 90, f"top-1 is {said} % where 90 % were asked for")
    kinds = {node: kind for node, (_, kind, _) in get_weights(chosen).items()}
    check(set(kinds.values()) - {onnx.TensorProto.INT8, onnx.TensorProto.INT32}, f"all weights kept 8 bits: {kinds}")


def main():
    folder = Path(sys.argv[1])
    random = np.random.default_rng(9)
    run_images(folder, random)
    model = folder / "model.onnx"
    onnx.save(tiny_models.make_language_model(random, LENGTH, VOCABULARY, layers=3), model)
    write_data(folder, q.session(model), random)
    data, recipe = folder / "data.json", folder / "recipe.json"
    common = [model, f"--calibrate={data}", f"--recipe={recipe}", "--precision=auto"]
    weights = 6 * 32 * 64 + 32 * VOCABULARY  # three blocks and the head
    embedding = 4 * 32 * VOCABULARY

    # A budget of bytes is kept, and the page says what eval says.
    budget = embedding + weights // 2 + 4 * (3 * 96 + VOCABULARY)  # four bits, and a scale for each output channel
    page = folder / "report.html"
    chosen = folder / "chosen.onnx"
    run("quantize", *common, f"--max-weights={budget}", f"--report={page}", "-o", chosen)
    text = page.read_text(encoding="utf-8")
    size, drop = re.search(r"Chosen: (\d+) bytes.*?drop (-?[\d.]+) %", text, re.S).groups()
    check(int(size) <= budget, f"{size} bytes are more than {budget}")
    figures = {}
    for name in (model, chosen):
        said = json.loads(run("eval", name, f"--data={data}", "--metric=perplexity", "--slice-by=language", "--json"))
        figures[name] = {group["slice"]: group["perplexity"][0] for group in said}
    measured = 100 * (figures[chosen]["all"] / figures[model]["all"] - 1)
    check(abs(measured - float(drop)) < 0.02, f"the page says a drop of {drop} %, eval finds {measured}")
    for part in ("Size against drop", "How slices fall", "rare", "common", "block2.up", "</html>"):
        check(part in text, f"the page has no '{part}'")
    # All layers alike at 4 bits would fit as well: what was chosen loses no more.
    uniform = folder / "uniform.json"
    uniform.write_text(json.dumps({"activations": "float", "weights": "s4", "algorithms": ["mse"]}), encoding="utf-8")
    said = json.loads(run("eval", model, f"--calibrate={data}", f"--recipe={uniform}", f"--data={data}", "--metric=perplexity", "--slice-by=language", "--json"))
    def score(figures):
        drops = {name: value / figures_of_float[name] for name, value in figures.items()}
        return drops["all"] + max(drops["rare"], drops["common"])
    figures_of_float = figures[model]
    check(score(figures[chosen]) <= score({group["slice"]: group["perplexity"][0] for group in said}) + 1e-9, "all layers at 4 bits lose less")

    # Drops are kept with fewer bytes than eight bits take.
    run("quantize", *common, "--max-drop=5%", "--max-slice-drop=8", "-o", folder / "small.onnx")
    said = json.loads(run("eval", folder / "small.onnx", f"--data={data}", "--metric=perplexity", "--json"))
    check(said[0]["perplexity"][0] <= 1.0501 * figures[model]["all"], f"more than 5 % is lost: {said}")
    kinds = {kind for _, kind, _ in get_weights(folder / "small.onnx").values()}
    check(kinds - {onnx.TensorProto.INT8}, "all weights kept 8 bits")

    # What cannot be kept is refused: budget, slice and layers by name, what would do, and no file.
    for extra, words in (
        ([f"--max-weights={embedding + 100}"], [r"--max-weights=\d+: the smallest mix has \d+ bytes"]),
        ([f"--max-weights={budget}", "--max-slice-drop=0.001"], [r"--max-slice-drop=0.001%: in the slice '(rare|common)'", r"note: .*'(rare|common)' these layers cause the most.*'(block\d\.\w+|head)'"]),
    ):
        said = run("quantize", *common, *extra, "-o", folder / "none.onnx", status=1)
        for word in words:
            check(re.search(word, said, re.S), f"expected '{word}' in:\n{said}")
        check(not (folder / "none.onnx").exists(), "an output in spite of the error")
    # A recipe that is not searched is held to the budgets as well.
    fixed = [model, f"--calibrate={data}", "--precision=w2g32"]
    said = run("compile", *fixed, "--max-slice-drop=1%", "-o", folder / "none", status=1)
    check("--max-slice-drop=1%: in the slice" in said, said)
    run("compile", model, f"--calibrate={data}", "--precision=w8", "--max-drop=2%", "--max-slice-drop=3%", "-o", folder / "program")
    print("done")


if __name__ == "__main__":
    main()
