#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Convolutions and products of many shapes, each as share of the machine's peak of int8 products.

usage: sweep.py [--quern QUERN] [--folder DIR] [--step build|measure] [--only TEXT] [--json FILE]

Each shape is a QDQ model of one layer with a bias; its dispatch is timed by `quern bench --profile`,
which measures the peak in the same second. M is pixels (or rows), K the length of a sum, N the
output channels, both of one group. Prints every shape and the worst ten; exits with 1 if a shape
with K >= 64, N >= 32 and M >= 12 stays below half of the peak. Compiling does not need a quiet
machine and measuring does: --step does one of both, in the folder.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh

LIMIT, LEAST = 50, {"M": 12, "N": 32, "K": 64}


@dataclass
class Conv:
    batch: int
    size: int
    channels: int
    outputs: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    @property
    def pad(self):
        return self.dilation * (self.kernel // 2)

    @property
    def name(self):
        parts = [f"conv_b{self.batch}_{self.size}x{self.size}_{self.channels}to{self.outputs}_k{self.kernel}"]
        parts += [f"s{self.stride}"] * (self.stride > 1) + [f"d{self.dilation}"] * (self.dilation > 1)
        return "_".join(parts + [f"g{self.groups}"] * (self.groups > 1))

    @property
    def mnk(self):
        span = self.dilation * (self.kernel - 1) + 1
        out = (self.size + 2 * self.pad - span) // self.stride + 1
        return (self.batch * out * out, self.outputs // self.groups,
                self.channels // self.groups * self.kernel * self.kernel)

    def node(self, x, w, b, y):
        return h.make_node("Conv", [x, w, b], [y], name="layer", kernel_shape=[self.kernel] * 2,
                           strides=[self.stride] * 2, dilations=[self.dilation] * 2,
                           pads=[self.pad] * 4, group=self.groups)

    def input_shape(self):
        return [self.batch, self.channels, self.size, self.size]

    def weight_shape(self):
        return [self.outputs, self.channels // self.groups, self.kernel, self.kernel]


@dataclass
class Gemm:
    rows: int
    k: int
    n: int

    @property
    def name(self):
        return f"gemm_{self.rows}x{self.k}x{self.n}"

    @property
    def mnk(self):
        return self.rows, self.n, self.k

    def node(self, x, w, b, y):
        return h.make_node("Gemm", [x, w, b], [y], name="layer", transB=1)

    def input_shape(self):
        return [self.rows, self.k]

    def weight_shape(self):
        return [self.n, self.k]


def shapes():
    for rows in (1, 7, 12, 128, 384):
        for k, n in ((64, 64), (64, 256), (384, 384), (768, 768), (768, 3072), (3072, 768), (65, 33),
                     (127, 100), (333, 50), (1000, 197), (1023, 1001)):
            yield Gemm(rows, k, n)
    yield Gemm(197, 384, 1536)
    yield Gemm(49, 2048, 2048)
    for batch in (1, 2, 3, 8):
        yield Conv(batch, 28, 64, 64)
        yield Conv(batch, 14, 128, 128, 3)
        yield Conv(batch, 7, 512, 512, 3)
    for channels in (3, 5, 16, 24, 33, 63, 64, 67, 96, 100, 255, 513):
        yield Conv(1, 28, channels, channels, 3)
    for channels, outputs in ((16, 96), (24, 144), (96, 24), (144, 32), (63, 65), (320, 1280), (960, 160),
                              (1024, 2048), (2047, 33), (64, 32), (512, 2048)):
        yield Conv(1, 14, channels, outputs)
    for kernel in (2, 3, 4, 5, 6, 7):
        for size in (7, 28, 31):
            yield Conv(1, size, 64, 64, kernel)
    for kernel, stride in ((1, 2), (3, 2), (5, 2), (7, 2), (7, 4)):
        yield Conv(1, 56, 64, 64, kernel, stride)
    yield Conv(1, 224, 3, 32, 3, 2)
    yield Conv(1, 224, 3, 64, 7, 2)
    for dilation in (2, 3, 4):
        for channels in (64, 65):
            yield Conv(1, 28, channels, 64, 3, 1, dilation)
        yield Conv(1, 14, 128, 128, 5, 1, dilation)
    for groups in (2, 4, 8):
        yield Conv(1, 28, 64 * groups, 64 * groups, 3, 1, 1, groups)
        yield Conv(1, 14, 96 * groups, 32 * groups, 1, 1, 1, groups)
        yield Conv(1, 14, 33 * groups, 35 * groups, 3, 1, 1, groups)
    yield Conv(1, 28, 128, 128, 3, 1, 1, 32)  # as in ResNeXt
    yield Conv(1, 28, 128, 128, 3, 2, 2, 2)


def make_model(shape):
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, shape.weight_shape()).astype(np.int8)
    outputs, k = weights.shape[0], int(np.prod(weights.shape[1:]))
    scale = rng.uniform(0.001, 0.01, outputs).astype(np.float32)
    # Codes come out over their whole range, as in a calibrated model.
    y_scale = np.float32(0.02 * 0.005 * 73 * 74 * k**0.5 / 64)
    values = {"w": weights, "ws": scale, "wz": np.zeros(outputs, np.int8), "xs": np.float32(0.02), "z": np.uint8(128),
              "b": rng.integers(-1000, 1000, outputs).astype(np.int32), "bs": np.float32(0.02) * scale,
              "bz": np.zeros(outputs, np.int32), "ys": y_scale}
    nodes = [h.make_node("QuantizeLinear", ["x", "xs", "z"], ["xq"]),
             h.make_node("DequantizeLinear", ["xq", "xs", "z"], ["xf"]),
             h.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=0),
             h.make_node("DequantizeLinear", ["b", "bs", "bz"], ["bf"], axis=0),
             shape.node("xf", "wf", "bf", "yf"),
             h.make_node("QuantizeLinear", ["yf", "ys", "z"], ["y"])]
    x = h.make_tensor_value_info("x", TensorProto.FLOAT, shape.input_shape())
    y = h.make_tensor_value_info("y", TensorProto.UINT8, None)
    graph = h.make_graph(nodes, "sweep", [x], [y], [nh.from_array(np.asarray(v), n) for n, v in values.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)])
    model.ir_version = 9
    return model


def build(quern, shape, folder):
    model = folder / f"{shape.name}.onnx"
    onnx.save(make_model(shape), model)
    subprocess.run([quern, "compile", str(model), "-o", str(folder / shape.name)], check=True)
    model.unlink()


def measure(quern, shape, folder):
    """The best of two rounds: noise only ever adds time."""
    m, n, k = shape.mnk
    seconds = m * n * k / 1e11
    runs = max(20, min(10000, int(0.05 / seconds)))
    best = None
    for _ in range(2):
        result = subprocess.run([quern, "bench", str(folder / shape.name), "--profile", "--json", f"--runs={runs}"],
                                check=True, capture_output=True, text=True)
        profile = json.loads(result.stdout)
        layer = next(d for d in profile["dispatches"] if d["macs"])
        peak = profile["rates"]["codes_gmacs"]
        if not peak:
            sys.exit("the peak cannot be measured: this machine lacks the target's instructions")
        row = {"name": shape.name, "M": m, "N": n, "K": k, "us": layer["median_ms"] * 1e3,
               "percent": 100 * layer["macs"] / (layer["median_ms"] * 1e6) / peak, "form": layer["form"],
               "other_us": sum(d["median_ms"] for d in profile["dispatches"] if d is not layer) * 1e3}
        best = row if best is None or row["percent"] > best["percent"] else best
    return best


def show(row):
    counted = "" if is_counted(row) else "  (not counted)"
    print(f"{row['percent']:6.1f} %  {row['us']:9.2f} us  M {row['M']:6} N {row['N']:5} K {row['K']:6}  "
          f"{row['name']:36} {row['form']}{counted}", flush=True)


def is_counted(row):
    return all(row[name] >= least for name, least in LEAST.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quern", default=os.environ.get("QUERN", "quern"))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=["build", "measure"])
    parser.add_argument("--only", default="")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        chosen = [s for s in {s.name: s for s in shapes()}.values() if args.only in s.name]
        if args.step != "measure":
            for shape in chosen:
                build(args.quern, shape, folder)
        if args.step == "build":
            return 0
        rows = []
        for shape in chosen:
            rows.append(measure(args.quern, shape, folder))
            show(rows[-1])
    counted = sorted((r for r in rows if is_counted(r)), key=lambda r: r["percent"])
    print(f"\nthe worst ten of {len(counted)} shapes with " + ", ".join(f"{n} >= {v}" for n, v in LEAST.items()))
    for row in counted[:10]:
        show(row)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    below = [r for r in counted if r["percent"] < LIMIT]
    print(f"{len(below)} below {LIMIT} % of the peak")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
