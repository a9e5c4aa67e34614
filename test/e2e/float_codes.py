#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""QDQ models of float8e4m3fn and float8e5m2 against the onnx reference evaluator.

usage: float_codes.py [--targets x86-vnni,portable,…] [--only NAME]

The result of each model is quantized. Scales are powers of two, so that a division by a scale is exact,
as the multiplication by its reciprocal is: elementwise models must give the reference's codes. Sums are
added in another order than the reference's: at most 0.1 % of their codes (but one) may be next to the
reference's. All targets must give the same codes.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnx.reference import ReferenceEvaluator

import quern_e2e as q

FORMATS = {T.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn, T.FLOAT8E5M2: ml_dtypes.float8_e5m2}


class Model:
    def __init__(self, kind, seed):
        self.kind, self.rng = kind, np.random.default_rng(seed)
        self.nodes, self.inits, self.inputs, self.feeds = [], [], [], {}
        self.float_const("zero", np.zeros(()))

    def float_const(self, name, values):
        codes = np.asarray(values, np.float32).astype(FORMATS[self.kind])
        self.inits.append(h.make_tensor(name, self.kind, codes.shape, codes.tobytes(), raw=True))
        return name

    def const(self, name, array):
        self.inits.append(nh.from_array(np.asarray(array), name))
        return name

    def op(self, kind, inputs, output, **attributes):
        self.nodes.append(h.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def input(self, name, array):
        self.feeds[name] = np.asarray(array, np.float32)
        self.inputs.append(h.make_tensor_value_info(name, T.FLOAT, self.feeds[name].shape))
        return name

    def zeros(self, scale, shape):
        return "zero" if shape == () else self.float_const(scale + "_z", np.zeros(shape))

    def qdq(self, x, scale, **attributes):
        scale = np.asarray(scale, np.float32)
        s, z = self.const(x + "_s", scale), self.zeros(x, scale.shape)
        self.op("QuantizeLinear", [x, s, z], x + "_q", **attributes)
        return self.op("DequantizeLinear", [x + "_q", s, z], x + "_dq", **attributes)

    def weight(self, name, shape, scale, **attributes):
        scale = np.asarray(scale, np.float32)
        self.float_const(name, self.rng.standard_normal(shape) * 40)
        s, z = self.const(name + "_s", scale), self.zeros(name, scale.shape)
        return self.op("DequantizeLinear", [name, s, z], name + "_dq", **attributes)

    def finish(self, x, shape, scale):
        self.const("y_s", np.float32(scale))
        self.op("QuantizeLinear", [x, "y_s", "zero"], "y")
        graph = h.make_graph(self.nodes, "g", self.inputs, [h.make_tensor_value_info("y", self.kind, shape)], self.inits)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)])
        model.ir_version = 10
        return model


def powers(rng, n):
    return 2.0 ** rng.integers(-9, -5, n)


def convolution(m):
    x = m.qdq(m.input("x", m.rng.standard_normal((2, 12, 11, 9)) * 3), 2.0**-6)
    w = m.weight("w", (20, 12, 3, 3), powers(m.rng, 20), axis=0)
    y = m.op("Conv", [x, w, m.const("b", m.rng.standard_normal(20).astype(np.float32))], "c", pads=[1] * 4, strides=[2, 1])
    return m.finish(m.op("Relu", [y], "r"), (2, 20, 6, 9), 2.0**-4)


def depthwise(m):
    x = m.qdq(m.input("x", m.rng.standard_normal((1, 24, 9, 9)) * 3), 2.0**-6)
    y = m.op("Conv", [x, m.weight("w", (24, 1, 3, 3), powers(m.rng, 24), axis=0)], "c", group=24, pads=[1] * 4)
    return m.finish(y, (1, 24, 9, 9), 2.0**-5)


def gemm(m):
    x = m.qdq(m.input("x", m.rng.standard_normal((17, 70)) * 3), 2.0**-6)
    w = m.weight("w", (33, 70), powers(m.rng, 33), axis=0)
    y = m.op("Gemm", [x, w, m.const("b", m.rng.standard_normal(33).astype(np.float32))], "g", transB=1)
    return m.finish(m.op("Gelu", [m.qdq(y, 2.0**-5)], "a"), (17, 33), 2.0**-5)


def attention(m):
    """Both operands computed; a product of batches."""
    a = m.qdq(m.input("a", m.rng.standard_normal((2, 3, 19, 24))), 2.0**-7)
    b = m.qdq(m.input("b", m.rng.standard_normal((2, 3, 24, 21))), 2.0**-7)
    s = m.qdq(m.op("Softmax", [m.op("MatMul", [a, b], "s")], "p"), 2.0**-8)
    c = m.qdq(m.input("c", m.rng.standard_normal((2, 3, 21, 16))), 2.0**-7)
    return m.finish(m.op("MatMul", [s, c], "o"), (2, 3, 19, 16), 2.0**-8)


def elementwise(m):
    """Exact: one operation between codes, with all kinds of values on the way."""
    values = np.concatenate([m.rng.standard_normal(500) * 2.0 ** m.rng.integers(-20, 20, 500),
                             [0, -0.0, np.inf, -np.inf, np.nan, 7, 7.25, 7.5, 1e-30]]).astype(np.float32)
    a = m.qdq(m.input("a", values), 2.0**-6)
    b = m.qdq(m.input("b", values[::-1]), 2.0**-3)
    return m.finish(m.op("Add", [m.op("Mul", [a, b], "ab"), a], "c"), values.shape, 2.0**-4)


def rows(m):
    """A scale for each row, found at run time."""
    x = m.input("x", m.rng.standard_normal((13, 64)) * 2.0 ** m.rng.integers(-4, 4, (13, 1)))
    top = m.op("ReduceMax", [m.op("Abs", [x], "abs"), m.const("axes", np.array([1]))], "top", keepdims=0)
    # The power of two above it, over 256: exact, as all the scales here.
    log = m.op("Ceil", [m.op("Div", [m.op("Log", [top], "log"), m.const("ln2", np.float32(np.log(2)))], "l2")], "up")
    s = m.op("Div", [m.op("Pow", [m.const("two", np.float32(2)), log], "pow"), m.const("n", np.float32(256))], "s")
    z = m.float_const("z", np.zeros(13))
    m.op("QuantizeLinear", [x, s, z], "q", axis=0)
    y = m.op("MatMul", [m.op("DequantizeLinear", ["q", s, z], "dq", axis=0), m.weight("w", (64, 40), 2.0**-8)], "mm")
    return m.finish(y, (13, 40), 2.0**-4)


def blocks(m):
    """Activations in blocks of 1 x 128, weights in blocks of 128 x 128."""
    x = m.qdq(m.input("x", m.rng.standard_normal((9, 256)) * 3), powers(m.rng, (9, 2)), axis=1, block_size=128)
    scales = np.repeat(powers(m.rng, (2, 2)), 128, axis=1)
    y = m.op("MatMul", [x, m.weight("w", (256, 256), scales, axis=0, block_size=128)], "mm")
    return m.finish(y, (9, 256), 2.0**-3)


def cast(m):
    """Cast saturates, and codes come back as what they are."""
    values = (m.rng.standard_normal(300) * 2.0 ** m.rng.integers(-20, 20, 300)).astype(np.float32)
    y = m.op("Cast", [m.op("Cast", [m.input("x", values)], "f8", to=m.kind)], "f32", to=T.FLOAT)
    return m.finish(y, values.shape, 1.0)


CASES = {f.__name__: f for f in (convolution, depthwise, gemm, attention, elementwise, rows, blocks, cast)}
EXACT = {"elementwise", "cast"}


def rank(codes):
    """Finite codes as integers in their order, NaN far from all."""
    bits = codes.view(np.uint8).astype(np.int32)
    order = np.where(bits >= 128, 128 - bits, bits)
    return np.where(np.isnan(codes.astype(np.float32)), 1000, order)


def check(name, kind, targets, folder):
    made = Model(kind, seed=len(name))
    model = CASES[name](made)
    expected = ReferenceEvaluator(model).run(None, made.feeds)[0].astype(FORMATS[kind])
    results = []
    for target in targets:
        program = q.compile_model(model, folder / f"{name}-{kind}-{target}", target)
        results.append(q.run_program(program, made.feeds)["y"].view(FORMATS[kind]))
    distance = np.abs(rank(results[0]) - rank(expected))
    allowed = 0 if name in EXACT else max(1, expected.size // 1000)
    same = all(np.array_equal(rank(r), rank(results[0])) for r in results)
    spread = np.unique(rank(expected)).size
    holds = same and distance.max() <= 1 and np.count_nonzero(distance) <= allowed and spread > 20
    print(f"{'ok  ' if holds else 'FAIL'} {name} {FORMATS[kind].__name__}: {np.count_nonzero(distance)} of {distance.size} codes differ "
          f"(bound {allowed}), by at most {distance.max()}; {spread} different codes; targets agree: {same}")
    return holds


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--targets", default=",".join(q.host_targets()))
    a.add_argument("--only")
    a = a.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in CASES:
            for kind in FORMATS:
                if a.only in (None, name):
                    failed += not check(name, kind, a.targets.split(","), Path(folder))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
