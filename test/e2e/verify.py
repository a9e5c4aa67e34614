#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What `quern verify` says of a quantized model, against ONNX Runtime node by node.

usage: verify.py MODELS FOLDER

The digits model against the float model that it was made of, on shipped images. For every tensor: the ratio, the largest
error in steps and the clipped share, computed here from ONNX Runtime's values of all tensors of both models; for one
layer in the middle the ratio on exact inputs, from that layer alone run by ONNX Runtime. Then a layer is damaged, in its
weights' scale and in its codes' range, and must be the one that is named; bounds; targets; a model of products in QOperator
form and one with 4-bit weights and float activations.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
from onnx import TensorProto, helper as h, numpy_helper as nh

import quern_e2e as q

NEAR = 0.3  # dB: ONNX Runtime computes Q/DQ in float and rounds a few codes the other way


def verify(*arguments, status=0):
    result = subprocess.run([q.QUERN, "verify", *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != status:
        raise SystemExit(f"FAILED: verify {' '.join(map(str, arguments))}: exit {result.returncode}, expected {status}\n"
                         f"{result.stdout}{result.stderr}")
    return result.stdout, result.stderr


def check(condition, message):
    if not condition:
        raise SystemExit(f"FAILED: {message}")


def all_values(model, feeds):
    """Every tensor of the model as ONNX Runtime computes it."""
    model = onnx.shape_inference.infer_shapes(model)
    made = {o for n in model.graph.node for o in n.output} - {o.name for o in model.graph.output}
    model.graph.output.extend(v for v in model.graph.value_info if v.name in made)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.onnx"
        onnx.save(model, path)
        session = q.session(path, optimized=False)
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds))) | feeds


def parameters(model, node):
    constants = {i.name: nh.to_array(i) for i in model.graph.initializer}
    return float(constants[node.input[1]]), int(constants[node.input[2]])


def quantizers(model):
    """The QuantizeLinear nodes of activations, by the name of the float tensor in the float model."""
    constants = {i.name for i in model.graph.initializer}
    return {n.input[0].removesuffix("_QuantizeLinear_Input"): n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] not in constants}


def expect_near(found, expected, what):
    check(abs(found - expected) <= NEAR, f"{what}: {found:.2f} dB, expected {expected:.2f}")


def check_layer_alone(quantized, folder, real, edge, start, end):
    """One layer from what stands for its input's codes to its own codes, on the float model's values."""
    part = folder / "part.onnx"
    onnx.utils.extract_model(str(quantized), str(part), [start], [end])
    reals = all_values(onnx.load(part), {start: real["h1"]})[end]
    expect_near(edge["sqnr_alone"], q.sqnr(real[edge["tensor"]], reals), f"{edge['tensor']} alone")


def check_against_runtime(models, folder, inputs):
    quantized, real = models / "digits.onnx", models / "digits_fp32.onnx"
    np.save(folder / "image.npy", inputs)
    report = json.loads(verify(quantized, f"--against={real}", f"--input=image={folder / 'image.npy'}", "--json")[0])
    model = onnx.load(quantized)
    exact, rounded = all_values(onnx.load(real), {"image": inputs}), all_values(model, {"image": inputs})
    found = {e["tensor"]: e for e in report["edges"] if e["codes"]}
    nodes = quantizers(model)
    check(set(found) == set(nodes), f"tensors {sorted(found)}, expected {sorted(nodes)}")
    for name, node in nodes.items():
        scale, zero = parameters(model, node)
        reals = (rounded[node.output[0]].astype(np.float64) - zero) * scale
        expect_near(found[name]["sqnr"], q.sqnr(exact[name], reals), name)
        steps = np.abs(exact[name] - reals).max() / scale
        check(abs(found[name]["max_steps"] - steps) <= 1.001, f"{name}: {found[name]['max_steps']} steps, expected {steps}")
        codes = exact[name] / scale + zero
        clipped = np.mean((codes < -0.5) | (codes > 255.5))
        check(abs(found[name]["clipped"] - clipped) <= 1e-3, f"{name}: clipped {found[name]['clipped']}, expected {clipped}")
    expect_near(report["edges"][-1]["sqnr"], q.sqnr(exact["logits"], rounded["logits"]), "the output")
    check(not report["edges"][-1]["codes"], "the output is no tensor of codes")
    dequantized = {n.input[0]: n.output[0] for n in model.graph.node if n.op_type == "DequantizeLinear"}
    check_layer_alone(quantized, folder, exact, found["h2"], dequantized[nodes["h1"].output[0]], dequantized[nodes["h2"].output[0]])
    print("ok   ratios, steps and shares are those of ONNX Runtime's values")


def damage(model, name, factor):
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(nh.from_array(nh.to_array(tensor) * np.float32(factor), name))
            return
    raise SystemExit(f"FAILED: no tensor {name}")


def check_damage(models, folder):
    real, image = models / "digits_fp32.onnx", folder / "image.npy"
    for tensor, factor, node, why in [("conv2.w_scale", 3, "relu2", "arises here"), ("a3_scale", 0.2, "conv3", "arises here")]:
        model = onnx.load(models / "digits.onnx")
        damage(model, tensor, factor)
        onnx.save(model, folder / "bad.onnx")
        text, _ = verify(folder / "bad.onnx", f"--against={real}", f"--input=image={image}")
        last = text.splitlines()[-1]
        check(last.startswith(f"first bad layer: node '{node}'") and last.endswith(why), f"{tensor} damaged, but: {last}")
        report = json.loads(verify(folder / "bad.onnx", f"--against={real}", f"--input=image={image}", "--json")[0])
        check(report["edges"][report["first_bad"]]["node"] == node, "text and JSON differ")
        # On exact inputs, what follows the damaged layer is as good as it was.
        after = [e for e in report["edges"][report["first_bad"] + 1:] if e["codes"]]
        check(all(e["sqnr_alone"] > 25 for e in after), f"{tensor}: layers behind the damaged one are blamed: {after}")
    print("ok   a damaged layer is the one that is named")


def check_bounds(models, folder):
    pair = [models / "digits.onnx", f"--against={models / 'digits_fp32.onnx'}", f"--input=image={folder / 'image.npy'}"]
    verify(*pair, "--min-sqnr=15", "--max-steps=200")
    _, message = verify(*pair, "--min-sqnr=60", status=1)
    check("expected at least 60.0 dB (--min-sqnr), found" in message, message)
    _, message = verify(*pair, "--max-steps=0.1", status=1)
    check("expected codes within 0.1 steps (--max-steps), found" in message, message)
    print("ok   bounds")


def check_targets(models, folder):
    targets = [*q.host_targets(), *q.arm_targets()]
    for model, arguments in [("digits.onnx", [f"--input=image={folder / 'image.npy'}"]), ("digits_fp32.onnx", ["--seed=7"])]:
        reports = json.loads(verify(models / model, f"--target={','.join(targets)}", *arguments, "--json")[0])
        check([r["target"] for r in reports] == targets, "a report for each target")
        check(all(e["agrees"] and e["values"] > 0 for r in reports for e in r["edges"]), reports)
        has_codes = model == "digits.onnx"
        check(all(any(e["codes"] for e in r["edges"]) == has_codes for r in reports), f"{model}: codes")
    print(f"ok   {', '.join(targets)} agree with portable")


def make_product(rng):
    weights = rng.standard_normal((32, 16)).astype(np.float32)
    graph = h.make_graph([h.make_node("MatMul", ["x", "w"], ["y"], "product")], "g",
                         [h.make_tensor_value_info("x", TensorProto.FLOAT, [4, 32])],
                         [h.make_tensor_value_info("y", TensorProto.FLOAT, [4, 16])], [nh.from_array(weights, "w")])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10), weights


def make_qoperator(weights):
    w_scale, x_scale, y_scale = np.abs(weights).max() / 127, np.float32(8 / 255), np.float32(60 / 255)
    codes = np.clip(np.rint(weights / w_scale), -127, 127).astype(np.int8)
    constants = {"xs": x_scale, "xz": np.uint8(128), "ws": np.float32(w_scale), "wz": np.int8(0), "ys": y_scale,
                 "yz": np.uint8(128), "wq": codes}
    nodes = [h.make_node("QuantizeLinear", ["x", "xs", "xz"], ["x_quantized"]),
             h.make_node("QLinearMatMul", ["x_quantized", "xs", "xz", "wq", "ws", "wz", "ys", "yz"], ["y_quantized"], "q"),
             h.make_node("DequantizeLinear", ["y_quantized", "ys", "yz"], ["y"])]
    return nodes, constants


def make_narrow(weights):
    w_scale = (np.abs(weights).max(axis=0) / 7).astype(np.float32)
    codes = np.clip(np.rint(weights / w_scale), -7, 7).astype(np.int8)
    nodes = [h.make_node("DequantizeLinear", ["wq", "ws"], ["wd"], axis=1), h.make_node("MatMul", ["x", "wd"], ["y"], "product")]
    return nodes, {"ws": w_scale, "wq": codes}, codes * w_scale


def check_other_forms(folder):
    rng = np.random.default_rng(5)
    real, weights = make_product(rng)
    onnx.save(real, folder / "product.onnx")
    inputs = rng.standard_normal((4, 32)).astype(np.float32)
    np.save(folder / "x.npy", inputs)
    narrow_nodes, narrow_constants, narrow_weights = make_narrow(weights)
    expected = q.sqnr(inputs @ weights, inputs @ narrow_weights)
    for form, (nodes, constants) in {"qoperator": make_qoperator(weights), "narrow": (narrow_nodes, narrow_constants)}.items():
        tensors = [nh.from_array(np.asarray(v), k) for k, v in constants.items()]
        if form == "narrow":
            tensors = [t for t in tensors if t.name != "wq"]
            tensors.append(h.make_tensor("wq", TensorProto.INT4, weights.shape, narrow_constants["wq"].ravel()))
        graph = h.make_graph(nodes, "g", real.graph.input, real.graph.output, tensors)
        onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 21)], ir_version=10), folder / f"{form}.onnx")
        report = json.loads(verify(folder / f"{form}.onnx", f"--against={folder / 'product.onnx'}",
                                   f"--input=x={folder / 'x.npy'}", "--json")[0])
        names = [(e["tensor"], e["codes"]) for e in report["edges"]]
        check(names == ([("x", True), ("y", True), ("y", False)] if form == "qoperator" else [("y", False)]), names)
        if form == "narrow":
            expect_near(report["edges"][0]["sqnr"], expected, "4-bit weights")
    print("ok   QOperator form, 4-bit weights")


def main():
    models, folder = Path(sys.argv[1]), Path(sys.argv[2])
    inputs = np.load(models / "test_images.npy")[:1].astype(np.float32) / 16
    check_against_runtime(models, folder, inputs)
    check_damage(models, folder)
    check_bounds(models, folder)
    check_targets(models, folder)
    check_other_forms(folder)


if __name__ == "__main__":
    main()
