#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ONNX's own node tests: each is right, or refused with an error; none is wrong and none crashes.

usage: onnx_nodes.py SUPPORTED [--part I/N] [--only GLOB] [--target T] [--write]

The data comes with the onnx package. The file SUPPORTED names the tests that must be right; the
others must be refused (exit status 1 and an error) or take data that no program of ours takes, such as
strings and sequences. A test that is right but not named fails as well, so that the list stays true:
--write brings it up to date. --part runs the I-th (from 0) of N parts.

The tests feed everything at run time, weights and axes too. Where that is refused, the test is tried
again with its whole-number vectors, then with all inputs but the first, as constants.
"""
import argparse
import fnmatch
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper as nh

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import quern_e2e as q  # noqa: E402  (in the folder above)

# Casts of floats that the narrow result cannot hold: the standard leaves them open, ours saturate.
NARROWING = re.compile(r"test_cast(?:like)?_FLOAT(?:16)?_to_(U?)INT([24])")
SMALL = ("int2", "uint2", "int4", "uint4")
DATA = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"


def tensors(folder, kind, values):
    """The arrays of one data set by name; None where one is no tensor."""
    found = {}
    for i, value in enumerate(values):
        path = folder / f"{kind}_{i}.pb"
        if not value.name or not path.exists():
            continue
        if value.type.WhichOneof("value") != "tensor_type":
            return None
        tensor = onnx.TensorProto()
        tensor.ParseFromString(path.read_bytes())
        array = nh.to_array(tensor)
        if array.dtype.kind not in "biufV" or (array.dtype.kind == "V" and array.dtype.isbuiltin == 1):
            return None
        # .npy has no codes below 8 bits: a byte each.
        small = str(array.dtype)
        found[value.name] = array.astype("u1" if small[0] == "u" else "i1") if small in SMALL else array
    return found


def is_close(expected, found, step):
    """Whether elements agree; `step` is what codes may differ by."""
    expected = q.plain_bytes(expected)
    if expected.dtype.kind == "V" or found.dtype.kind == "V":
        return expected.tobytes() == found.tobytes()
    if expected.dtype.kind != "f":
        difference = np.abs(expected.astype(np.int64) - found.astype(np.int64)) if step else expected != found
        return difference.max(initial=0) <= step
    # The tolerance of onnx's own runner, and what half precision can hold.
    rtol, atol = (1e-3, 1e-7) if expected.dtype == np.float32 else (5e-3, 1e-3)
    return np.allclose(expected.astype(np.float64), found.astype(np.float64), rtol=rtol, atol=atol, equal_nan=True)


def with_constants(model, inputs):
    """The model as it is, then with more and more of its inputs as constants."""
    yield model
    names = [v.name for v in model.graph.input if v.name in inputs]
    vectors = [n for n in names if inputs[n].dtype == np.int64 and inputs[n].ndim <= 1]
    for fixed in (vectors, names[1:]):
        if not fixed or len(fixed) == len(model.graph.input):
            continue
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        for name in fixed:
            changed.graph.input.remove(next(v for v in changed.graph.input if v.name == name))
            changed.graph.initializer.append(nh.from_array(inputs[name], name))
        yield changed


def is_refused(path, program, target):
    """Compiles: True where refused properly; raises RuntimeError when it breaks."""
    result = subprocess.run([q.QUERN, "compile", str(path), "-o", str(program), f"--target={target}"],
                            capture_output=True, text=True, timeout=600)
    if result.returncode == 1 and "error: " in result.stderr and not program.exists():
        return True
    if result.returncode != 0:
        raise RuntimeError(f"compile: exit status {result.returncode}: {result.stderr.strip()[-300:]}")
    return False


def defined(name, inputs, expected):
    """Which elements of a result the standard defines."""
    narrowing = NARROWING.match(name)
    if not narrowing:
        return np.full(expected.shape, True)
    bits, is_unsigned = int(narrowing[2]), narrowing[1] == "U"
    low, high = (0, 2**bits - 1) if is_unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    given = np.trunc(next(iter(inputs.values())).astype(np.float64))
    return (given >= low) & (given <= high)


def run_test(folder, target, scratch):
    """'right', 'refused', 'compiled' (its data is for no program of ours), or what is wrong."""
    program, data = scratch / "program", folder / "test_data_set_0"
    original = onnx.load(folder / "model.onnx")
    inputs = tensors(data, "input", original.graph.input)
    outputs = tensors(data, "output", original.graph.output)
    try:
        for model in with_constants(original, inputs or {}):
            onnx.save(model, scratch / "model.onnx")
            if not is_refused(scratch / "model.onnx", program, target):
                break
        else:
            return "refused"
        if inputs is None or outputs is None:
            return "compiled"
        found = q.run_program(program, {v.name: inputs[v.name] for v in model.graph.input if v.name in inputs})
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)[-300:]
    for name, expected in outputs.items():
        value = found.get(q.file_name(name))
        if value is None:
            return f"no output {name}"
        mask = defined(folder.name, inputs, expected)
        # A quotient by a scale that is known only at run time may round the other way at a tie.
        step = 1 if "quantizelinear" in folder.name else 0
        if expected.shape != value.shape or not is_close(expected[mask], value[mask], step):
            return (f"{name}: expected {expected.dtype}{list(expected.shape)} {expected.ravel()[:6]}, "
                    f"found {value.dtype}{list(value.shape)} {value.ravel()[:6]}")
    return "right"


def select(only, part):
    """The tests of one part, by name."""
    index, count = map(int, part.split("/"))
    names = (p.name for p in DATA.iterdir())
    return sorted(n for n in names if fnmatch.fnmatch(n, only))[index::count]


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("supported", type=Path)
    a.add_argument("--part", default="0/1")
    a.add_argument("--only", default="*")
    a.add_argument("--target", default="native")
    a.add_argument("--write", action="store_true")
    args = a.parse_args()
    supported = set(args.supported.read_text().split()) if args.supported.exists() else set()
    names = select(args.only, args.part)
    right, refused, failed = set(), 0, 0
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            verdict = run_test(DATA / name, args.target, Path(scratch))
        if verdict == "right":
            right.add(name)
        elif verdict in ("refused", "compiled") and (args.write or name not in supported):
            refused += 1
        else:
            failed += 1
            print(f"FAIL {name}: {verdict}", flush=True)
    unlisted = set() if args.write else right - supported
    for name in sorted(unlisted):
        print(f"FAIL {name}: right, but {args.supported.name} does not name it; --write does that")
    if args.write:
        args.supported.write_text("\n".join(sorted(supported - set(names) | right)) + "\n")
    print(f"{len(right)} right, {refused} refused, {failed} wrong, {len(unlisted)} not listed")
    return 1 if failed or unlisted or not right else 0


if __name__ == "__main__":
    sys.exit(main())
