#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs for a GPU on the emulated driver, against the portable target.

usage: emulated.py [--target cuda-sm_89] [--only MODEL] [--floats] [--model FILE.onnx]

int8 models must give the bits of `portable`. Models of 8-bit floats with one product must give codes of which at most 2 % differ
from those of `portable`, at most 0.2 % (but one) by more than one step: what sums that tensor cores cut off, brought to single
precision every 64 terms, are allowed. Where several products follow each other a code that differs makes others differ: there the
difference may be no more than the noise of one rounding to e4m3, a relative error of 2^-4 / sqrt(3), or 28.9 dB. Products on
tensor cores are tried in blocks of every shape, each twice with the warps in different orders.
"""
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

import gpu_run
import models

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import quern_e2e as q  # noqa: E402


def steps_apart(a, b, scale):
    """How many codes lie between the values of two dequantized tensors of e4m3 codes."""
    def rank(x):
        bits = np.asarray(x / scale, np.float32).astype(models.E4M3).view(np.uint8).astype(np.int32)
        return np.where(bits >= 128, 128 - bits, bits)
    return np.abs(rank(a) - rank(b))


def compare_floats(expected, found, scale):
    apart = steps_apart(expected, found, scale)
    differ, far = np.count_nonzero(apart), np.count_nonzero(apart > 1)
    allowed, allowed_far = max(1, apart.size * 2 // 100), max(1, apart.size // 500)
    return differ <= allowed and far <= allowed_far, f"{differ} of {apart.size} codes differ (bound {allowed}), {far} by more than a step (bound {allowed_far})"


def compare_chain(expected, found):
    ratio, bound = q.sqnr(expected, found), 20 * np.log10(16 * 3**0.5)
    return ratio >= bound, f"{ratio:.1f} dB (bound {bound:.1f})"


def count_products(model):
    return sum(node.op_type in ("MatMul", "Conv", "Gemm") for node in model.graph.node)


def check(name, model, feeds, args, folder, driver, tile=None):
    reference = q.run_program(q.compile_model(model, folder / f"{name}-portable", "portable"), feeds)
    if tile:
        program = gpu_run.compile_with_tile(model, folder / f"{name}-gpu", args.target, tile)
        name += f" in blocks of {tile[0]} x {tile[1]} warps"
    else:
        program = q.compile_model(model, folder / f"{name}-gpu", args.target)
    capability = int("".join(c for c in args.target if c.isdigit()))
    runs = [gpu_run.run_program(program, feeds, driver, seed, capability) for seed in ((1, 2) if tile else (1,))]
    holds, words = True, []
    for output, expected in reference.items():
        holds &= all(np.array_equal(runs[0][output], run[output], equal_nan=True) for run in runs)
        found = runs[0][output]
        if args.floats:
            single = count_products(model) == 1
            good, text = compare_floats(expected, found, np.float32(1 / 100)) if single else compare_chain(expected, found)
            holds &= good
        else:
            wrong = np.count_nonzero(expected.view(np.uint32) != found.view(np.uint32))
            holds &= wrong == 0
            text = f"{wrong} of {expected.size} values differ"
        words.append(text)
        holds &= np.unique(expected).size > 5
    print(f"{'ok  ' if holds else 'FAIL'} {name} {'float8' if args.floats else 'int8'} {args.target}: {'; '.join(words)}", flush=True)
    return holds


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--target", default="cuda-sm_89")
    a.add_argument("--only")
    a.add_argument("--floats", action="store_true")
    a.add_argument("--model")
    a = a.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        driver = gpu_run.make_driver(folder)
        if a.model:
            loaded = onnx.load(a.model)
            dims = [d.dim_value for d in loaded.graph.input[0].type.tensor_type.shape.dim]
            feeds = {loaded.graph.input[0].name: np.random.default_rng(0).standard_normal(dims).astype(np.float32)}
            return 0 if check(Path(a.model).stem, loaded, feeds, a, folder, driver) else 1
        for name, build in models.MODELS.items():
            if a.only in (None, name):
                graph, model = build(a.floats)
                failed += not check(name, model, graph.feeds, a, folder, driver)
                for tile in gpu_run.TILES if name in ("product", "convolution") else []:
                    failed += not check(name, model, graph.feeds, a, folder, driver, tile)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
