#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Damaged models through the driver: an error with file and place, status 1, nothing left behind.

usage: bad_input.py FOLDER

Writes one model of each kind into FOLDER and compiles it. The error's first line must name the
file and hold the text stated here; the folder of outputs must stay empty.
"""
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh

import quern_e2e as q


def good(scale=np.float32(0.02), zero_point=np.uint8(3), weight_scale=None):
    """x -> q -> dq -> product with dequantized weights -> y, as quantizers write it."""
    weights = (np.arange(64 * 8) % 200 - 100).astype(np.int8).reshape(64, 8)
    weight_scale = np.full(8, 0.01, np.float32) if weight_scale is None else weight_scale
    constants = {"s": scale, "z": zero_point, "w_q": weights, "w_s": weight_scale, "w_z": np.zeros(8, np.int8)}
    nodes = [
        h.make_node("QuantizeLinear", ["x", "s", "z"], ["x_q"], name="quantize_x"),
        h.make_node("DequantizeLinear", ["x_q", "s", "z"], ["x_f"], name="dequantize_x"),
        h.make_node("DequantizeLinear", ["w_q", "w_s", "w_z"], ["w"], name="dequantize_w", axis=1),
        h.make_node("MatMul", ["x_f", "w"], ["h"], name="product"),
        h.make_node("Relu", ["h"], ["y"], name="act"),
    ]
    graph = h.make_graph(
        nodes, "g",
        [h.make_tensor_value_info("x", TensorProto.FLOAT, [2, 64])],
        [h.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8])],
        [nh.from_array(np.asarray(v), k) for k, v in constants.items()])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10)


def tensor(model, name):
    return next(t for t in model.graph.initializer if t.name == name)


def changed(change, **arguments):
    def make(_):
        model = good(**arguments)
        change(model)
        return model.SerializeToString()
    return make


def unknown_operator(model):
    model.graph.node[4].op_type = "Frobnicate"


def unknown_domain(model):
    model.graph.node[4].domain = "org.example"


def unknown_opset(model):
    model.opset_import[0].version = 99


def unbound(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"


def too_few_bytes(model):
    tensor(model, "w_q").raw_data = tensor(model, "w_q").raw_data[:-1]


def too_many_bytes(model):
    tensor(model, "w_q").raw_data += b"\0"


def too_few_scales(model):
    tensor(model, "w_s").CopyFrom(nh.from_array(np.full(7, 0.01, np.float32), "w_s"))


def axis_out_of_rank(model):
    model.graph.node[2].attribute[0].i = 2


def external(location, length=None, offset=None):
    def change(model):
        weights = tensor(model, "w_q")
        weights.ClearField("raw_data")
        weights.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", offset), ("length", length)):
            if value is not None:
                weights.external_data.add(key=key, value=str(value))
    return changed(change)


def linked(folder):
    link = folder / "link.bin"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.parent / "outside.bin")
    return external("link.bin")(folder)


def zero_point_too_large(model):
    """A value that u8 cannot hold needs a wider type, which is not that of the codes."""
    model.graph.initializer.append(nh.from_array(np.int32(300), "wide"))
    model.graph.node[1].input[2] = "wide"


def zero_point_of_other_type(model):
    model.graph.initializer.append(nh.from_array(np.int8(-3), "signed"))
    model.graph.node[1].input[2] = "signed"


def nothing(_):
    pass


# What the error has to say after the file's name.
CASES = {
    "truncated": (lambda _: good().SerializeToString()[:700], "truncated or damaged"),
    "empty": (lambda _: b"", "expected|not a readable onnx model"),
    "unknown-operator": (changed(unknown_operator), "act.*unknown operator 'Frobnicate'"),
    "unknown-domain": (changed(unknown_domain), "act.*unknown domain 'org.example'"),
    "unknown-opset": (changed(unknown_opset), "of 'ai.onnx', found 99"),
    "unbound-dimension": (changed(unbound), "'?x'?.*--shape"),
    "scale-zero": (changed(nothing, scale=np.float32(0)), "(de)?quantize_x.*expected positive, finite, normal scales in 's', found 0"),
    "scale-nan": (changed(nothing, scale=np.float32("nan")), "(de)?quantize_x.*expected positive, finite, normal scales in 's', found .*nan"),
    "scale-infinite": (changed(nothing, scale=np.float32("inf")), "(de)?quantize_x.*expected positive, finite, normal scales in 's'"),
    "scale-negative": (changed(nothing, scale=np.float32(-1)), "(de)?quantize_x.*expected positive, finite, normal scales in 's'"),
    "scale-subnormal": (changed(nothing, scale=np.float32(1e-40)), "(de)?quantize_x.*expected positive, finite, normal scales in 's'"),
    "weight-scale-nan": (changed(nothing, weight_scale=np.array([0.01] * 7 + [np.nan], np.float32)), "dequantize_w.*scales in 'w_s'"),
    "zero-point-too-large": (changed(zero_point_too_large), "dequantize_x.*zero.point"),
    "zero-point-of-other-type": (changed(zero_point_of_other_type), "dequantize_x.*zero.point"),
    "zero-point-of-two": (changed(nothing, zero_point=np.array([3, 3], np.uint8)), "quantize_x.*(scale|zero point)"),
    "too-few-bytes": (changed(too_few_bytes), "'w_q': expected 512 bytes of INT8 by the shape, found 511"),
    "too-many-bytes": (changed(too_many_bytes), "'w_q': expected 512 bytes of INT8 by the shape, found 513"),
    "too-few-scales": (changed(too_few_scales), "dequantize_w.*(8|7)"),
    "axis-out-of-rank": (changed(axis_out_of_rank), "dequantize_w.*axis"),
    "external-above": (external("../outside.bin"), "w_q"),
    "external-above-later": (external("in/../../outside.bin"), "w_q"),
    "external-absolute": (lambda f: external(str(f.parent / "outside.bin"))(f), "w_q"),
    "external-link": (linked, "w_q"),
    "external-missing": (external("nothing.bin"), "w_q"),
    "external-past-end": (external("inside.bin", length=512, offset=256), "w_q"),
    "external-wrapping": (external("inside.bin", length=512, offset=2**64 - 256), "w_q"),
}


def compile_bad(path, out):
    """Exit status and standard error of `quern compile`."""
    result = subprocess.run([q.QUERN, "compile", str(path), "-o", str(out), "-MD", "--target=portable"],
                            capture_output=True, text=True, timeout=120)
    return result.returncode, result.stderr


def wrong_with(name, make, says, folder):
    """None, or what is wrong with the answer to this model."""
    models, outputs = folder / "models", folder / "outputs"
    path = models / f"{name}.onnx"
    path.write_bytes(make(models))
    status, words = compile_bad(path, outputs / name)
    left = [p.name for p in outputs.iterdir()]
    for p in outputs.iterdir():
        p.unlink()
    if says is None:
        return None if status == 0 else f"expected it to compile, found status {status}: {words}"
    if status != 1:
        return f"expected exit status 1, found {status}: {words}"
    if left:
        return f"left {left}"
    first = next((line for line in words.splitlines() if "error: " in line), "")
    if not first.startswith("error: ") or f"{name}.onnx" not in first:
        return f"expected an error that names the file, found: {words}"
    return None if re.search(says, first) else f"expected /{says}/, found: {words}"


def main():
    folder = Path(sys.argv[1])
    for part in ("models", "outputs"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    (folder / "outside.bin").write_bytes(bytes(512))
    (folder / "models" / "inside.bin").write_bytes(bytes(512))
    failed = 0
    cases = {"good": (changed(nothing), None), **CASES, "good-external": (external("inside.bin"), None)}
    for name, (make, says) in cases.items():
        wrong = wrong_with(name, make, says, folder)
        if wrong:
            failed += 1
            print(f"FAIL {name}: {wrong.strip()}", flush=True)
    print(f"{len(cases) - failed} of {len(cases)} right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
