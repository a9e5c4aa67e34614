#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One model on all CPU targets: the same codes at every quantized edge.

usage: targets_agree.py MODEL... [--inputs N] [--shape NAME=DIMS] [--targets T,…] [--arm]

Every output of a quantizing operator is added to the outputs (--keep). All targets must give the
same bits there, and the same results as the program without the added outputs. Where a model has
no codes, results agree within 1e-5 of the largest magnitude. With --arm, programs for AArch64 run
under qemu-aarch64 where it is installed; those for arm-neon on a processor without anything beyond
the base. Two compiles of a model, in different
folders and by different paths, must give the same bytes.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

import quern_e2e as q

FLOAT_BOUND = 1e-5


def quantized_edges(model):
    """The tensors of codes that nodes compute from anything but constants."""
    known = {i.name for i in model.graph.initializer}
    edges = []
    for node in model.graph.node:
        if node.input and all(i in known or not i for i in node.input):
            known.update(node.output)
        elif node.op_type in ("QuantizeLinear", "DynamicQuantizeLinear") or node.op_type.startswith(("QLinear", "QGemm")):
            edges.append(node.output[0])
    outputs = {o.name for o in model.graph.output}
    return [e for e in edges if e not in outputs]


def random_inputs(model, shapes, seed):
    rng, inits = np.random.default_rng(seed), {i.name for i in model.graph.initializer}
    feeds = {}
    for entry in model.graph.input:
        if entry.name in inits:
            continue
        tensor = entry.type.tensor_type
        dims = shapes.get(entry.name, [d.dim_value for d in tensor.shape.dim])
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        whole = np.issubdtype(dtype, np.integer)
        feeds[entry.name] = (rng.integers(0, 100, dims) if whole else rng.standard_normal(dims)).astype(dtype)
    return feeds


def unlike(reference, found, has_codes):
    """What is wrong with the outputs `found`, or None."""
    if reference.keys() != found.keys():
        return f"outputs {sorted(reference.keys() ^ found.keys())} are missing"
    wrong = []
    for name, expected in reference.items():
        same = np.array_equal(expected, found[name], equal_nan=expected.dtype.kind == "f")
        if not same and not has_codes:
            error = np.abs(expected.astype(np.float64) - found[name])
            same = error.max() <= FLOAT_BOUND * np.abs(expected).max()
        if not same:
            wrong.append(f"{name} ({np.count_nonzero(expected != found[name])} of {expected.size})")
    return f"{len(wrong)} of {len(reference)} outputs differ: {', '.join(wrong[:8])}" if wrong else None


def is_reproducible(path, folder, target, flags):
    """Compiles again from elsewhere: the same bytes?"""
    programs = []
    for place in ("one", "two/deeper"):
        here = folder / place
        here.mkdir(parents=True)
        copy = here / "model.onnx"
        shutil.copyfile(path, copy)
        command = [os.path.abspath(shutil.which(q.QUERN)), "compile", copy.name if programs else str(copy),
                   "-o", "out", f"--target={target}", *flags]
        subprocess.run(command, cwd=here, check=True, capture_output=True)
        programs.append((here / "out").read_bytes())
    return programs[0] == programs[1]


def agree(path, args, folder):
    """The number of quantized edges compared; raises RuntimeError with what is wrong."""
    model = onnx.load(path, load_external_data=False)
    shapes = {n: [int(d) for d in dims.split("x")] for n, _, dims in (s.partition("=") for s in args.shape)}
    flags = [f"--shape={s}" for s in args.shape]
    edges = quantized_edges(model)
    has_codes = bool(edges)
    feeds = [random_inputs(model, shapes, seed) for seed in range(args.inputs)]
    reference = plain = None
    for target in args.targets.split(","):
        kept = q.compile_model(path, folder / f"kept-{target}", target, flags + [f"--keep={e}" for e in edges])
        cpu = "cortex-a53" if target == "arm-neon" else "max"
        results = [q.run_program(kept, f, cpu=cpu) for f in feeds]
        reference = reference or results
        program = q.compile_model(path, folder / f"plain-{target}", target, flags)
        alone = [q.run_program(program, f, cpu=cpu) for f in feeds]
        plain = plain or alone
        pairs = [*zip(reference, results), *zip(plain, alone)]
        if has_codes:
            pairs += [({k: v for k, v in r.items() if k in a}, a) for r, a in zip(results, alone)]
        for i, (expected, found) in enumerate(pairs):
            wrong = unlike(expected, found, has_codes)
            if wrong:
                against = "with and without --keep" if i >= 2 * len(feeds) else f"against {args.targets.split(',')[0]}"
                raise RuntimeError(f"{target} {against}: {wrong}")
    if len(reference[0]) < len(edges):
        raise RuntimeError(f"{len(edges)} edges kept, {len(reference[0])} results")
    if not is_reproducible(path, folder, args.targets.split(",")[0], flags):
        raise RuntimeError("two compiles differ")
    return len(edges)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("models", nargs="+")
    a.add_argument("--inputs", type=int, default=1)
    a.add_argument("--shape", action="append", default=[])
    a.add_argument("--targets", default=",".join(q.host_targets()))
    a.add_argument("--arm", action="store_true", help="also the ARM targets, if their programs run here")
    args = a.parse_args()
    if args.arm:
        args.targets = ",".join([args.targets, *q.arm_targets()])
    failed = False
    for path in args.models:
        with tempfile.TemporaryDirectory() as folder:
            try:
                edges = agree(path, args, Path(folder))
                print(f"ok   {Path(path).name}: {args.targets} agree on {edges} quantized edges", flush=True)
            except RuntimeError as error:
                failed = True
                print(f"FAIL {Path(path).name}: {error}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
