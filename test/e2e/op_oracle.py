#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Single quantized operators against exact arithmetic, on random shapes.

usage: op_oracle.py [--seed S] [--count N] [--targets x86-vnni,portable,…] [--arm] [--only KIND] [--keep DIR]

Each case is a QDQ model of one operator whose inputs and output are codes. The expectation is
computed in integers and float64 from the definition; a case fails when a code differs by more than
one step, or when more than 0.1 % of the codes (but more than one) differ, or when targets disagree.
Codes whose exact value lies within 1e-5 (relative, at least absolute) of the middle between two
codes are not counted in the 0.1 %: no arithmetic in 32 bits can decide them. Without --targets, all
CPU targets that this machine can run are tried; with --arm those of AArch64, too, if qemu-aarch64 is
installed.
"""
import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper as h, numpy_helper as nh

import quern_e2e as q

SIZES = [1, 3, 5, 7, 8, 16, 17, 24, 31, 48, 63, 64, 65]
TYPES = {np.uint8: TensorProto.UINT8, np.int8: TensorProto.INT8}


class Case:
    """Builds one model; `codes` are inputs as codes, `expected` the exact real-valued result."""

    def __init__(self, rng):
        self.rng, self.nodes, self.inits, self.inputs, self.feeds = rng, [], [], [], {}

    def const(self, name, array):
        self.inits.append(nh.from_array(np.asarray(array), name))
        return name

    def zero_point(self, dtype=np.uint8):
        info = np.iinfo(dtype)
        return dtype(self.rng.choice([info.min, info.max, self.rng.integers(info.min, info.max + 1)]))

    def activation(self, name, shape, dtype=np.uint8):
        """A graph input of codes behind a DequantizeLinear; returns its real values too."""
        codes = self.rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype)
        scale, zp = np.float32(self.rng.uniform(0.005, 0.05)), self.zero_point(dtype)
        self.inputs.append(h.make_tensor_value_info(name, TYPES[dtype], shape))
        self.feeds[name] = codes
        self.const(name + "_s", scale)
        self.const(name + "_z", zp)
        self.nodes.append(h.make_node("DequantizeLinear", [name, name + "_s", name + "_z"], [name + "_f"], name=f"dq_{name}"))
        return name + "_f", (codes.astype(np.float64) - float(zp)) * float(scale), float(scale)

    def weight(self, name, shape, axis, dtype=np.int8, per_channel=True, zero_point=False):
        info = np.iinfo(dtype)
        codes = self.rng.integers(info.min, info.max + 1, shape).astype(dtype)
        n = shape[axis] if per_channel else 1
        scale = self.rng.uniform(0.001, 0.02, n).astype(np.float32)
        zps = np.array([self.zero_point(dtype) if zero_point else (0 if dtype == np.int8 else 128) for _ in range(n)]).astype(dtype)
        if zero_point and dtype == np.uint8 and self.rng.random() < 0.6:
            # As quantizers choose zero points: few weights differ from theirs by more than 8 bits hold.
            zps[:] = self.rng.integers(64, 192)
            codes = np.clip(int(zps[0]) + self.rng.integers(-60, 61, shape), 0, 255).astype(dtype)
            for _ in range(1 + codes.size // 300):
                codes.flat[self.rng.integers(codes.size)] = 255 if zps[0] < 128 else 0
        if not per_channel:
            scale, zps = scale[0], zps[0]
        self.const(name, codes)
        self.const(name + "_s", scale)
        self.const(name + "_z", zps)
        attributes = {"axis": axis} if per_channel else {}
        self.nodes.append(h.make_node("DequantizeLinear", [name, name + "_s", name + "_z"], [name + "_f"], name=f"dq_{name}", **attributes))
        view = [1] * len(shape)
        view[axis] = n
        real = (codes.astype(np.float64) - zps.reshape(view if per_channel else ()).astype(np.float64))
        return name + "_f", real * np.float64(scale).reshape(view if per_channel else ()), np.float64(scale)

    def bias(self, name, n, scale):
        codes = self.rng.integers(-3000, 3000, n).astype(np.int32)
        scale = np.broadcast_to(np.asarray(scale, np.float32), (n,)).copy()
        self.const(name, codes)
        self.const(name + "_s", scale)
        self.const(name + "_z", np.zeros(n, np.int32))
        self.nodes.append(h.make_node("DequantizeLinear", [name, name + "_s", name + "_z"], [name + "_f"], name=f"dq_{name}", axis=0))
        return name + "_f", codes * np.float64(scale)

    def op(self, kind, inputs, name, **attributes):
        self.nodes.append(h.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def finish(self, y, real, dtype=np.uint8):
        """Quantizes the result so that most codes do not saturate.

        Returns the model, its inputs, the expected codes and which of them are close to a tie.
        """
        info = np.iinfo(dtype)
        low, high = np.percentile(real, [2, 98]) if real.size > 50 else (real.min(), real.max())
        scale = np.float32(max(high - low, 1e-3) / 230)
        zp = dtype(np.clip(round(info.min + 10 - low / float(scale)), info.min, info.max))
        self.const("y_s", scale)
        self.const("y_z", zp)
        self.nodes.append(h.make_node("QuantizeLinear", [y, "y_s", "y_z"], ["y"], name="q_y"))
        return self.model(real, scale, zp, dtype)

    def finish_dynamic(self, y, real):
        """Quantizes the result by its own range, as DynamicQuantizeLinear defines it."""
        low, high = min(real.min(), 0), max(real.max(), 0)
        scale = np.float32((high - low) / 255) or np.float32(1)
        zp = np.clip(-low / float(scale), 0, 255)
        self.nodes.append(h.make_node("DynamicQuantizeLinear", [y], ["y", "y_s", "y_z"], name="q_y"))
        model, feeds, codes, tie = self.model(real, scale, np.uint8(np.rint(zp)), np.uint8)
        # Nor can they decide a zero point that lies between two.
        return model, feeds, codes, tie | (abs(zp - np.floor(zp) - 0.5) < 1e-3)

    def model(self, real, scale, zp, dtype):
        info = np.iinfo(dtype)
        graph = h.make_graph(self.nodes, "case", self.inputs, [h.make_tensor_value_info("y", TYPES[dtype], real.shape)], self.inits)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)])
        model.ir_version = 10
        steps = np.asarray(real / np.float64(scale))
        codes = np.clip(np.rint(steps) + int(zp), info.min, info.max).astype(dtype)
        tie = np.abs(np.abs(steps - np.trunc(steps)) - 0.5) < 1e-5 * np.maximum(1, np.abs(steps))
        return model, self.feeds, codes, tie


def windows(x, kernel, strides, pads, dilations, fill):
    n, c, hh, ww = x.shape
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=fill)
    span = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    v = np.lib.stride_tricks.sliding_window_view(x, span, axis=(2, 3))
    return v[:, :, ::strides[0], ::strides[1], ::dilations[0], ::dilations[1]]


def exact_conv(x, w, strides, pads, dilations, group):
    outputs = []
    per = w.shape[0] // group
    for g in range(group):
        part = x[:, g * w.shape[1]:(g + 1) * w.shape[1]]
        v = windows(part, w.shape[2:], strides, pads, dilations, 0)
        outputs.append(np.einsum("nchwij,ocij->nohw", v, w[g * per:(g + 1) * per], optimize=True))
    return np.concatenate(outputs, 1)


def pick(rng, values):
    return int(rng.choice(values))


def convolution(rng, depthwise):
    c = Case(rng)
    kernel = [pick(rng, [1, 1, 2, 3, 3, 5, 7]) for _ in range(2)]
    dilations = [pick(rng, [1, 1, 1, 2]) for _ in range(2)]
    strides = [pick(rng, [1, 1, 2, 3]) for _ in range(2)]
    pads = [pick(rng, [0, 1, k // 2]) for k in kernel + kernel]
    group = 1 if depthwise else pick(rng, [1, 1, 1, 2, 3])
    cin = pick(rng, SIZES[1:]) if depthwise else group * pick(rng, SIZES[:9])
    cout = cin if depthwise else group * pick(rng, SIZES)
    group = cin if depthwise else group
    size = [max((k - 1) * d + 1, pick(rng, [1, 3, 7, 9, 14, 17])) for k, d in zip(kernel, dilations)]
    dtype = rng.choice([np.uint8, np.uint8, np.int8])
    x, xr, sx = c.activation("x", [pick(rng, [1, 1, 3]), cin, *size], dtype)
    asymmetric = bool(rng.random() < 0.5)
    wtype = rng.choice([np.int8, np.int8, np.uint8])
    w, wr, sw = c.weight("w", [cout, cin // group, *kernel], 0, wtype, bool(rng.random() < 0.7), asymmetric)
    inputs, real = [x, w], exact_conv(xr, wr, strides, pads, dilations, group)
    if rng.random() < 0.7:
        b, br = c.bias("b", cout, np.float32(sx) * np.asarray(sw, np.float32))
        inputs.append(b)
        real = real + br[:, None, None]
    y = c.op("Conv", inputs, "conv", kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations, group=group)
    if rng.random() < 0.4:
        y, real = c.op("Relu", [y], "relu"), np.maximum(real, 0)
    return c, y, real, dtype


def case_conv(rng):
    c, y, real, dtype = convolution(rng, False)
    return c.finish(y, real, dtype)


def case_depthwise(rng):
    c, y, real, dtype = convolution(rng, True)
    return c.finish(y, real, dtype)


def case_dynamic(rng):
    c, y, real, _ = convolution(rng, rng.random() < 0.4)
    return c.finish_dynamic(y, real)


def case_matmul(rng):
    c = Case(rng)
    m, k, n = pick(rng, SIZES), pick(rng, SIZES + [127, 200]), pick(rng, SIZES + [130])
    x, xr, sx = c.activation("x", [*([pick(rng, [1, 3])] if rng.random() < 0.4 else []), m, k])
    wtype = rng.choice([np.int8, np.int8, np.uint8])
    w, wr, sw = c.weight("w", [k, n], 1, wtype, bool(rng.random() < 0.6), bool(rng.random() < 0.5))
    y, real = c.op("MatMul", [x, w], "matmul"), xr @ wr
    if rng.random() < 0.5:
        b, br = c.bias("b", n, np.float32(sx) * np.asarray(sw, np.float32))
        y, real = c.op("Add", [y, b], "bias"), real + br
    return c.finish(y, real)


def case_gemm(rng):
    c = Case(rng)
    m, k, n = pick(rng, SIZES), pick(rng, SIZES), pick(rng, SIZES)
    x, xr, sx = c.activation("x", [m, k], rng.choice([np.uint8, np.int8]))
    w, wr, sw = c.weight("w", [n, k], 0)
    b, br = c.bias("b", n, np.float32(sx) * np.asarray(sw, np.float32))
    return c.finish(c.op("Gemm", [x, w, b], "gemm", transB=1), xr @ wr.T + br)


def case_matmul_dynamic(rng):
    c = Case(rng)
    batch = [pick(rng, [1, 2, 3]), pick(rng, [1, 4])]
    m, k, n = pick(rng, SIZES), pick(rng, SIZES), pick(rng, SIZES)
    a, ar, _ = c.activation("a", [*batch, m, k])
    b, br, _ = c.activation("b", [*batch, k, n], rng.choice([np.uint8, np.int8]))
    return c.finish(c.op("MatMul", [a, b], "matmul"), ar @ br)


def case_binary(rng):
    c = Case(rng)
    shape = [pick(rng, [1, 3]), pick(rng, SIZES), pick(rng, [1, 5, 7]), pick(rng, [1, 6])]
    a, ar, _ = c.activation("a", shape)
    b, br, _ = c.activation("b", [1, shape[1], 1, 1] if rng.random() < 0.3 else shape)
    kind = str(rng.choice(["Add", "Mul", "Sub"]))
    y, real = c.op(kind, [a, b], "op"), {"Add": ar + br, "Mul": ar * br, "Sub": ar - br}[kind]
    if rng.random() < 0.3:
        y, real = c.op("Relu", [y], "relu"), np.maximum(real, 0)
    return c.finish(y, real)


def case_unary(rng):
    from math import erf
    c = Case(rng)
    x, xr, _ = c.activation("x", [pick(rng, [1, 3]), pick(rng, SIZES), 9])
    kind = str(rng.choice(["Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "Erf", "Relu", "Exp", "Gelu"]))
    real = {"Sigmoid": lambda v: 1 / (1 + np.exp(-v)), "Tanh": np.tanh, "Relu": lambda v: np.maximum(v, 0),
            "HardSwish": lambda v: v * np.clip(v / 6 + 0.5, 0, 1), "LeakyRelu": lambda v: np.where(v < 0, np.float64(np.float32(0.1)) * v, v),
            "Erf": np.vectorize(erf), "Exp": np.exp, "Gelu": lambda v: v * 0.5 * (1 + np.vectorize(erf)(v / 2**0.5))}[kind](xr)
    if kind == "Gelu":
        e = c.op("Erf", [c.op("Mul", [x, c.const("r", np.float32(0.5**0.5))], "scaled")], "erf")
        y = c.op("Mul", [c.op("Mul", [x, c.op("Add", [e, c.const("one", np.float32(1))], "add")], "mul"), c.const("half", np.float32(0.5))], "gelu")
    else:
        y = c.op(kind, [x], "op", **({"alpha": 0.1} if kind == "LeakyRelu" else {}))
    return c.finish(y, real)


def case_pool(rng):
    c = Case(rng)
    kernel = [pick(rng, [1, 2, 3, 5]) for _ in range(2)]
    strides = [pick(rng, [1, 2, 3]) for _ in range(2)]
    size = [max(k, pick(rng, [3, 7, 8, 13])) for k in kernel]
    pads = [int(rng.integers(0, k // 2 + 1)) for k in kernel + kernel]
    x, xr, sx = c.activation("x", [pick(rng, [1, 3]), pick(rng, SIZES), *size], rng.choice([np.uint8, np.int8]))
    kind = str(rng.choice(["MaxPool", "AveragePool", "GlobalAveragePool"]))
    if kind == "GlobalAveragePool":
        return c.finish(c.op(kind, [x], "pool"), xr.mean((2, 3), keepdims=True))
    if kind == "MaxPool":
        real = windows(xr, kernel, strides, pads, [1, 1], -np.inf).max((4, 5))
        return c.finish(c.op(kind, [x], "pool", kernel_shape=kernel, strides=strides, pads=pads), real)
    counted = bool(rng.random() < 0.5)
    total = windows(xr, kernel, strides, pads, [1, 1], 0).sum((4, 5))
    count = windows(np.ones_like(xr), kernel, strides, pads, [1, 1], 0).sum((4, 5))
    y = c.op(kind, [x], "pool", kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=int(counted))
    return c.finish(y, total / (kernel[0] * kernel[1] if counted else count))


def case_row(rng):
    c = Case(rng)
    x, xr, _ = c.activation("x", [pick(rng, [1, 3]), pick(rng, SIZES), pick(rng, SIZES + [128, 197])])
    d = xr.shape[-1]
    if rng.random() < 0.5:
        e = np.exp(xr - xr.max(-1, keepdims=True))
        return c.finish(c.op("Softmax", [x], "softmax", axis=-1), e / e.sum(-1, keepdims=True))
    g, b = rng.uniform(0.5, 1.5, d).astype(np.float32), rng.standard_normal(d).astype(np.float32)
    mean = xr.mean(-1, keepdims=True)
    var = ((xr - mean) ** 2).mean(-1, keepdims=True)
    y = c.op("LayerNormalization", [x, c.const("g", g), c.const("b", b)], "norm", axis=-1, epsilon=1e-5)
    return c.finish(y, (xr - mean) / np.sqrt(var + np.float64(np.float32(1e-5))) * g + b)


def case_concat(rng):
    c = Case(rng)
    rest = [pick(rng, [1, 5]), pick(rng, [1, 6])]
    parts = [c.activation(f"x{i}", [1, pick(rng, SIZES), *rest]) for i in range(pick(rng, [2, 3]))]
    return c.finish(c.op("Concat", [p[0] for p in parts], "concat", axis=1), np.concatenate([p[1] for p in parts], 1))


KINDS = {name[5:]: f for name, f in list(globals().items()) if name.startswith("case_")}


def judge(expected, tie, found):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"expected {expected.dtype}{list(expected.shape)}, found {found.dtype}{list(found.shape)}"
    difference = np.abs(expected.astype(np.int64) - found.astype(np.int64))
    if difference.max(initial=0) > 1:
        return f"largest difference {difference.max()} at {np.unravel_index(difference.argmax(), difference.shape)}, {np.count_nonzero(difference)} of {difference.size} differ"
    counted = np.count_nonzero(difference[~tie])
    if counted > max(1, 0.001 * difference.size):
        return f"{counted} of {difference.size} codes differ by one"
    return None


def run_case(kind, seed, targets, folder):
    """None, or what is wrong."""
    model, feeds, expected, tie = KINDS[kind](np.random.default_rng(seed))
    first = None
    for target in targets:
        try:
            program = q.compile_model(model, Path(folder) / f"{kind}_{seed}_{target}", target)
            found = q.run_program(program, feeds)["y"]
        except RuntimeError as error:
            return f"{target}: {error}"
        wrong = judge(expected, tie, found)
        if wrong:
            return f"{target}: {wrong}"
        if first is not None and not np.array_equal(first, found):
            return f"{target} differs from {targets[0]} in {np.count_nonzero(first != found)} codes"
        first = found
    return None


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--seed", type=int, default=0)
    a.add_argument("--count", type=int, default=5, help="cases of each kind")
    a.add_argument("--targets", default=",".join(q.host_targets()))
    a.add_argument("--only", help="kinds, comma separated: " + ",".join(KINDS))
    a.add_argument("--keep", help="folder that keeps the models of failed cases")
    a.add_argument("--arm", action="store_true", help="also the ARM targets, if their programs run here")
    a = a.parse_args()
    targets = a.targets.split(",") + (q.arm_targets() if a.arm else [])
    failed = 0
    for kind in a.only.split(",") if a.only else KINDS:
        wrongs = 0
        for seed in range(a.seed, a.seed + a.count):
            with tempfile.TemporaryDirectory() as folder:
                wrong = run_case(kind, seed, targets, folder)
                if wrong:
                    wrongs += 1
                    print(f"FAIL {kind} seed {seed}: {wrong}", flush=True)
                    if a.keep:
                        shutil.copytree(folder, Path(a.keep) / f"{kind}_{seed}", dirs_exist_ok=True)
        print(f"{kind}: {a.count - wrongs} of {a.count} right", flush=True)
        failed += wrongs
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
