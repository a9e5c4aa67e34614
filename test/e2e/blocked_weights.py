#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""MatMulNBits keeps its codes and gives the bits of a product with the f32 weights that they stand for.
With accuracy_level 4 it quantizes its activations as ONNX Runtime does; low_bit_weights.py has the exact arithmetic.

usage: blocked_weights.py [--targets x86-vnni,portable,…]
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh

import quern_e2e as q

# bits, block, rows, depth, columns, zero points, bias
CASES = [
    (4, 32, 1, 128, 96, False, False),
    (4, 32, 7, 256, 100, True, True),
    (4, 16, 40, 96, 65, True, False),
    (4, 128, 3, 128, 130, False, True),
    (8, 32, 1, 128, 96, False, False),
    (8, 64, 9, 192, 57, True, False),
    (2, 32, 2, 128, 80, True, False),
]


# With int8 activations: the same, without a bias.
INT8_CASES = [
    (4, 32, 1, 256, 96, False, False),
    (4, 32, 7, 256, 100, True, False),
    (4, 128, 40, 256, 65, False, False),
    (8, 32, 5, 128, 96, False, False),
]


def pack(codes, bits):
    each = 8 // bits
    parts = codes.reshape(*codes.shape[:-1], -1, each).astype(np.uint8)
    return sum(parts[..., i] << (i * bits) for i in range(each)).astype(np.uint8)


def model(node, inits, rows, depth, columns):
    graph = h.make_graph([node], "g", [h.make_tensor_value_info("x", TensorProto.FLOAT, [2, rows, depth])],
                         [h.make_tensor_value_info("y", TensorProto.FLOAT, [2, rows, columns])],
                         [nh.from_array(a, n) for n, a in inits.items()])
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("com.microsoft", 1)])
    made.ir_version = 9
    return made


def make(rng, bits, block, rows, depth, columns, has_zeros, has_bias, level=0):
    """The model with codes, and the one with the values that they stand for (without the bias)."""
    blocks = depth // block
    codes = rng.integers(0, 1 << bits, (columns, blocks, block))
    scales = rng.uniform(0.01, 0.1, (columns, blocks)).astype(np.float32)
    zeros = rng.integers(0, 1 << bits, (columns, blocks)) if has_zeros else np.full((columns, blocks), 1 << (bits - 1))
    each = 8 // bits
    padded = np.zeros((columns, -(-blocks // each) * each), np.int64)
    padded[:, :blocks] = zeros
    inits = {"w": pack(codes, bits), "s": scales}
    if has_zeros:
        inits["z"] = pack(padded, bits)
    names = ["x", "w", "s", "z" if has_zeros else ""]
    if has_bias:
        inits["b"] = rng.standard_normal(columns).astype(np.float32)
        names += ["", "b"]
    node = h.make_node("MatMulNBits", names, ["y"], domain="com.microsoft", K=depth, N=columns, bits=bits, block_size=block,
                       accuracy_level=level)
    values = ((codes - zeros[..., None]).astype(np.float32) * scales[..., None]).reshape(columns, depth).T
    plain = {"w": np.ascontiguousarray(values)}
    return model(node, inits, rows, depth, columns), model(h.make_node("MatMul", ["x", "w"], ["y"]), plain, rows, depth, columns), inits.get("b")


def check(case, target, folder):
    """None, or what is wrong."""
    rng = np.random.default_rng(11)
    stored, plain, bias = make(rng, *case)
    bits, block, rows, depth, columns = case[:5]
    x = rng.standard_normal((2, rows, depth)).astype(np.float32)
    program = q.compile_model(stored, folder / "stored", target)
    found = q.run_program(program, {"x": x})["y"]
    expected = q.run_program(q.compile_model(plain, folder / "plain", target), {"x": x})["y"]
    if bias is not None:
        expected = expected + bias
    if not np.array_equal(found, expected):
        return f"{np.count_nonzero(found != expected)} of {found.size} values differ from those of f32 weights"
    if bits != 2:  # ONNX Runtime has no kernel for 2 bits everywhere
        theirs = q.session(folder / "stored.onnx").run(None, {"x": x})[0]
        if q.sqnr(theirs, found) < 100:
            return f"SQNR against ONNX Runtime {q.sqnr(theirs, found):.1f} dB, expected at least 100"
    grown = program.stat().st_size - (folder / "plain").stat().st_size
    # Unsigned codes of up to 4 bits are two in a byte in x86's float products.
    width = bits / 8 if target == "portable" else 1.0 if bits == 8 else 0.5
    columns_held = -(-columns // 16) * 16
    most = columns_held * depth * width + depth // block * columns * 5 - depth * columns * 4
    if grown > most + 20000:
        return f"the program is {grown} bytes larger than with f32 weights, expected at most {most:.0f} + 20000"
    return None


def check_int8(case, target, folder):
    """None, or what is wrong: other codes of the activations would differ by about 45 dB."""
    rng = np.random.default_rng(12)
    bits, block, rows, depth, columns = case[:5]
    stored, _, _ = make(rng, *case, level=4)
    x = rng.standard_normal((2, rows, depth)).astype(np.float32)
    found = q.run_program(q.compile_model(stored, folder / "stored", target), {"x": x})["y"]
    theirs = q.session(folder / "stored.onnx").run(None, {"x": x})[0]
    if q.sqnr(theirs, found) < 100:
        return f"SQNR against ONNX Runtime {q.sqnr(theirs, found):.1f} dB, expected at least 100"
    return None


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--targets", default=",".join(q.host_targets()))
    a = a.parse_args()
    failed = 0
    for cases, judge, right in ((CASES, check, "same bits"), (INT8_CASES, check_int8, "same codes of activations")):
        for case in cases:
            for target in a.targets.split(","):
                with tempfile.TemporaryDirectory() as folder:
                    wrong = judge(case, target, Path(folder))
                failed += wrong is not None
                print(f"{'FAIL' if wrong else 'ok  '} {case} {target}: {wrong or right}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
