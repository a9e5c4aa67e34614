# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small float models with random weights, for tests of what is done to models: a language model and a classifier of images."""
import numpy as np
from onnx import TensorProto, helper as h, numpy_helper as nh


def make(nodes, inputs, outputs, constants):
    graph = h.make_graph(nodes, "g", inputs, outputs, [nh.from_array(np.asarray(v), k) for k, v in constants.items()])
    return h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)


def weights(random, *shape, gain=1.0):
    return (random.normal(0, gain, shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def make_language_model(random, length, vocabulary, width=32, layers=1):
    """ids int64 [1, length] -> logits [1, length, vocabulary]: an embedding, residual blocks of two products with a
    Relu between them, and the head. No token looks at another."""
    constants = {"embedding": random.normal(0, 1, (vocabulary, width)).astype(np.float32)}
    nodes = [h.make_node("Gather", ["embedding", "ids"], ["h0"], name="embed")]
    for i in range(layers):
        constants |= {f"up{i}": weights(random, 2 * width, width).T.copy(), f"down{i}": weights(random, width, 2 * width).T.copy()}
        nodes += [
            h.make_node("MatMul", [f"h{i}", f"up{i}"], [f"u{i}"], name=f"block{i}.up"),
            h.make_node("Relu", [f"u{i}"], [f"r{i}"], name=f"block{i}.relu"),
            h.make_node("MatMul", [f"r{i}", f"down{i}"], [f"d{i}"], name=f"block{i}.down"),
            h.make_node("Add", [f"h{i}", f"d{i}"], [f"h{i + 1}"], name=f"block{i}.add"),
        ]
    constants["head"] = weights(random, vocabulary, width, gain=3).T.copy()
    nodes.append(h.make_node("MatMul", [f"h{layers}", "head"], ["logits"], name="head"))
    return make(nodes, [h.make_tensor_value_info("ids", TensorProto.INT64, [1, length])],
                [h.make_tensor_value_info("logits", TensorProto.FLOAT, [1, length, vocabulary])], constants)


def make_image_model(random, side, classes, width=16):
    """x f32 [1, 3, side, side] -> y [1, classes]: two convolutions with Relu, the mean over pixels, and a product."""
    constants = {
        "w1": weights(random, width, 3, 3, 3), "b1": random.normal(0, 0.1, width).astype(np.float32),
        "w2": weights(random, width, width, 1, 1), "b2": random.normal(0, 0.1, width).astype(np.float32),
        "w3": weights(random, classes, width, gain=3), "b3": np.zeros(classes, np.float32),
    }
    nodes = [
        h.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="first", pads=[1, 1, 1, 1]), h.make_node("Relu", ["c1"], ["a1"], name="relu1"),
        h.make_node("Conv", ["a1", "w2", "b2"], ["c2"], name="second"), h.make_node("Relu", ["c2"], ["a2"], name="relu2"),
        h.make_node("GlobalAveragePool", ["a2"], ["p"], name="pool"), h.make_node("Flatten", ["p"], ["f"], name="flatten"),
        h.make_node("Gemm", ["f", "w3", "b3"], ["y"], name="last", transB=1),
    ]
    return make(nodes, [h.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
                [h.make_tensor_value_info("y", TensorProto.FLOAT, [1, classes])], constants)
