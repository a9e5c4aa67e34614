#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Transformers of real shape with outlier channels, as large language models have them.

usage: outliers.py SHAPE FOLDER [--layers N] [--samples N] [--seed N]

Writes FOLDER/SHAPE.onnx (random weights; SHAPE is vit_s or bert_base, by their widths and lengths)
and a data set, calibrate.json and evaluate.json, of hidden states. In every layer some channels of
the normalizations are 20 to 100 times as large as the others, and the weights behind them as much
smaller: the float model is an ordinary one, its activations per tensor are not.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh

SHAPES = {"vit_s": dict(width=384, heads=6, length=197), "bert_base": dict(width=768, heads=12, length=128)}
OUTLIERS = 6


class Builder:
    def __init__(self, width, heads, length, random):
        self.width, self.heads, self.length, self.random = width, heads, length, random
        self.nodes, self.constants = [], {}

    def constant(self, name, value):
        self.constants[name] = np.asarray(value)
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(h.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def norm(self, x, name):
        """A normalization, and the factors that its outlier channels have."""
        factors = np.ones(self.width, np.float32)
        factors[self.random.choice(self.width, OUTLIERS, replace=False)] = self.random.uniform(20, 100, OUTLIERS)
        scale = self.random.uniform(0.5, 1.5, self.width).astype(np.float32) * factors
        shift = (0.1 * self.random.normal(size=self.width)).astype(np.float32) * factors
        return self.node("LayerNormalization", [x, self.constant(f"{name}.scale", scale), self.constant(f"{name}.shift", shift)], name), factors

    def linear(self, x, inputs, outputs, name, factors=None):
        weights = (self.random.normal(size=(inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)
        if factors is not None:
            weights /= factors[:, None]
        product = self.node("MatMul", [x, self.constant(f"{name}.weight", weights)], f"{name}.product")
        bias = (0.05 * self.random.normal(size=outputs)).astype(np.float32)
        return self.node("Add", [product, self.constant(f"{name}.bias", bias)], name)

    def split_heads(self, x, name, order):
        shape = self.constant("head_shape", np.int64([1, self.length, self.heads, self.width // self.heads]))
        return self.node("Transpose", [self.node("Reshape", [x, shape], f"{name}.split")], f"{name}.heads", perm=order)

    def attention(self, x, name, factors):
        q, k, v = (self.linear(x, self.width, self.width, f"{name}.{part}", factors) for part in "qkv")
        q, k, v = self.split_heads(q, f"{name}.q", [0, 2, 1, 3]), self.split_heads(k, f"{name}.k", [0, 2, 3, 1]), self.split_heads(v, f"{name}.v", [0, 2, 1, 3])
        root = self.constant("root", np.float32(1 / np.sqrt(self.width // self.heads)))
        scores = self.node("Mul", [self.node("MatMul", [q, k], f"{name}.scores"), root], f"{name}.scaled")
        mixed = self.node("MatMul", [self.node("Softmax", [scores], f"{name}.weights", axis=-1), v], f"{name}.mixed")
        joined = self.node("Transpose", [mixed], f"{name}.joined", perm=[0, 2, 1, 3])
        flat = self.node("Reshape", [joined, self.constant("flat_shape", np.int64([1, self.length, self.width]))], f"{name}.flat")
        return self.linear(flat, self.width, self.width, f"{name}.out")

    def layer(self, x, name):
        normal, factors = self.norm(x, f"{name}.norm1")
        x = self.node("Add", [x, self.attention(normal, f"{name}.attention", factors)], f"{name}.sum1")
        normal, factors = self.norm(x, f"{name}.norm2")
        up = self.linear(normal, self.width, 4 * self.width, f"{name}.up", factors)
        down = self.linear(self.node("Relu", [up], f"{name}.relu"), 4 * self.width, self.width, f"{name}.down")
        return self.node("Add", [x, down], f"{name}.sum2")


def make(shape, layers, random):
    builder = Builder(**SHAPES[shape], random=random)
    x = "hidden"
    for number in range(layers):
        x = builder.layer(x, f"layer{number}")
    dims = [1, builder.length, builder.width]
    graph = h.make_graph(builder.nodes, shape, [h.make_tensor_value_info("hidden", TensorProto.FLOAT, dims)],
                         [h.make_tensor_value_info(x, TensorProto.FLOAT, dims)],
                         [nh.from_array(value, name) for name, value in builder.constants.items()])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8), dims


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    model, dims = make(options.shape, options.layers, random)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, options.folder / f"{options.shape}.onnx")
    np.save(options.folder / "hidden.npy", random.normal(size=(options.samples, *dims[1:])).astype(np.float32))
    for name, remainder in (("calibrate", 0), ("evaluate", 1)):
        (options.folder / f"{name}.json").write_text(json.dumps(
            {"rows": {"modulo": 2, "remainders": [remainder]}, "inputs": {"hidden": {"array": "hidden.npy"}}}))


if __name__ == "__main__":
    main()
