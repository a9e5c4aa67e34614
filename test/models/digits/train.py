#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Trains the shipped digits classifier and writes it as a QDQ ONNX model, with sample images.

usage: train.py [OUT]      (default: the folder of this script)

A small residual network on scikit-learn's bundled 8x8 digits: 3x3 convolutions, a residual add,
global average pooling, one linear layer. Plain numpy (im2col and Adam), quantized by onnxruntime's
static QDQ quantizer. Everything is seeded: the same versions write the same files.
Files: digits_fp32.onnx, digits.onnx (QDQ, u8 activations, s8 weights per channel), samples/*.png
(the file name starts with the true digit), test_images.npy, test_labels.npy.
"""
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from PIL import Image
from sklearn.datasets import load_digits

RNG = np.random.default_rng(8)
LAYERS = {"conv1": (16, 1, 1), "conv2": (32, 16, 2), "conv3": (32, 32, 1)}  # outputs, inputs, stride


def patches(x, stride):
    """[N, C, H, W] -> [N, H', W', C*9] for 3x3 windows with a border of one."""
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::stride, ::stride]
    return view.transpose(0, 2, 3, 1, 4, 5).reshape(*view.shape[:1], *view.shape[2:4], -1)


def conv(x, weight, bias, stride):
    columns = patches(x, stride)
    y = columns @ weight.reshape(len(weight), -1).T + bias
    return y.transpose(0, 3, 1, 2), columns


def conv_gradients(dy, columns, weight, stride, shape):
    dy = dy.transpose(0, 2, 3, 1)
    dw = (dy.reshape(-1, dy.shape[-1]).T @ columns.reshape(-1, columns.shape[-1])).reshape(weight.shape)
    dcolumns = (dy @ weight.reshape(len(weight), -1)).reshape(*dy.shape[:3], weight.shape[1], 3, 3)
    dx = np.zeros((shape[0], shape[1], shape[2] + 2, shape[3] + 2), np.float32)
    for ky in range(3):
        for kx in range(3):
            rows = slice(ky, ky + stride * dy.shape[1], stride)
            cols = slice(kx, kx + stride * dy.shape[2], stride)
            dx[:, :, rows, cols] += dcolumns[..., ky, kx].transpose(0, 3, 1, 2)
    return dw, dy.sum((0, 1, 2)), dx[:, :, 1:-1, 1:-1]


def initial_parameters():
    p = {}
    for name, (out, inp, _) in LAYERS.items():
        p[name + ".w"] = (RNG.standard_normal((out, inp, 3, 3)) * (2 / (9 * inp)) ** 0.5).astype(np.float32)
        p[name + ".b"] = np.zeros(out, np.float32)
    p["fc.w"] = (RNG.standard_normal((32, 10)) / 32**0.5).astype(np.float32)
    p["fc.b"] = np.zeros(10, np.float32)
    return p


def forward(p, x):
    """Logits and what the backward pass needs."""
    a1, c1 = conv(x, p["conv1.w"], p["conv1.b"], 1)
    h1 = np.maximum(a1, 0)
    a2, c2 = conv(h1, p["conv2.w"], p["conv2.b"], 2)
    h2 = np.maximum(a2, 0)
    a3, c3 = conv(h2, p["conv3.w"], p["conv3.b"], 1)
    h3 = np.maximum(a3 + h2, 0)
    pooled = h3.mean((2, 3))
    return pooled @ p["fc.w"] + p["fc.b"], (x, c1, h1, c2, h2, c3, h3, pooled)


def gradients(p, x, labels):
    logits, (x, c1, h1, c2, h2, c3, h3, pooled) = forward(p, x)
    e = np.exp(logits - logits.max(1, keepdims=True))
    d = e / e.sum(1, keepdims=True)
    d[np.arange(len(labels)), labels] -= 1
    d /= len(labels)
    g = {"fc.w": pooled.T @ d, "fc.b": d.sum(0)}
    d3 = np.broadcast_to((d @ p["fc.w"].T / h3[0, 0].size)[:, :, None, None], h3.shape) * (h3 > 0)
    g["conv3.w"], g["conv3.b"], d2 = conv_gradients(d3, c3, p["conv3.w"], 1, h2.shape)
    d2 = (d2 + d3) * (h2 > 0)
    g["conv2.w"], g["conv2.b"], d1 = conv_gradients(d2, c2, p["conv2.w"], 2, h1.shape)
    g["conv1.w"], g["conv1.b"], _ = conv_gradients(d1 * (h1 > 0), c1, p["conv1.w"], 1, x.shape)
    return g


def train(x, labels, epochs=30, batch=32, rate=3e-3):
    p = initial_parameters()
    m = {k: np.zeros_like(v) for k, v in p.items()}
    v = {k: np.zeros_like(w) for k, w in p.items()}
    step = 0
    for epoch in range(epochs):
        order = RNG.permutation(len(x))
        for i in range(0, len(x), batch):
            rows, step = order[i:i + batch], step + 1
            lr = rate * (1 - epoch / epochs)
            for k, grad in gradients(p, x[rows], labels[rows]).items():
                m[k] = 0.9 * m[k] + 0.1 * grad
                v[k] = 0.999 * v[k] + 0.001 * grad**2
                p[k] = (p[k] - lr * (m[k] / (1 - 0.9**step)) / (np.sqrt(v[k] / (1 - 0.999**step)) + 1e-8)).astype(np.float32)
    return p


def to_onnx(p):
    def conv_node(name, x, y):
        return helper.make_node("Conv", [x, name + ".w", name + ".b"], [y], name=name, kernel_shape=[3, 3],
                                strides=[LAYERS[name][2]] * 2, pads=[1] * 4)
    nodes = [conv_node("conv1", "image", "a1"), helper.make_node("Relu", ["a1"], ["h1"], name="relu1"),
             conv_node("conv2", "h1", "a2"), helper.make_node("Relu", ["a2"], ["h2"], name="relu2"),
             conv_node("conv3", "h2", "a3"), helper.make_node("Add", ["a3", "h2"], ["s3"], name="add3"),
             helper.make_node("Relu", ["s3"], ["h3"], name="relu3"),
             helper.make_node("GlobalAveragePool", ["h3"], ["p"], name="pool"),
             helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
             helper.make_node("Gemm", ["f", "fc.w", "fc.b"], ["logits"], name="fc")]
    graph = helper.make_graph(nodes, "digits",
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
                              [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
                              [numpy_helper.from_array(w, k) for k, w in p.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="quern-digits")
    model.ir_version = 9
    onnx.checker.check_model(model, full_check=True)
    return model


class Rows(CalibrationDataReader):
    def __init__(self, images):
        self.rows = iter(images)

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {"image": row[None]}


def main():
    out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    (out / "samples").mkdir(parents=True, exist_ok=True)
    data = load_digits()
    images = (data.images[:, None] / 16).astype(np.float32)  # gray levels 0..16 -> 0..1
    order = RNG.permutation(len(images))
    test, training = order[:360], order[360:]
    p = train(images[training], data.target[training])
    accuracy = (forward(p, images[test])[0].argmax(1) == data.target[test]).mean()
    print(f"float accuracy on {len(test)} held-out images: {100 * accuracy:.2f} %")
    onnx.save(to_onnx(p), out / "digits_fp32.onnx")
    quantize_static(str(out / "digits_fp32.onnx"), str(out / "digits.onnx"), Rows(images[training[:200]]),
                    quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8)
    np.save(out / "test_images.npy", (images[test] * 16).astype(np.uint8))
    np.save(out / "test_labels.npy", data.target[test].astype(np.uint8))
    for digit in range(10):
        index = test[data.target[test] == digit][0]
        pixels = (data.images[index] * 255 / 16).round().astype(np.uint8)
        Image.fromarray(pixels).save(out / "samples" / f"{digit}.png")


if __name__ == "__main__":
    main()
