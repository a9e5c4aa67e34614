#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What quantizing mobilenetv2 costs: ours against ONNX Runtime's quantizer and NNCF's, on the same images.

usage: accuracy.py SHARED FOLDER [--quern QUERN] [--only NAME...] [--docs FILE]

SHARED holds models/mobilenetv2_fp32 and data/imagenet500. Every fifth image calibrates (100), the
other 400 are evaluated: top-1, agreement of the largest logit with the float model's, and SQNR of
the logits. Our rows are measured by `quern eval`, on our programs; the others in ONNX Runtime.
--docs writes the tables into a page, between its marks. NNCF takes part if it can be imported.
"""
import argparse
import csv
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx

import figures

SHAPE = "--shape=input=1x3x224x224"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# Name, --precision, recipe.
OURS = [
    ("W8A8, default", "int8", None),
    ("W8A8, nearest, no correction", "int8", {"algorithms": ["nearest"]}),
    ("W4A8, default (refit, gptq)", "w4a8", None),
    ("W4A8, gptq without refit", "w4a8", {"algorithms": ["gptq", "correct-bias"]}),
    ("W4A8, refit, gptq, adaround", "w4a8", {"algorithms": ["refit", "gptq", "adaround", "correct-bias"]}),
    ("W4A8, nearest", "w4a8", {"algorithms": ["nearest"]}),
    ("W4A8 group 32, default", "w4g32a8", None),
    ("W4A8 group 32, nearest", "w4g32a8", {"algorithms": ["nearest"]}),
    ("W4 group 32, float activations", "w4g32", None),
    ("W3A8 group 32, default", "w3g32a8", None),
]


def write_sets(shared, folder):
    """The descriptions of the two halves, and the images' rows."""
    table = (shared / "data/imagenet500/labels.csv").resolve()
    for name, remainders in (("calibrate", [0]), ("evaluate", [1, 2, 3, 4])):
        (folder / f"{name}.json").write_text(json.dumps({
            "table": str(table), "rows": {"modulo": 5, "remainders": remainders},
            "inputs": {"input": {"image": "file", "range": [0, 1], "mean": MEAN, "std": STD}},
            "label": {"column": "class", "classes": 1000}}))
    with open(table, encoding="utf-8", newline="") as file:
        return [(table.parent / row["file"], int(row["class"])) for row in csv.DictReader(file)]


def load_image(path):
    from PIL import Image
    pixels = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
    return ((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)[None]


def measure_ours(quern, model, folder, name, precision, recipe):
    flags = [SHAPE, f"--calibrate={folder}/calibrate.json", f"--precision={precision}"]
    if recipe:
        (folder / "recipe.json").write_text(json.dumps(recipe))
        flags.append(f"--recipe={folder}/recipe.json")
    file = folder / "ours.onnx"
    begin = time.monotonic()
    subprocess.run([quern, "quantize", model, "-o", file, *flags], check=True, capture_output=True)
    seconds = time.monotonic() - begin
    said = subprocess.run([quern, "eval", file, SHAPE, f"--data={folder}/evaluate.json", f"--against={model}", "--json"],
                          check=True, capture_output=True, text=True).stdout
    figures = json.loads(said)[0]
    return [f"Quern {name}", *(figures[m][0] for m in ("top1", "agreement", "sqnr")), seconds]


def run_model(path, images):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: load_image(path)})[0] for path in images])


def compare(name, outputs, reference, labels, seconds=None):
    best, wanted = outputs.argmax(1), reference.argmax(1)
    difference = float(((reference - outputs) ** 2).sum())
    sqnr = 10 * np.log10((reference**2).sum() / difference) if difference else float("inf")
    return [name, 100 * float(np.mean(best == labels)), 100 * float(np.mean(best == wanted)), float(sqnr), seconds]


def measure_ort(model, folder, rows):
    """quantize_static per channel with each of its calibrators."""
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rest = iter(rows[::5])

        def get_next(self):
            row = next(self.rest, None)
            return row and {"input": load_image(row[0])}

    prepared = folder / "prepared.onnx"
    quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    for method in ("MinMax", "Percentile", "Entropy"):
        file = folder / f"ort_{method}.onnx"
        begin = time.monotonic()
        quantize_static(str(prepared), str(file), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                        calibrate_method=CalibrationMethod[method])
        yield f"ONNX Runtime W8A8, {method}", file, time.monotonic() - begin


def measure_nncf(model, folder, rows):
    try:
        import nncf
    except ImportError:
        return
    for name, options in (("default", {}), ("accurate bias", {"fast_bias_correction": False})):
        begin = time.monotonic()
        data = nncf.Dataset(rows[::5], lambda row: {"input": load_image(row[0])})
        onnx.save(nncf.quantize(onnx.load(model), data, subset_size=len(rows[::5]), **options), folder / "nncf.onnx")
        yield f"NNCF W8A8, {name}", folder / "nncf.onnx", time.monotonic() - begin


def draw(rows):
    lines = ["| | top-1 | agreement | SQNR, dB | seconds to quantize |", "|---|---|---|---|---|"]
    for name, top1, agreement, sqnr, seconds in rows:
        time_taken = "" if seconds is None else f"{seconds:.0f}"
        lines.append(f"| {name} | {top1:.2f} | {agreement:.2f} | {'' if np.isinf(sqnr) else f'{sqnr:.1f}'} | {time_taken} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shared", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quern", default="build/bin/quern")
    parser.add_argument("--only", nargs="*", help="rows whose names contain one of these words")
    parser.add_argument("--docs", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.WARNING)
    rows = write_sets(options.shared, options.folder)
    source = onnx.load(options.shared / "models/mobilenetv2_fp32/mobilenetv2.onnx")
    for value in (*source.graph.input, *source.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    model = options.folder / "float.onnx"
    onnx.save(source, model)

    images = [file for i, (file, _) in enumerate(rows) if i % 5]
    labels = np.array([label for i, (_, label) in enumerate(rows) if i % 5])
    reference = run_model(model, images)
    results = [compare("float32", reference, reference, labels)]

    def wanted(name):
        return not options.only or any(word in name for word in options.only)

    def report(row):
        results.append(row)
        print(row, flush=True)

    for name, precision, recipe in OURS:
        if wanted(name):
            report(measure_ours(options.quern, model, options.folder, name, precision, recipe))
    for measure in (measure_ort, measure_nncf):
        if wanted(measure.__name__.removeprefix("measure_")):
            for name, file, seconds in measure(model, options.folder, rows):
                report(compare(name, run_model(file, images), reference, labels, seconds))
    table = draw(results)
    if options.docs:
        figures.replace_table(options.docs, "accuracy", table.splitlines())


if __name__ == "__main__":
    sys.exit(main())
