#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Float models quantized by quern.

usage: quantize.py digits MODELS FOLDER | depthwise FOLDER | fewer-bits FOLDER | outliers FOLDER [SHAPE LAYERS]

digits: the shipped float model, calibrated on half of the shipped images and evaluated on the other.
depthwise: a random network of the kind of MobileNet, whose depthwise inputs get scales per channel.
fewer-bits: the same network with weights below 8 bits, and which algorithms make up for it.
outliers: a transformer with outlier channels (small, or of a SHAPE of test/benchmark/outliers.py), which SmoothQuant moves into
the weights, and GPTQ in each of its layers.
Of each: `compile --calibrate` and compiling what `quantize` wrote give the same bits, ONNX Runtime
runs the file and agrees, `eval` says what is computed here from the programs' outputs.
"""
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper as h, numpy_helper as nh

import quern_e2e as q


def quern(*arguments):
    result = subprocess.run([q.QUERN, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: exit {result.returncode}\n{result.stderr}")
    return result.stdout


def write_set(folder, name, arrays, labels=None, remainder=None):
    """A description of samples in arrays; every second one if a remainder is given."""
    description = {"inputs": {}}
    for input_name, array in arrays.items():
        np.save(folder / f"{input_name}.npy", array)
        description["inputs"][input_name] = {"array": f"{input_name}.npy"}
    if labels is not None:
        with open(folder / "labels.csv", "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["label", "parity"])
            rows.writerows([label, "odd" if label % 2 else "even"] for label in labels)
        description |= {"table": "labels.csv", "label": {"column": "label", "classes": 10}, "slices": ["parity"]}
    if remainder is not None:
        description["rows"] = {"modulo": 2, "remainders": [remainder]}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(description, indent=1), encoding="utf-8")
    return path


def run_all(program, name, samples):
    return np.concatenate([next(iter(q.run_program(program, {name: x[None]}).values())) for x in samples])


def check(condition, message):
    if not condition:
        raise SystemExit(f"FAILED: {message}")


def quantize(model, calibration, folder, *flags):
    """The program of `compile --calibrate`, that of the exported file, and the file."""
    direct, exported, file = folder / "direct", folder / "exported", folder / "q.onnx"
    quern("compile", model, f"--calibrate={calibration}", "-o", direct, *flags)
    quern("quantize", model, f"--calibrate={calibration}", "-o", file, *flags)
    quern("compile", file, "-o", exported, *[f for f in flags if f.startswith("--shape")])
    onnx.checker.check_model(onnx.load(file), full_check=True)
    return direct, exported, file


def run_digits(models, folder):
    images, labels = np.load(models / "test_images.npy")[:200] / np.float32(16), np.load(models / "test_labels.npy")[:200]
    model = models / "digits_fp32.onnx"
    name = onnx.load(model).graph.input[0].name
    calibration = write_set(folder, "calibration", {name: images}, labels, 0)
    evaluation = write_set(folder, "evaluation", {name: images}, labels, 1)
    shape = f"--shape={name}=" + "x".join(map(str, (1, *images.shape[1:])))
    direct, exported, file = quantize(model, calibration, folder, shape)
    # The user's own nodes are all there, in their order.
    def names(m):
        return [n.output[0] for n in m.graph.node if n.op_type not in ("QuantizeLinear", "DequantizeLinear", "Constant")]
    check(names(onnx.load(model)) == names(onnx.load(file)), "the exported graph is another one")
    images, labels = images[1::2], labels[1::2]
    ours = run_all(direct, name, images)
    check(np.array_equal(ours, run_all(exported, name, images)), "compile --calibrate and quantize differ")
    theirs = np.concatenate([q.session(file).run(None, {name: x[None]})[0] for x in images])
    check(np.mean(ours.argmax(1) == theirs.argmax(1)) >= 0.99, "ONNX Runtime disagrees with the exported file")
    reference = np.concatenate([q.session(model).run(None, {name: x[None]})[0] for x in images])
    top1 = 100 * np.mean(ours.argmax(1) == labels)
    drop = 100 * np.mean(reference.argmax(1) == labels) - top1
    check(drop <= 1, f"top-1 falls by {drop} points")

    said = json.loads(quern("eval", file, shape, f"--data={evaluation}", f"--against={model}", "--slice-by=parity", "--json"))
    check([s["slice"] for s in said] == ["all", "even", "odd"], f"slices: {said}")
    check(abs(said[0]["top1"][0] - top1) < 1e-6, f"eval says top1 {said[0]['top1']}, it is {top1}")
    odd = labels % 2 == 1
    check(abs(said[2]["top1"][0] - 100 * np.mean(ours.argmax(1)[odd] == labels[odd])) < 1e-6, "eval of a slice")
    check(said[2]["samples"] == odd.sum() and said[1]["samples"] == (~odd).sum(), "sizes of the slices")
    check(abs(said[0]["sqnr"][0] - q.sqnr(reference, ours)) < 0.05, f"eval says sqnr {said[0]['sqnr']}, it is {q.sqnr(reference, ours)}")
    check(all(s[m][1] <= s[m][0] <= s[m][2] for s in said for m in ("top1", "top5", "agreement", "kl")), "intervals")

    # Statistics of a whole calibration are taken as they are; those of other data are refused.
    kept = folder / "statistics.json"
    for again in ("first", "second"):
        quern("compile", model, shape, f"--calibrate={calibration}", f"--statistics={kept}", "-o", folder / again)
    check((folder / "first").read_bytes() == (folder / "second").read_bytes(), "kept statistics change the result")
    check((folder / "first").read_bytes() == direct.read_bytes(), "keeping statistics changes the result")
    refused = subprocess.run([q.QUERN, "compile", str(model), shape, f"--calibrate={evaluation}", f"--statistics={kept}",
                              "-o", str(folder / "none")], capture_output=True, text=True)
    check(refused.returncode == 1 and "of another model, data set or recipe" in refused.stderr, refused.stderr)
    check(not (folder / "none").exists(), "an output in spite of the error")


def make_depthwise(random):
    """conv, depthwise and pointwise convolutions with ReLU6, a residual, pool and product."""
    channels = 24
    spread = np.exp(random.normal(0, 1, channels)).astype(np.float32)

    def weights(*shape):
        fan = np.prod(shape[1:])
        return (random.normal(0, 1, shape) / np.sqrt(fan)).astype(np.float32)

    constants = {
        "w1": weights(channels, 3, 3, 3) * spread[:, None, None, None], "b1": random.normal(0, 0.2, channels).astype(np.float32),
        "w2": weights(channels, 1, 3, 3), "b2": random.normal(0, 0.2, channels).astype(np.float32),
        "w3": weights(16, channels, 1, 1), "w4": weights(16, 16, 1, 1), "b4": random.normal(0, 0.1, 16).astype(np.float32),
        "w5": weights(16, 10), "low": np.float32(0), "high": np.float32(6),
    }
    node = h.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "first", pads=[1, 1, 1, 1]), node("Clip", ["c1", "low", "high"], ["a1"]),
        node("Conv", ["a1", "w2", "b2"], ["c2"], "second", pads=[1, 1, 1, 1], group=channels), node("Clip", ["c2", "low", "high"], ["a2"]),
        node("Conv", ["a2", "w3"], ["c3"], "third"), node("Conv", ["c3", "w4", "b4"], ["c4"], "fourth"), node("Relu", ["c4"], ["a4"]),
        node("Add", ["c3", "a4"], ["s"]), node("GlobalAveragePool", ["s"], ["p"]), node("Flatten", ["p"], ["f"]),
        node("MatMul", ["f", "w5"], ["y"], "last"),
    ]
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
                         [h.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
                         [nh.from_array(np.asarray(v), k) for k, v in constants.items()])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)


def run_depthwise(folder):
    random = np.random.default_rng(5)
    model = folder / "depthwise.onnx"
    onnx.save(make_depthwise(random), model)
    samples = random.normal(0, 1, (60, 3, 16, 16)).astype(np.float32)
    calibration, evaluation = (write_set(folder, n, {"x": samples}, None, r) for n, r in (("calibration", 0), ("evaluation", 1)))
    direct, exported, file = quantize(model, calibration, folder)
    scales = {t.name: nh.to_array(t) for t in onnx.load(file).graph.initializer}
    check(scales["a1_scale"].shape == (24,), "the depthwise convolution's input has no scales per channel")
    check(scales["a2_scale"].shape == () and scales["w3_scale"].shape == (16,), "the other scales")
    samples = samples[1::2]
    ours = run_all(direct, "x", samples)
    check(np.array_equal(ours, run_all(exported, "x", samples)), "compile --calibrate and quantize differ")
    theirs = np.concatenate([q.session(file, optimized=False).run(None, {"x": x[None]})[0] for x in samples])
    check(q.sqnr(theirs, ours) >= 35, f"against ONNX Runtime: {q.sqnr(theirs, ours):.1f} dB")
    reference = np.concatenate([q.session(model).run(None, {"x": x[None]})[0] for x in samples])
    check(q.sqnr(reference, ours) >= 30, f"against float: {q.sqnr(reference, ours):.1f} dB")
    # Nothing but depthwise convolutions reads them, so they are done in integers like the others.
    explained = subprocess.run([q.QUERN, "compile", str(file), "-o", str(folder / "explained"), "--explain"], capture_output=True, text=True)
    check("computed in float" not in explained.stderr, explained.stderr)
    # Entropy looks at the distribution of values alone, and clips hard where there are few of them.
    for observer, floor in (("minmax", 40), ("average", 30), ("percentile", 40), ("mse", 40), ("entropy", 5)):
        program = folder / observer
        quern("compile", model, f"--calibrate={calibration}", f"--observer={observer}", "-o", program)
        value = q.sqnr(reference, run_all(program, "x", samples))
        print(f"{observer}: {value:.1f} dB")
        check(value >= floor, f"--observer={observer}: {value:.1f} dB, expected {floor}")
    recipe = folder / "recipe.json"
    for algorithms in (["nearest"], ["equalize", "mse"], ["equalize", "nearest", "correct-bias"]):
        recipe.write_text(json.dumps({"algorithms": algorithms}))
        quern("compile", model, f"--calibrate={calibration}", f"--recipe={recipe}", "-o", folder / "recipe")
        value = q.sqnr(reference, run_all(folder / "recipe", "x", samples))
        print(f"{algorithms}: {value:.1f} dB")
        check(value >= 30, f"{algorithms}: {value:.1f} dB")


def run_fewer_bits(folder):
    """Schemes by name, and recipes; figures against the float model's outputs."""
    random = np.random.default_rng(6)
    model = folder / "depthwise.onnx"
    onnx.save(make_depthwise(random), model)
    samples = random.normal(0, 1, (120, 3, 16, 16)).astype(np.float32)
    calibration, _ = (write_set(folder, n, {"x": samples}, None, r) for n, r in (("calibration", 0), ("evaluation", 1)))
    samples = samples[1::2]
    reference = np.concatenate([q.session(model).run(None, {"x": x[None]})[0] for x in samples])
    recipe = folder / "recipe.json"

    def measure(name, precision, text=None):
        """dB against the float model. ONNX Runtime must say the same of the file."""
        flags = [f"--precision={precision}"]
        if text:
            recipe.write_text(json.dumps(text))
            flags.append(f"--recipe={recipe}")
        direct, exported, file = quantize(model, calibration, folder, *flags)
        ours = run_all(direct, "x", samples)
        check(np.array_equal(ours, run_all(exported, "x", samples)), f"{name}: compile --calibrate and quantize differ")
        theirs = np.concatenate([q.session(file, optimized=False).run(None, {"x": x[None]})[0] for x in samples])
        check(q.sqnr(theirs, ours) >= 35, f"{name}: against ONNX Runtime: {q.sqnr(theirs, ours):.1f} dB")
        value = q.sqnr(reference, ours)
        print(f"{name}: {value:.1f} dB")
        return value, {t.name: t for t in onnx.load(file).graph.initializer}

    def nearest(precision, **more):
        return measure(f"{precision} nearest", precision, {"algorithms": ["nearest"], **more})[0]

    whole, tensors = measure("w4a8", "w4a8")
    check(tensors["w3_quantized"].data_type == TensorProto.INT4, "4-bit weights of the file")
    check(tensors["w1_quantized"].data_type == TensorProto.INT8 and tensors["w2_quantized"].data_type == TensorProto.INT8, "first and depthwise keep 8 bits")
    check(whole >= nearest("w4a8") + 3, "4 bits: no better than the nearest codes")
    group, tensors = measure("w3g32", "w3g32")
    check(list(tensors["w3_scale"].dims) == [16, 1, 1, 1] and list(tensors["w5_scale"].dims) == [1, 10], "scales by groups")
    check(group >= nearest("w3g32") + 3, "3 bits: no better than the nearest codes")
    mixed, tensors = measure("mixed", "w4a8", {"layers": [
        {"nodes": "third", "weights": "u4", "group": 32}, {"nodes": "fourth", "weights": "s8"}, {"nodes": "last", "weights": "ternary"},
        {"nodes": "second", "weights": "s4"}]})
    check([tensors[f"w{n}_quantized"].data_type for n in (2, 3, 4, 5)] ==
          [TensorProto.INT4, TensorProto.UINT4, TensorProto.INT8, TensorProto.INT4], "schemes of single layers")
    check(mixed < whole, "ternary weights cost nothing")
    # Each algorithm by what it is for, at 3 bits.
    algorithms = {}
    for names in (["gptq"], ["gptq", "correct-bias"], ["refit", "gptq", "correct-bias"], ["refit", "gptq", "adaround", "correct-bias"], ["awq", "nearest"], ["smooth", "mse"]):
        algorithms[tuple(names)] = measure(f"w3 {names}", "w3", {"algorithms": names})[0]
    check(algorithms["gptq",] >= nearest("w3") + 2, "gptq is no better than the nearest codes")
    check(measure("w8", "w8")[0] >= 35, "8-bit weights alone")


def measure_layers(model, files, samples):
    """Squared output error of each product with constant weights, given the float model's inputs, for each file."""
    graph = onnx.load(model)
    weights = {t.name: nh.to_array(t) for t in graph.graph.initializer}
    layers = [n for n in graph.graph.node if n.op_type == "MatMul" and n.input[1] in weights]
    for name in dict.fromkeys(n.input[0] for n in layers):
        graph.graph.output.append(h.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    moments = {}
    for sample in samples:
        for name, value in zip(names[1:], session.run(names[1:], {names_of_inputs(graph)[0]: sample[None]})):
            flat = value.reshape(-1, value.shape[-1]).astype(np.float64)
            moments[name] = moments.get(name, 0) + flat.T @ flat
    errors = {n.name: [] for n in layers}
    for file in files:
        coded = onnx.load(file)
        graph_outputs = {n.output[0]: n for n in coded.graph.node}
        del coded.graph.output[:]
        for n in layers:
            coded.graph.output.append(h.make_tensor_value_info(graph_outputs[n.output[0]].input[1], TensorProto.FLOAT, None))
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        values = ort.InferenceSession(coded.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, {names_of_inputs(coded)[0]: samples[:1]})
        for n, value in zip(layers, values):
            off = (value - weights[n.input[1]]).astype(np.float64)
            errors[n.name].append(float(np.sum(off * (moments[n.input[0]] @ off))))
    return errors


def names_of_inputs(model):
    return [i.name for i in model.graph.input]


def run_outliers(folder, shape="small", layers="2"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmark"))
    import outliers
    outliers.SHAPES["small"] = dict(width=192, heads=3, length=24)
    random = np.random.default_rng(3)
    model = folder / f"{shape}.onnx"
    graph, dims = outliers.make(shape, int(layers), random)
    onnx.save(graph, model)
    samples = random.normal(0, 1, (96, *dims[1:])).astype(np.float32)  # more rows than a layer has inputs, by far
    calibration, _ = (write_set(folder, n, {"hidden": samples}, None, r) for n, r in (("calibration", 0), ("evaluation", 1)))
    samples = samples[1::2]
    reference = np.concatenate([q.session(model).run(None, {"hidden": x[None]})[0] for x in samples])
    recipe = folder / "recipe.json"
    figures = {}
    for names in (["mse"], ["smooth", "mse"]):
        recipe.write_text(json.dumps({"algorithms": names}))
        direct, exported, _ = quantize(model, calibration, folder, f"--recipe={recipe}")
        ours = run_all(direct, "hidden", samples)
        check(np.array_equal(ours, run_all(exported, "hidden", samples)), f"{names}: compile --calibrate and quantize differ")
        figures[names[0]] = q.sqnr(reference, ours)
        print(f"{names}: {figures[names[0]]:.1f} dB")
    check(figures["smooth"] >= figures["mse"] + 6, "SmoothQuant lifts W8A8 by less than 6 dB")
    files = []
    for maker in ("nearest", "gptq"):
        recipe.write_text(json.dumps({"algorithms": [maker], "weights": "s4", "group": 128, "activations": "float"}))
        files.append(folder / f"{maker}.onnx")
        quern("quantize", model, f"--calibrate={calibration}", f"--recipe={recipe}", "-o", files[-1])
    for layer, (nearest, gptq) in measure_layers(model, files, samples).items():
        print(f"{layer}: output error of gptq {gptq / nearest:.2f} of that of the nearest codes")
        check(gptq < nearest, f"{layer}: gptq is worse than the nearest codes")


def main():
    if sys.argv[1] == "digits":
        run_digits(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        {"depthwise": run_depthwise, "fewer-bits": run_fewer_bits, "outliers": run_outliers}[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
    print("done")


if __name__ == "__main__":
    main()
