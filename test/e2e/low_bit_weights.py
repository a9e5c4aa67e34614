#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Operators with weights of less than 8 bits against exact arithmetic, as op_oracle.py does it (with its options).

INT4, UINT4, INT2 and UINT2 weights per channel and by blocks of the reduction, with activations of one scale, one scale for each
row that is found at run time, and MatMulNBits with int8 activations (accuracy_level 4).
"""
import sys

import numpy as np
from onnx import TensorProto, helper as h

import op_oracle as o

NARROW = {"INT4": (-8, 7), "UINT4": (0, 15), "INT2": (-2, 1), "UINT2": (0, 3)}
DEPTHS = [1, 3, 17, 32, 63, 65, 127, 200]


class Case(o.Case):
    def narrow(self, name, kind, codes):
        self.inits.append(h.make_tensor(name, getattr(TensorProto, kind), codes.shape, codes.reshape(-1).tolist()))

    def stored(self, name, shape, axis, block=0):
        """Weights with scales along `axis`, or by blocks along it; returns their real values, too."""
        kind = self.rng.choice(list(NARROW))
        low, high = NARROW[kind]
        # Some need fewer bits than their type has.
        most = self.rng.integers(low + 2, high + 1)
        codes = self.rng.integers(low, most + 1, shape)
        count = list(shape) if block else [shape[axis]]
        if block:
            count[axis] = -(-shape[axis] // block)
        scales = self.rng.uniform(0.001, 0.02, count).astype(np.float32)
        zeros = np.full(count, self.rng.integers(low, high + 1))
        if self.rng.random() < 0.4:
            zeros = self.rng.integers(low, high + 1, count)
        if kind in ("INT4", "INT2") and self.rng.random() < 0.6:
            zeros[...] = 0
        self.narrow(name, kind, codes)
        self.const(name + "_s", scales)
        self.narrow(name + "_z", kind, zeros)
        attributes = {"axis": axis, **({"block_size": block} if block else {})}
        self.nodes.append(h.make_node("DequantizeLinear", [name, name + "_s", name + "_z"], [name + "_f"], name=f"dq_{name}", **attributes))
        if block:
            scales, zeros = (np.take(v, np.arange(shape[axis]) // block, axis) for v in (scales, zeros))
        else:
            view = [-1 if d == axis else 1 for d in range(len(shape))]
            scales, zeros = scales.reshape(view), zeros.reshape(view)
        return name + "_f", (codes - zeros) * scales.astype(np.float64)

    def floats(self, name, shape):
        x = self.rng.standard_normal(shape).astype(np.float32)
        self.inputs.append(h.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.feeds[name] = x
        return name, x

    def model(self, real, scale, zp, dtype):
        model, feeds, codes, tie = super().model(real, scale, zp, dtype)
        del model.opset_import[:]
        model.opset_import.extend([h.make_opsetid("", 25), h.make_opsetid("com.microsoft", 1)])
        model.ir_version = 13
        return model, feeds, codes, tie


def rows_and_sizes(rng):
    return o.pick(rng, [1, 3, 17, 40]), o.pick(rng, DEPTHS), o.pick(rng, [1, 7, 33, 63, 96])


def case_product(rng):
    c = Case(rng)
    m, k, n = rows_and_sizes(rng)
    x, xr, _ = c.activation("x", [m, k], rng.choice([np.uint8, np.int8]))
    w, wr = c.stored("w", [k, n], 1)
    return c.finish(c.op("MatMul", [x, w], "matmul"), xr @ wr)


def case_conv(rng):
    c = Case(rng)
    group = o.pick(rng, [1, 1, 2])
    channels, outputs = group * o.pick(rng, [1, 3, 8, 17, 32]), group * o.pick(rng, [2, 5, 16, 33])
    kernel, strides = [[1, 1], [3, 3], [2, 3]][rng.integers(3)], [[1, 1], [2, 1]][rng.integers(2)]
    pads = [0, 0, 0, 0] if kernel == [1, 1] else [1, 0, 1, 2]
    x, xr, _ = c.activation("x", [o.pick(rng, [1, 2]), channels, 8, 7], rng.choice([np.uint8, np.int8]))
    w, wr = c.stored("w", [outputs, channels // group, *kernel], 0)
    y = c.op("Conv", [x, w], "conv", kernel_shape=kernel, strides=strides, pads=pads, group=group)
    return c.finish(y, o.exact_conv(xr, wr, strides, pads, [1, 1], group))


def case_pointwise_blocks(rng):
    c = Case(rng)
    channels, outputs = o.pick(rng, [17, 32, 65]), o.pick(rng, [5, 16, 33])
    x, xr, _ = c.activation("x", [o.pick(rng, [1, 2]), channels, 6, 7], rng.choice([np.uint8, np.int8]))
    w, wr = c.stored("w", [outputs, channels, 1, 1], 1, o.pick(rng, [16, 32]))
    return c.finish(c.op("Conv", [x, w], "conv"), o.exact_conv(xr, wr, [1, 1], [0, 0, 0, 0], [1, 1], 1))


def case_depthwise(rng):
    c = Case(rng)
    channels = o.pick(rng, [3, 16, 33])
    x, xr, _ = c.activation("x", [1, channels, 8, 7])
    w, wr = c.stored("w", [channels, 1, 3, 3], 0)
    y = c.op("Conv", [x, w], "conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=channels)
    return c.finish(y, o.exact_conv(xr, wr, [1, 1], [1, 1, 1, 1], [1, 1], channels))


def case_blocks(rng):
    c = Case(rng)
    m, k, n = rows_and_sizes(rng)
    k, block = max(k, 17), o.pick(rng, [16, 32, 64, 128])
    batch = [2] if rng.random() < 0.3 else []
    x, xr, _ = c.activation("x", [*batch, m, k], rng.choice([np.uint8, np.int8]))
    w, wr = c.stored("w", [k, n], 0, block)
    return c.finish(c.op("MatMul", [x, w], "matmul"), xr @ wr)


def case_blocks_transposed(rng):
    c = Case(rng)
    m, k, n = rows_and_sizes(rng)
    x, xr, _ = c.activation("x", [m, max(k, 17)])
    w, wr = c.stored("w", [n, max(k, 17)], 1, o.pick(rng, [16, 32, 64]))
    return c.finish(c.op("Gemm", [x, w], "gemm", transB=1), xr @ wr.T)


def row_codes(x):
    """int8 codes of one scale for each row, max |x| / 127, as the nodes of `dynamic_rows` compute them."""
    scale = (np.abs(x).max(-1, keepdims=True) / np.float32(127)).astype(np.float32)
    codes = np.rint(x * (np.float32(1) / scale))
    return codes, scale.astype(np.float64)


def dynamic_rows(c, m, k):
    name, x = c.floats("x", [m, k])
    c.const("axes", np.array([1], np.int64))
    c.const("most", np.float32(127))
    c.const("x_z", np.zeros(m, np.int8))
    c.op("Abs", [name], "abs")
    c.op("ReduceMax", ["abs", "axes"], "largest", keepdims=0)
    c.op("Div", ["largest", "most"], "x_s")
    c.op("QuantizeLinear", [name, "x_s", "x_z"], "x_q", axis=0)
    codes, scale = row_codes(x)
    return c.op("DequantizeLinear", ["x_q", "x_s", "x_z"], "x_f", axis=0), codes * scale


def case_rows(rng):
    c = Case(rng)
    m, k, n = rows_and_sizes(rng)
    x, xr = dynamic_rows(c, max(m, 2), k)
    w, wr = c.stored("w", [k, n], 1)
    return c.finish(c.op("MatMul", [x, w], "matmul"), xr @ wr)


def case_rows_blocks(rng):
    c = Case(rng)
    m, k, n = rows_and_sizes(rng)
    x, xr = dynamic_rows(c, max(m, 2), max(k, 17))
    w, wr = c.stored("w", [max(k, 17), n], 0, o.pick(rng, [16, 32]))
    return c.finish(c.op("MatMul", [x, w], "matmul"), xr @ wr)


def case_nbits(rng):
    c = Case(rng)
    m, k, n = rows_and_sizes(rng)
    bits, block = o.pick(rng, [2, 4, 8]), o.pick(rng, [16, 32, 128])
    blocks, each = -(-k // block), 8 // bits
    name, x = c.floats("x", [m, k])
    codes = rng.integers(0, 1 << bits, (n, blocks * block))
    scales = rng.uniform(0.001, 0.02, (n, blocks)).astype(np.float32)
    has_zeros = rng.random() < 0.5
    zeros = rng.integers(0, 1 << bits, (n, blocks)) if has_zeros else np.full((n, blocks), 1 << (bits - 1))

    def packed(values):
        values = np.pad(values, ((0, 0), (0, -values.shape[1] % each))).reshape(n, -1, each)
        return sum(values[..., i] << (i * bits) for i in range(each)).astype(np.uint8)

    c.const("w", packed(codes).reshape(n, blocks, -1))
    c.const("s", scales)
    if has_zeros:
        c.const("z", packed(zeros))
    c.nodes.append(h.make_node("MatMulNBits", [name, "w", "s", *(["z"] if has_zeros else [])], ["product"], domain="com.microsoft",
                               name="product", K=k, N=n, bits=bits, block_size=block, accuracy_level=4))
    filled = np.zeros((m, blocks, block), np.float32)
    filled.reshape(m, -1)[:, :k] = x
    left, left_scales = row_codes(filled)
    right = codes.reshape(n, blocks, block) - zeros[..., None]
    sums = np.einsum("mbk,nbk->mnb", left, right.astype(np.float64))
    return c.finish("product", np.einsum("mnb,mb,nb->mn", sums, left_scales[..., 0], scales.astype(np.float64)))


if __name__ == "__main__":
    o.KINDS = {name[5:]: function for name, function in list(globals().items()) if name.startswith("case_")}
    sys.exit(o.main())
