#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What rounding the weights of a language model costs each of sixteen languages: the table of docs/accuracy-languages.md.

usage: languages.py SHARED [--results FILE.json] [--only NAME]

SHARED has models/manlm and data/manlm. Each row is one run of `quern eval` with a recipe, measured on held-out pages;
calibration is on 128 windows of 256 tokens, all languages or English alone. Rows that the results file has are not
run again. Prints the table.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

QUERN = os.environ.get("QUERN", "quern")

NEAREST, GPTQ, REFIT = ["mse"], ["gptq"], ["refit", "gptq"]
# row: weights, group, algorithms, calibration, and the factors on perplexity of the reference (all, worst language).
ROWS = {
    "8 bits per channel, nearest": ("s8", 0, NEAREST, "all", 1.000, 1.001),
    "4 bits per channel, nearest": ("s4", 0, NEAREST, "all", 1.087, 1.115),
    "4 bits per channel, GPTQ": ("s4", 0, GPTQ, "all", 1.047, 1.059),
    "4 bits group 32, nearest": ("s4", 32, NEAREST, "all", 1.059, 1.084),
    "3 bits per channel, nearest": ("s3", 0, NEAREST, "all", 1.399, 1.539),
    "3 bits per channel, GPTQ": ("s3", 0, GPTQ, "all", 1.200, 1.263),
    "3 bits per channel, refit + GPTQ": ("s3", 0, REFIT, "all", 1.168, 1.222),
    "3 bits group 32, nearest": ("s3", 32, NEAREST, "all", 1.278, 1.392),
    "3 bits group 32, refit + GPTQ": ("s3", 32, REFIT, "all", 1.137, 1.170),
    "2 bits group 32, nearest": ("s2", 32, NEAREST, "all", 4.720, 8.562),
    "2 bits group 32, GPTQ": ("s2", 32, GPTQ, "all", 2.382, 2.883),
    "2 bits group 32, refit + GPTQ": ("s2", 32, REFIT, "all", 1.975, 2.276),
    "3 bits per channel, refit + GPTQ, English": ("s3", 0, REFIT, "en", 1.361, 1.781),
    "2 bits group 32, refit + GPTQ, English": ("s2", 32, REFIT, "en", 4.204, 14.418),
}


def write_sets(data, folder):
    """The description of the evaluation, and of both calibrations."""
    def tokens(name):
        return {"ids": {"tokens": str(data / name), "vocabulary": 2048}}
    sets = {"eval": {"table": str(data / "eval_slices.csv"), "inputs": tokens("eval_ids.npy"), "targets": {"tokens": str(data / "eval_targets.npy")},
                     "slices": ["language", "kind"], "unit": "page"},
            "all": {"inputs": tokens("calib_all_ids.npy")}, "en": {"inputs": tokens("calib_en_ids.npy")}}
    for name, description in sets.items():
        (folder / f"{name}.json").write_text(json.dumps(description), encoding="utf-8")


def evaluate(model, folder, flags):
    command = [QUERN, "eval", str(model), f"--data={folder / 'eval.json'}", "--metric=perplexity", "--slice-by=language", "--json", *flags]
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    said = {group["slice"]: group["perplexity"] for group in json.loads(result.stdout)}
    print(f"# {' '.join(flags) or 'float'}: {said['all'][0]:.3f} in {time.monotonic() - start:.0f} s", flush=True)
    return said


def run_row(model, folder, row):
    weights, group, algorithms, calibration = row[:4]
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps({"weights": weights, "group": group, "activations": "float", "algorithms": algorithms}), encoding="utf-8")
    return evaluate(model, folder, [f"--calibrate={folder / calibration}.json", f"--recipe={recipe}"])


def print_table(results):
    print("| weights | all | reference | best language | worst language | reference |\n|---|---|---|---|---|---|")
    floats = results["float"]
    for name, row in ROWS.items():
        if name not in results:
            continue
        factors = {slice: value[0] / floats[slice][0] for slice, value in results[name].items()}
        languages = sorted((f, s) for s, f in factors.items() if s != "all")
        (low, best), (high, worst) = languages[0], languages[-1]
        print(f"| {name} | {factors['all']:.3f} | {row[4]:.3f} | {best} {low:.3f} | {worst} {high:.3f} | {row[5]:.3f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--only", help="rows whose names hold this")
    options = parser.parse_args()
    model, data = options.shared / "models/manlm/manlm.onnx", options.shared / "data/manlm"
    results = {}
    if options.results and options.results.exists():
        results = json.loads(options.results.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sets(data, folder)
        for row in ["float", *ROWS]:
            if row in results or (options.only and row != "float" and options.only not in row):
                continue
            results[row] = evaluate(model, folder, []) if row == "float" else run_row(model, folder, ROWS[row])
            if options.results:
                options.results.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print_table(results)


if __name__ == "__main__":
    main()
