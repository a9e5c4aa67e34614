# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small QDQ models for the GPU tests: int8 ones that a GPU must compute to the bit, and ones of 8-bit floats."""
import ml_dtypes
import numpy as np
from onnx import TensorProto as T, helper as h, numpy_helper as nh

E4M3 = ml_dtypes.float8_e4m3fn


class Graph:
    """A builder: each method adds nodes and returns its output's name."""

    def __init__(self, seed, floats=False):
        self.rng, self.floats = np.random.default_rng(seed), floats
        self.nodes, self.inits, self.inputs, self.feeds = [], [], [], {}

    def const(self, array):
        name = f"c{len(self.inits)}"
        self.inits.append(nh.from_array(np.asarray(array), name))
        return name

    def codes(self, values):
        """A constant of the activations' or weights' code type."""
        if not self.floats:
            return self.const(values)
        name = f"c{len(self.inits)}"
        raw = np.asarray(values, np.float32).astype(E4M3)
        self.inits.append(h.make_tensor(name, T.FLOAT8E4M3FN, raw.shape, raw.tobytes(), raw=True))
        return name

    def op(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(h.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def input(self, *shape, spread=1.0):
        name = f"x{len(self.inputs)}"
        self.feeds[name] = (self.rng.standard_normal(shape) * spread).astype(np.float32)
        self.inputs.append(h.make_tensor_value_info(name, T.FLOAT, shape))
        return name

    def quantize(self, x, spread=1.0):
        """QuantizeLinear and DequantizeLinear for values of about this size."""
        scale = self.const(np.float32(spread / (100 if self.floats else 42)))
        zero = self.codes(np.float32(0)) if self.floats else self.const(np.uint8(self.rng.integers(100, 140)))
        return self.op("DequantizeLinear", self.op("QuantizeLinear", x, scale, zero), scale, zero)

    def weight(self, shape, channel_axis, terms):
        n = shape[channel_axis]
        scale = (self.rng.uniform(0.5, 1.5, n) / terms**0.5 / (40 if self.floats else 42)).astype(np.float32)
        values = self.rng.standard_normal(shape) * 40
        codes = self.codes(values if self.floats else np.clip(np.rint(values), -127, 127).astype(np.int8))
        zero = self.codes(np.zeros(n, np.float32 if self.floats else np.int8))
        return self.op("DequantizeLinear", codes, self.const(scale), zero, axis=channel_axis)

    def bias(self, n):
        return self.const((self.rng.standard_normal(n) * 0.1).astype(np.float32))

    def linear(self, x, terms, n):
        return self.op("Add", self.op("MatMul", x, self.weight((terms, n), 1, terms)), self.bias(n))

    def conv(self, x, channels, n, kernel, **attributes):
        group = attributes.get("group", 1)
        w = self.weight((n, channels // group, kernel, kernel), 0, channels // group * kernel * kernel)
        return self.op("Conv", x, w, self.bias(n), kernel_shape=[kernel] * 2, **attributes)

    def model(self, *outputs):
        results = [h.make_tensor_value_info(name, T.FLOAT, None) for name in outputs]
        graph = h.make_graph(self.nodes, "g", self.inputs, results, self.inits)
        model = h.make_model(graph, opset_imports=[h.make_opsetid("", 21)])
        model.ir_version = 10
        return model


def mlp(floats=False):
    """Edges in all dimensions of a tile; relu; a residual."""
    g = Graph(1, floats)
    x = g.quantize(g.input(37, 96))
    y = g.quantize(g.op("Relu", g.linear(x, 96, 160)))
    z = g.quantize(g.op("Add", g.linear(y, 160, 96), x))
    return g, g.model(g.quantize(g.linear(z, 96, 10)))


def wide(floats=False):
    """More than one tile in both dimensions, and many steps of the reduction."""
    g = Graph(2, floats)
    x = g.quantize(g.input(200, 272))
    y = g.quantize(g.op("Gelu", g.quantize(g.linear(x, 272, 300))))
    return g, g.model(y)


def product(floats=False):
    """One product of many terms."""
    g = Graph(5, floats)
    return g, g.model(g.quantize(g.linear(g.quantize(g.input(70, 420)), 420, 90)))


def convolution(floats=False):
    """One convolution, at whose edges the halo is read."""
    g = Graph(6, floats)
    x = g.quantize(g.input(2, 40, 13, 11))
    return g, g.model(g.quantize(g.op("Relu", g.conv(x, 40, 72, 3, strides=[1, 2], pads=[1] * 4))))


def convolutions(floats=False):
    """Pads, strides, dilations, groups, depthwise, channels that are and are not multiples of 16; a pool."""
    g = Graph(3, floats)
    x = g.quantize(g.input(1, 3, 21, 19))
    x = g.quantize(g.op("Relu", g.conv(x, 3, 24, 3, strides=[2, 2], pads=[1] * 4)))
    x = g.quantize(g.op("Relu", g.conv(x, 24, 24, 3, group=24, pads=[1] * 4)))
    y = g.quantize(g.conv(x, 24, 48, 1))
    z = g.quantize(g.op("Relu", g.conv(y, 48, 48, 3, pads=[2] * 4, dilations=[2, 2])))
    z = g.quantize(g.conv(z, 48, 48, 3, pads=[1] * 4, group=2))
    x = g.quantize(g.op("Add", y, z))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    x = g.quantize(g.op("GlobalAveragePool", x))
    return g, g.model(g.quantize(g.linear(g.op("Flatten", x), 48, 10)))


def rows(floats=False):
    """An odd number of rows, longer and shorter than half a warp, padded nowhere."""
    g = Graph(7, floats)
    x, y = g.input(5, 37), g.input(3, 9)
    scale = g.const((1 + 0.1 * g.rng.standard_normal(37)).astype(np.float32))
    norm = g.op("LayerNormalization", x, scale, g.bias(37), axis=-1, epsilon=1e-5)
    return g, g.model(g.op("Softmax", x, axis=-1), g.op("LogSoftmax", x, axis=-1), norm, g.op("Softmax", y, axis=-1))


def transformer(floats=False):
    """Layer normalization, softmax, products of activations, transposes."""
    g = Graph(4, floats)
    x = g.input(1, 12, 32)
    y = g.quantize(g.op("LayerNormalization", x, g.const(np.ones(32, np.float32)), g.bias(32), axis=-1, epsilon=1e-5))
    heads = g.const(np.array([1, 12, 2, 16], np.int64))
    q, k, v = (g.op("Reshape", g.quantize(g.linear(y, 32, 32)), heads) for _ in range(3))
    q, v = (g.op("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, v))
    s = g.op("Mul", g.op("MatMul", q, g.op("Transpose", k, perm=[0, 2, 3, 1])), g.const(np.float32(0.25)))
    a = g.quantize(g.op("MatMul", g.quantize(g.op("Softmax", s, axis=-1), 0.3), v))
    a = g.op("Reshape", g.op("Transpose", a, perm=[0, 2, 1, 3]), g.const(np.array([1, 12, 32], np.int64)))
    return g, g.model(g.quantize(g.op("Add", x, g.linear(a, 32, 32))))


MODELS = {f.__name__: f for f in (product, convolution, mlp, rows, wide, convolutions, transformer)}
