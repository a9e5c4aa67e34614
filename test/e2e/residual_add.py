#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QLinearAdd of every pair of codes: the same on all CPU targets, and one step from ONNX Runtime's at most.

One operand comes from a convolution that passes its codes through, so that the addition is the
epilogue of a contraction; in a second model both come from outside. ONNX Runtime multiplies by
integers of 22 bits, so sums within 2**-13 of a tie may round the other way: on 0.1 % at most.

usage: residual_add.py [--targets x86-vnni,portable,…] [--count N]
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh

import quern_e2e as q


def parameters(rng, unsigned):
    """Scales and zero points of both operands and the sum; a third of the zero points at an end."""
    info = np.iinfo(np.uint8 if unsigned else np.int8)
    zeros = [int(rng.choice([info.min, info.max, rng.integers(info.min, info.max + 1)])) for _ in range(3)]
    scales = rng.uniform(0.005, 0.1, 2).astype(np.float32)
    total = np.float32(scales.sum() * rng.uniform(0.3, 1.2))
    return [scales[0], scales[1], total], zeros, info.dtype


def make(scales, zeros, dtype, through_convolution):
    kind = TensorProto.UINT8 if dtype == np.uint8 else TensorProto.INT8
    inits = {f"s{i}": np.float32(s) for i, s in enumerate(scales)}
    inits |= {f"z{i}": np.asarray(z, dtype) for i, z in enumerate(zeros)}
    nodes, first = [], "a"
    if through_convolution:
        # Products with 1 under equal scales: the codes come out as they went in.
        inits |= {"w": np.ones((1, 1, 1, 1), np.int8), "sw": np.float32(1), "zw": np.int8(0)}
        nodes.append(h.make_node("QLinearConv", ["a", "s0", "z0", "w", "sw", "zw", "s0", "z0"], ["c"], name="through"))
        first = "c"
    nodes.append(h.make_node("QLinearAdd", [first, "s0", "z0", "b", "s1", "z1", "s2", "z2"], ["y"], name="add", domain="com.microsoft"))
    shape = [1, 1, 256, 256]
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info(n, kind, shape) for n in "ab"],
                         [h.make_tensor_value_info("y", kind, shape)], [nh.from_array(np.asarray(v), n) for n, v in inits.items()])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)])
    model.ir_version = 9
    return model


def check(model, dtype, targets, folder):
    """None, or what is wrong."""
    codes = np.arange(256).astype(np.uint8).view(dtype)
    a, b = np.meshgrid(codes, codes, indexing="ij")
    inputs = {"a": a[None, None], "b": b[None, None]}
    path = folder / "m.onnx"
    onnx.save(model, path)
    theirs = q.session(path, optimized=False).run(None, inputs)[0].astype(int)
    results = {t: q.run_program(q.compile_model(path, folder / t, t), inputs)["y"].astype(int) for t in targets}
    for target, found in results.items():
        apart = np.abs(found - theirs)
        if apart.max() > 1 or np.count_nonzero(apart) > 65:
            i, j = np.argwhere(apart == apart.max())[0][2:]
            return (f"{target}: {np.count_nonzero(apart)} of 65536 pairs differ from ONNX Runtime's, most {codes[i]} + {codes[j]}: "
                    f"{found[0, 0, i, j]}, expected {theirs[0, 0, i, j]}")
        if not np.array_equal(found, results[targets[-1]]):
            return f"{target} and {targets[-1]} differ"
    return None


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--targets", default=",".join(q.host_targets()))
    a.add_argument("--count", type=int, default=6)
    a = a.parse_args()
    rng = np.random.default_rng(5)
    failed = 0
    for case in range(a.count):
        scales, zeros, dtype = parameters(rng, unsigned=case % 2 == 0)
        for through_convolution in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                wrong = check(make(scales, zeros, dtype, through_convolution), dtype, a.targets.split(","), Path(folder))
            failed += wrong is not None
            form = "epilogue" if through_convolution else "alone"
            print(f"{'FAIL' if wrong else 'ok  '} {form} scales {[float(s) for s in scales]} zeros {zeros}: {wrong or 'equal, or a step apart at ties'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
