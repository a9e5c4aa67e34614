#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real models against ONNX Runtime (QONNX against numpy): accuracy, agreement, signal to noise.

usage: real_models.py SHARED [--made DIR] [--only NAME,…] [--images N] [--target T]

SHARED holds models/ and data/ (see docs/testing.md); --made holds the models that SHARED's
bench/make_models.py writes (mobilenetv2, resnet50, vit_s, bert_base, mlp; *_fp32.onnx and
*_qdq.onnx). Each line is one check with its figure and its bound; exit status 1 if one fails.
"""
import argparse
import csv
import gzip
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

import quern_e2e as q

FAILED = []


def check(name, what, figure, holds, bound):
    print(f"{'ok  ' if holds else 'FAIL'} {name}: {what} {figure:.3f} (bound: {bound})", flush=True)
    if not holds:
        FAILED.append(name)


def rows_of(labels, limit):
    with open(labels, newline="") as f:
        rows = list(csv.reader(f))
    if not rows[0][-1].strip().isdigit() and not rows[0][1].strip().isdigit():
        rows = rows[1:]
    return rows[:limit]


def imagenet(shared, limit, transform):
    folder = shared / "data/imagenet500"
    for row in rows_of(folder / "labels.csv", limit):
        image = Image.open(folder / row[0]).convert("RGB").resize((224, 224))
        yield transform(np.asarray(image, np.float32)), int(row[1])


def normalized(pixels):
    mean, std = np.float32([.485, .456, .406]), np.float32([.229, .224, .225])
    return ((pixels / 255 - mean) / std).transpose(2, 0, 1)[None]


def bgr(pixels):
    return (pixels[:, :, ::-1] - np.float32([104, 117, 123])).transpose(2, 0, 1)[None].copy()


def cifar(shared, limit):
    folder = shared / "data/cifar10_2000"
    mean, std = np.float32([.4914, .4822, .4465]), np.float32([.2470, .2435, .2616])
    for row in rows_of(folder / "labels.csv", limit):
        pixels = np.asarray(Image.open(folder / row[0]).convert("RGB"), np.float32) / 255
        yield ((pixels - mean) / std).transpose(2, 0, 1)[None], int(row[1])


def mnist(shared, limit, scale):
    with gzip.open(shared / "data/mnist/t10k-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 1, 1, 28, 28)
    with gzip.open(shared / "data/mnist/t10k-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)
    for image, label in zip(images[:limit], labels[:limit]):
        yield image.astype(np.float32) * np.float32(scale), int(label)


class Ours:
    """A model compiled by us: called like a function on one input."""

    def __init__(self, path, target, folder, shape=None):
        model = onnx.load(path, load_external_data=False)
        inits = {i.name for i in model.graph.initializer}
        entry = next(i for i in model.graph.input if i.name not in inits)
        self.name, self.half = entry.name, entry.type.tensor_type.elem_type == onnx.TensorProto.FLOAT16
        self.output = q.file_name(model.graph.output[0].name)
        flags = [f"--shape={self.name}={'x'.join(map(str, shape))}"] if shape else []
        self.program = q.compile_model(path, folder / Path(path).stem, target, flags)

    def __call__(self, x):
        x = x.astype(np.float16) if self.half else x
        return q.run_program(self.program, {self.name: x})[self.output].astype(np.float32)


class Qonnx:
    """What the nodes of a QONNX model mean, in numpy: ONNX Runtime does not know `Quant`."""

    def __init__(self, path):
        self.graph = onnx.load(path).graph
        self.values = {i.name: onnx.numpy_helper.to_array(i) for i in self.graph.initializer}
        self.name = self.graph.input[0].name

    @staticmethod
    def quant(x, scale, zero_point, bits, signed, narrow, **_):
        low, high = (-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1 - narrow)
        return (np.rint(np.clip(x / scale + zero_point, low, high)) - zero_point) * scale

    def node(self, node, i):
        a = {x.name: onnx.helper.get_attribute_value(x) for x in node.attribute}
        simple = {"Mul": np.multiply, "Sub": np.subtract, "Add": np.add, "Div": np.divide, "Pow": np.power,
                  "MatMul": np.matmul, "Transpose": lambda x: x.transpose(a["perm"]),
                  "Shape": lambda x: np.array(x.shape), "Gather": lambda x, at: np.take(x, at, a["axis"]),
                  "Unsqueeze": lambda x: np.reshape(x, [1]), "Concat": lambda *x: np.concatenate(x, a["axis"]),
                  "Reshape": np.reshape, "Quant": lambda *x: self.quant(*x, **a),
                  "BatchNormalization": lambda x, w, b, m, v: (x - m) / np.sqrt(v + np.float32(a["epsilon"])) * w + b}
        return simple[node.op_type](*i)

    def __call__(self, x):
        values = {**self.values, self.name: x}
        for node in self.graph.node:
            values[node.output[0]] = self.node(node, [values[i] for i in node.input])
        return values[self.graph.output[0].name].astype(np.float32)


class Theirs:
    def __init__(self, path, optimized=True):
        self.session = q.session(path, optimized)
        self.name, self.half = self.session.get_inputs()[0].name, self.session.get_inputs()[0].type == "tensor(float16)"

    def __call__(self, x):
        x = x.astype(np.float16) if self.half else x
        return self.session.run(None, {self.name: x})[0].astype(np.float32)


def top1(args, name, path, images, ours_bound, agreement_bound=None, shape=None, exact=None, judge=Theirs):
    """Accuracy against ONNX Runtime's on the same images, and how often both agree.

    On small sets one image may always differ, whatever the bounds in percent say.
    """
    images = list(images)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Ours(path, args.target, Path(folder), shape), judge(path)
        right = reference = agree = 0
        worst = 0.0
        for x, label in images:
            a, b = ours(x).ravel(), theirs(x).ravel()
            right += int(a.argmax()) == label
            reference += int(b.argmax()) == label
            agree += int(a.argmax() == b.argmax())
            worst = max(worst, float(np.abs(a - b).max() / np.abs(b).max()))
    n = len(images)
    ours_bound = max(ours_bound, 100 / n) if ours_bound else 0
    agreement_bound = agreement_bound and min(agreement_bound, 100 - 100 / n)
    ours_top1, theirs_top1 = 100 * right / n, 100 * reference / n
    check(name, f"top-1 over {n}", ours_top1, abs(ours_top1 - theirs_top1) <= ours_bound,
          f"{theirs_top1:.2f} of the reference +- {ours_bound}")
    if agreement_bound:
        check(name, "agreement %", 100 * agree / n, 100 * agree / n >= agreement_bound, f">= {agreement_bound}")
    if exact:
        check(name, "largest error / max|y|", worst, worst <= exact, f"<= {exact}")


def noise(args, name, inputs):
    """SQNR against ORT's unoptimized run and against the float model, both relative to ORT's own."""
    quantized, real = args.made / f"{name}_qdq.onnx", args.made / f"{name}_fp32.onnx"
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(quantized, args.target, Path(folder))
        plain, fast, float_model = Theirs(quantized, False), Theirs(quantized), Theirs(real)
        runs = [(ours(x), plain(x), fast(x), float_model(x)) for x in inputs]
    stack = [np.concatenate([r[i].ravel() for r in runs]) for i in range(4)]
    against_plain, own = q.sqnr(stack[1], stack[0]), q.sqnr(stack[1], stack[2])
    against_float, theirs = q.sqnr(stack[3], stack[0]), q.sqnr(stack[3], stack[2])
    check(name, "SQNR dB against ORT unoptimized", against_plain, against_plain >= own - 1, f">= {own:.2f} - 1")
    check(name, "SQNR dB against float", against_float, against_float >= theirs - 0.5, f">= {theirs:.2f} - 0.5")


def faces(shared, limit):
    for path in sorted((shared / "data/ultraface").glob("*.jpg"))[:limit]:
        pixels = np.asarray(Image.open(path).convert("RGB").resize((320, 240)), np.float32)
        yield ((pixels - 127) / 128).transpose(2, 0, 1)[None]


def scenes(shared, limit):
    """YOLOX takes blue first, 0 to 255, on a grey canvas."""
    for row in rows_of(shared / "data/imagenet500/labels.csv", limit):
        canvas = np.full((416, 416, 3), 114, np.float32)
        image = Image.open(shared / "data/imagenet500" / row[0]).convert("RGB").resize((416, 312))
        canvas[:312] = np.asarray(image, np.float32)[:, :, ::-1]
        yield canvas.transpose(2, 0, 1)[None].copy()


def contents(shared, limit):
    """The first and last 1,024 bytes of files, 256 where there is none."""
    files = sorted(p for p in (shared / "data/magika/basic").rglob("*") if p.is_file())
    for path in files[:: max(1, len(files) // limit)][:limit]:
        data = np.frombuffer(path.read_bytes(), np.uint8).astype(np.int32)
        x = np.full((1, 2048), 256, np.int32)
        x[0, : min(1024, data.size)] = data[:1024]
        tail = data[-1024:]
        x[0, 2048 - tail.size :] = tail
        yield x


def outputs(args, name, path, inputs, bound, shape=None):
    """Every output against ONNX Runtime's: the largest error relative to the output's largest value."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Ours(path, args.target, Path(folder), shape), q.session(path)
        for x in inputs:
            found = q.run_program(ours.program, {ours.name: x})
            for output, expected in zip(theirs.get_outputs(), theirs.run(None, {ours.name: x})):
                value = found[q.file_name(output.name)]
                worst = max(worst, float(np.abs(value - expected).max() / np.abs(expected).max()))
    check(name, "largest error / max|y|", worst, worst <= bound, f"<= {bound}")


def random_inputs(path, count):
    model = onnx.load(path, load_external_data=False)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    return [np.random.default_rng(100 + i).standard_normal(shape).astype(np.float32) for i in range(count)]


def models(args):
    m, s, n = args.shared / "models", args.shared, args.images
    one = (1, 3, 224, 224)
    yield "mobilenetv2_qoperator", lambda name: top1(args, name, m / "mobilenetv2_qoperator/mobilenet_v2_quant.onnx", imagenet(s, n, normalized), 1, 97)
    yield "mobilenetv2_dynamic_u8", lambda name: top1(args, name, m / "mobilenetv2_dynamic_u8/model_uint8.onnx", imagenet(s, n, normalized), 1, None, one)
    yield "mobilenetv2_fp32", lambda name: top1(args, name, m / "mobilenetv2_fp32/mobilenetv2.onnx", imagenet(s, n, normalized), 0, None, one, 1e-3)
    yield "squeezenet_fp16", lambda name: top1(args, name, m / "squeezenet_fp16/SqueezeNet_fp16.onnx", imagenet(s, n, bgr), 1, 97)
    for kind in ("model_int8", "model"):
        yield f"tinycnn_{kind}", lambda name, kind=kind: top1(args, name, m / f"tinycnn_cifar10/{kind}.onnx", cifar(s, 10 * n), 0.3)
    yield "mnist", lambda name: top1(args, name, m / "mnist/mnist-8.onnx", mnist(s, 10 * n, 1), 0.1)
    yield "qonnx_tfc_2w2a", lambda name: top1(args, name, m / "qonnx_tfc_2w2a/TFC_2W2A.onnx", mnist(s, 10 * n, 1 / 255), 0.1, 99.5, judge=Qonnx)
    few = max(4, n // 20)
    yield "ultraface", lambda name: outputs(args, name, m / "ultraface/version-RFB-320.onnx", faces(s, few), 1e-4)
    yield "yolox_nano", lambda name: outputs(args, name, m / "yolox_nano/yolox_nano.onnx", scenes(s, few), 1e-3)
    yield "magika", lambda name: outputs(args, name, m / "magika/standard_v3_3.onnx", contents(s, n), 1e-3, (1, 2048))
    if args.made:
        count = max(16, n // 10)
        yield "mobilenetv2", lambda name: noise(args, name, [x for x, _ in imagenet(s, 64 + count, normalized)][64:])
        for made in ("resnet50", "vit_s", "bert_base", "mlp"):
            yield made, lambda name: noise(args, name, random_inputs(args.made / f"{name}_fp32.onnx", 16))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("shared", type=Path)
    a.add_argument("--made", type=Path)
    a.add_argument("--only")
    a.add_argument("--images", type=int, default=200)
    a.add_argument("--target", default="native")
    args = a.parse_args()
    for name, run in models(args):
        if args.only and name not in args.only.split(","):
            continue
        try:
            run(name)
        except RuntimeError as error:
            print(f"FAIL {name}: {error}", flush=True)
            FAILED.append(name)
    print(f"{len(set(FAILED))} models failed" if FAILED else "all checks hold")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
