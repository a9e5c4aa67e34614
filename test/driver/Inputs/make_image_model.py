# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes a model that returns its input plus 1: make_image_model.py OUT TYPE DIM..."""

import sys

import onnx
from onnx import TensorProto, helper

out, kind, dims = sys.argv[1], getattr(TensorProto, sys.argv[2]), list(map(int, sys.argv[3:]))
one = helper.make_tensor("one", kind, [], [1])
graph = helper.make_graph(
    [helper.make_node("Add", ["x", "one"], ["y"], name="add")],
    "g",
    [helper.make_tensor_value_info("x", kind, dims)],
    [helper.make_tensor_value_info("y", kind, dims)],
    [one],
)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), out)
