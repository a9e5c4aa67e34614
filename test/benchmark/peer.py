#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A model on another runtime, served as `MODEL --serve` does (contestant.py has the protocol).

usage: peer.py ort|openvino MODEL.onnx THREADS
"""
import sys
import time

import numpy as np
import onnx

TYPES = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.INT64: np.int64, onnx.TensorProto.INT32: np.int32,
         onnx.TensorProto.UINT8: np.uint8, onnx.TensorProto.INT8: np.int8}


def make_inputs(path):
    """Fixed values: normal ones for floats, 0 or 1 for integers (an index is always in its table)."""
    graph, rng = onnx.load(path, load_external_data=False).graph, np.random.default_rng(0)
    constants = {i.name for i in graph.initializer}
    feeds = {}
    for value in graph.input:
        if value.name in constants:
            continue
        shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
        dtype = TYPES[value.type.tensor_type.elem_type]
        array = rng.standard_normal(shape) if dtype == np.float32 else rng.integers(0, 2, shape)
        feeds[value.name] = array.astype(dtype)
    return feeds


def load_ort(path, threads, feeds):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, feeds)


def load_openvino(path, threads, feeds):
    import openvino
    config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
              "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": "f32"}
    request = openvino.Core().compile_model(path, "CPU", config).create_infer_request()
    for name, array in feeds.items():
        request.set_tensor(name, openvino.Tensor(array))
    return request.infer


def main():
    kind, path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    run = {"ort": load_ort, "openvino": load_openvino}[kind](path, threads, make_inputs(path))
    run()
    print("ready", flush=True)
    for line in sys.stdin:
        latencies = []
        for _ in range(int(line)):
            start = time.perf_counter_ns()
            run()
            latencies.append(time.perf_counter_ns() - start)
        print(*latencies, flush=True)


if __name__ == "__main__":
    main()
