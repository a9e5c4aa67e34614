#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""float16 and bfloat16 weights stay as they are stored and give the bits of the same values in f32.

usage: half_weights.py [--targets x86-vnni,portable,…]
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper as h

import quern_e2e as q

TYPES = {TensorProto.FLOAT16: np.float16, TensorProto.BFLOAT16: ml_dtypes.bfloat16}


def tensor(name, array, kind):
    raw = array.astype(TYPES.get(kind, np.float32))
    return h.make_tensor(name, kind, array.shape, raw.tobytes(), raw=True)


def model(kind, values):
    """Convolutions (plain, grouped, depthwise) and products whose weights have type `kind`."""
    nodes, inits = [], []

    def weight(name):
        inits.append(tensor(name, values[name], kind))
        if kind == TensorProto.FLOAT:
            return name
        nodes.append(h.make_node("Cast", [name], [f"{name}_f32"], to=TensorProto.FLOAT))
        return f"{name}_f32"

    nodes.append(h.make_node("Conv", ["x", weight("plain")], ["a"], pads=[1] * 4))
    nodes.append(h.make_node("Conv", ["a", weight("grouped")], ["b"], group=4))
    nodes.append(h.make_node("Conv", ["b", weight("depthwise")], ["c"], group=36, pads=[1] * 4))
    nodes.append(h.make_node("Reshape", ["c", "rows"], ["d"]))
    nodes.append(h.make_node("MatMul", ["d", weight("matrix")], ["e"]))
    nodes.append(h.make_node("Gemm", ["e", weight("transposed")], ["y"], transB=1))
    inits.append(h.make_tensor("rows", TensorProto.INT64, [2], [36, 81]))
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", TensorProto.FLOAT, [1, 20, 9, 9])],
                         [h.make_tensor_value_info("y", TensorProto.FLOAT, [36, 70])], inits)
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)])
    made.ir_version = 9
    return made


def weight_bytes(program):
    info = subprocess.run([str(program), "--info"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"weights: (\d+) bytes", info)[1])


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--targets", default=",".join(q.host_targets()))
    a = a.parse_args()
    rng, failed = np.random.default_rng(3), 0
    shapes = {"plain": (36, 20, 3, 3), "grouped": (36, 9, 1, 1), "depthwise": (36, 1, 3, 3), "matrix": (81, 130), "transposed": (70, 130)}
    x = rng.standard_normal((1, 20, 9, 9)).astype(np.float32)
    for kind, numpy_type in TYPES.items():
        # Subnormals of the half type, too.
        values = {n: (rng.standard_normal(s) * 10.0 ** rng.integers(-7, 1, s)).astype(numpy_type).astype(np.float32) for n, s in shapes.items()}
        for target in a.targets.split(","):
            with tempfile.TemporaryDirectory() as folder:
                half = q.compile_model(model(kind, values), Path(folder) / "half", target)
                single = q.compile_model(model(TensorProto.FLOAT, values), Path(folder) / "single", target)
                same = np.array_equal(q.run_program(half, {"x": x})["y"], q.run_program(single, {"x": x})["y"])
                share = weight_bytes(half) / weight_bytes(single)
            holds = same and share < 0.56
            failed += not holds
            print(f"{'ok  ' if holds else 'FAIL'} {numpy_type.__name__} {target}: same bits {same}, {share:.2f} of the bytes (bound 0.56)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
