# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a model of one matrix product and an activation: make_model.py OUT [OP [EXTERNAL [ROWS]]]."""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

out, operator = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "Relu"
rows = int(sys.argv[4]) if len(sys.argv) > 4 else 2
weights = np.sin(np.arange(64 * 8, dtype=np.float32)).reshape(64, 8)
graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node(operator, ["h"], ["y"], name="act"),
    ],
    "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, 64])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, 8])],
    [numpy_helper.from_array(weights, "w")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
external = [name for name in sys.argv[3:4] if name]
onnx.save(
    model,
    out,
    save_as_external_data=bool(external),
    location=external[0] if external else None,
    size_threshold=0,
)
