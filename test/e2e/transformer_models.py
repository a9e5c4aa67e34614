# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Small BERTs in the node patterns that exporters write, and what ONNX Runtime's tools make of them."""
import sys
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper as h, numpy_helper as nh


@dataclass(frozen=True)
class Style:
    """How an exporter spells things; the numbers that come out are the same."""

    linear: str = "matmul"  # matmul | bias_first | gemm
    gelu: str = "erf_div"  # see Graph.gelu
    norm: str = "op"  # see Graph.norm
    scale: str = "div"  # div | mul | on_query | on_both: where 1 / sqrt(head size) is
    mask: str = "sub_mul"  # none | sub_mul | where | bool | float_input
    shapes: str = "constant"  # constant | computed: the shapes of the head split
    opset: int = 17
    batch: int = 1
    sequence: int = 7
    hidden: int = 64
    heads: int = 4
    layers: int = 2
    vocabulary: int = 50


class Graph:
    def __init__(self, style, seed=0):
        self.s, self.rng = style, np.random.default_rng(seed)
        self.nodes, self.inits, self.count = [], [], 0

    def const(self, array, name=None):
        self.count += 1
        name = name or f"onnx::const_{self.count}"
        self.inits.append(nh.from_array(np.asarray(array), name))
        return name

    def real(self, value):
        return self.const(np.float32(value))

    def ints(self, *values):
        return self.const(np.array(values, np.int64))

    def op(self, kind, *inputs, **attributes):
        self.count += 1
        out = f"/{kind}_{self.count}_output_0"
        self.nodes.append(h.make_node(kind, list(inputs), [out], name=f"/{kind}_{self.count}", **attributes))
        return out

    def mean(self, x):
        if self.s.opset >= 18:
            return self.op("ReduceMean", x, self.ints(-1), keepdims=1)
        return self.op("ReduceMean", x, axes=[-1], keepdims=1)

    def norm(self, x, d, name):
        scale = self.const(self.rng.uniform(0.5, 1.5, d).astype(np.float32), f"{name}.weight")
        bias = self.const((self.rng.standard_normal(d) * 0.1).astype(np.float32), f"{name}.bias")
        kind = self.s.norm
        if kind == "op":
            return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-12)
        centred = self.op("Sub", x, self.mean(x))
        if kind == "pow_div":  # torch before opset 17
            square = self.op("Pow", centred, self.real(2))
        elif kind == "cast_pow":  # torch with the exponent or the result cast
            square = self.op("Pow", self.op("Cast", centred, to=TensorProto.FLOAT), self.real(2))
        elif kind == "twice":  # the difference computed once more (Keras, old torch)
            again = self.op("Sub", x, self.mean(x))
            square = self.op("Mul", again, again)
        else:
            square = self.op("Mul", centred, centred)
        deviation = self.op("Sqrt", self.op("Add", self.mean(square), self.real(1e-12)))
        if kind == "reciprocal":  # TensorFlow: x * (scale / deviation) + (bias - mean * …)
            factor = self.op("Mul", self.op("Reciprocal", deviation), scale)
            offset = self.op("Sub", bias, self.op("Mul", self.nodes_mean(centred), factor))
            return self.op("Add", self.op("Mul", x, factor), offset)
        if kind == "by_reciprocal":
            normal = self.op("Mul", centred, self.op("Reciprocal", deviation))
        else:
            normal = self.op("Div", centred, deviation)
        return self.op("Add", bias, self.op("Mul", scale, normal)) if kind == "twice" else self.op("Add", self.op("Mul", normal, scale), bias)

    def nodes_mean(self, centred):
        """The mean that `centred` was made with."""
        return next(n for n in self.nodes if n.output[0] == centred).input[1]

    def gelu(self, x):
        kind, half, one = self.s.gelu, self.real(0.5), self.real(1)
        if kind == "op":
            return self.op("Gelu", x)
        if kind == "op_tanh":
            return self.op("Gelu", x, approximate="tanh")
        if kind.startswith("erf"):
            scaled = self.op("Mul", x, self.real(0.5**0.5)) if kind == "erf_mul" else self.op("Div", x, self.real(1.4142135))
            gate = self.op("Add", self.op("Erf", scaled), one)
            if kind == "erf_half_first":  # (0.5 x)(1 + erf)
                return self.op("Mul", self.op("Mul", half, x), gate)
            if kind == "erf_gate_half":  # x (0.5 (1 + erf))
                return self.op("Mul", x, self.op("Mul", half, gate))
            if kind == "erf_div_two":
                return self.op("Div", self.op("Mul", x, gate), self.real(2))
            if kind == "erf_gate_affine":  # x (0.5 + 0.5 erf)
                return self.op("Mul", self.op("Add", self.op("Mul", self.op("Erf", scaled), half), half), x)
            return self.op("Mul", self.op("Mul", x, gate), half)
        if kind == "tanh_pow":  # gelu_new
            cube = self.op("Pow", x, self.real(3))
        elif kind == "tanh_mul":
            cube = self.op("Mul", x, self.op("Mul", x, x))
        if kind == "tanh_fast":  # gelu_fast: tanh(x * 0.79788456 * (1 + 0.044715 x x))
            inner = self.op("Add", one, self.op("Mul", self.op("Mul", self.real(0.044715), x), x))
            tanh = self.op("Tanh", self.op("Mul", self.op("Mul", x, self.real(0.7978845608)), inner))
        else:
            inner = self.op("Add", x, self.op("Mul", cube, self.real(0.044715)))
            tanh = self.op("Tanh", self.op("Mul", inner, self.real((2 / np.pi) ** 0.5)))
        return self.op("Mul", self.op("Mul", x, half), self.op("Add", tanh, one))

    def linear(self, x, inputs, outputs, name):
        weights = (self.rng.standard_normal((inputs, outputs)) * 1.5 / inputs**0.5).astype(np.float32)
        bias = self.const((self.rng.standard_normal(outputs) * 0.1).astype(np.float32), f"{name}.bias")
        s = self.s
        if s.linear == "gemm":
            w = self.const(np.ascontiguousarray(weights.T), f"{name}.weight")
            flat = self.op("Reshape", x, self.ints(-1, inputs))
            y = self.op("Gemm", flat, w, bias, transB=1)
            return self.op("Reshape", y, self.ints(s.batch, -1, outputs))
        y = self.op("MatMul", x, self.const(weights, f"{name}.weight"))
        return self.op("Add", bias, y) if s.linear == "bias_first" else self.op("Add", y, bias)

    def head_shape(self, x):
        s = self.s
        if s.shapes == "constant":
            return self.ints(s.batch, s.sequence, s.heads, s.hidden // s.heads)
        shape = self.op("Shape", x)
        dims = [self.op("Unsqueeze", self.op("Gather", shape, self.const(np.int64(d)), axis=0), self.ints(0)) for d in (0, 1)]
        return self.op("Concat", *dims, self.ints(s.heads), self.ints(s.hidden // s.heads), axis=0)

    def scores(self, q, k):
        root = (self.s.hidden // self.s.heads) ** 0.5
        if self.s.scale == "on_query":
            q = self.op("Mul", q, self.real(1 / root))
        elif self.s.scale == "on_both":  # scaled_dot_product_attention
            q, k = (self.op("Mul", t, self.real(root**-0.5)) for t in (q, k))
        y = self.op("MatMul", q, k)
        if self.s.scale == "div":
            return self.op("Div", y, self.real(root))
        return self.op("Mul", y, self.real(1 / root)) if self.s.scale == "mul" else y

    def attention(self, x, mask, name):
        s = self.s
        q, k, v = (self.linear(x, s.hidden, s.hidden, f"{name}.self.{part}") for part in ("query", "key", "value"))
        q, k, v = (self.op("Reshape", t, self.head_shape(t)) for t in (q, k, v))
        q, v = (self.op("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, v))
        k = self.op("Transpose", k, perm=[0, 2, 3, 1])
        y = self.scores(q, k)
        if mask:
            y = self.op("Where", mask, y, self.real(-3.4e38)) if s.mask == "bool" else self.op("Add", y, mask)
        y = self.op("MatMul", self.op("Softmax", y, axis=-1), v)
        y = self.op("Transpose", y, perm=[0, 2, 1, 3])
        return self.op("Reshape", y, self.ints(s.batch, s.sequence, s.hidden))

    def layer(self, x, mask, name):
        s = self.s
        y = self.linear(self.attention(x, mask, f"{name}.attention"), s.hidden, s.hidden, f"{name}.attention.output")
        x = self.norm(self.op("Add", y, x), s.hidden, f"{name}.attention.norm")
        y = self.gelu(self.linear(x, s.hidden, 4 * s.hidden, f"{name}.intermediate"))
        y = self.linear(y, 4 * s.hidden, s.hidden, f"{name}.output")
        return self.norm(self.op("Add", y, x), s.hidden, f"{name}.norm")

    def mask(self):
        kind = self.s.mask
        if kind == "none":
            return None
        if kind == "float_input":
            return "attention_mask"
        m = self.op("Unsqueeze", self.op("Unsqueeze", "attention_mask", self.ints(1)), self.ints(2))
        if kind == "bool":
            return self.op("Cast", m, to=TensorProto.BOOL)
        if kind == "where":  # (1 - expanded).masked_fill(…, lowest)
            m = self.op("Expand", m, self.ints(self.s.batch, 1, self.s.sequence, self.s.sequence))
            inverted = self.op("Sub", self.real(1), self.op("Cast", m, to=TensorProto.FLOAT))
            chosen = self.op("Cast", inverted, to=TensorProto.BOOL)
            return self.op("Where", chosen, self.real(np.finfo(np.float32).min), inverted)
        inverted = self.op("Sub", self.real(1), self.op("Cast", m, to=TensorProto.FLOAT))
        return self.op("Mul", inverted, self.real(-10000))

    def embeddings(self):
        s = self.s
        table = lambda rows, name: self.const(self.rng.standard_normal((rows, s.hidden)).astype(np.float32), f"embeddings.{name}.weight")
        word = self.op("Gather", table(s.vocabulary, "word_embeddings"), "input_ids")
        kind = self.op("Gather", table(2, "token_type_embeddings"), "token_type_ids")
        at = self.const(np.arange(s.sequence, dtype=np.int64)[None], "position_ids")
        position = self.op("Gather", table(max(s.sequence, 16), "position_embeddings"), at)
        return self.norm(self.op("Add", self.op("Add", word, kind), position), s.hidden, "embeddings.norm")

    def pooler(self, x):
        s = self.s
        first = self.op("Gather", x, self.const(np.int64(0)), axis=1)
        w = self.const((self.rng.standard_normal((s.hidden, s.hidden)) / s.hidden**0.5).astype(np.float32), "pooler.weight")
        b = self.const(np.zeros(s.hidden, np.float32), "pooler.bias")
        return self.op("Tanh", self.op("Gemm", first, w, b, transB=1))


def build(style, seed=0):
    """A BERT with inputs input_ids, token_type_ids and, unless mask is none, attention_mask."""
    g = Graph(style, seed)
    x, mask = g.embeddings(), g.mask()
    for i in range(style.layers):
        x = g.layer(x, mask, f"encoder.layer.{i}")
    last, pooled = g.op("Identity", x), g.pooler(x)
    g.nodes[-1].output[0] = "pooler_output"
    next(n for n in g.nodes if n.output[0] == last).output[0] = "last_hidden_state"
    shape = [style.batch, style.sequence]
    inputs = [h.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "token_type_ids")]
    if style.mask == "float_input":
        inputs.append(h.make_tensor_value_info("attention_mask", TensorProto.FLOAT, [style.batch, 1, 1, style.sequence]))
    elif style.mask != "none":
        inputs.append(h.make_tensor_value_info("attention_mask", TensorProto.INT64, shape))
    outputs = [h.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, style.hidden]),
               h.make_tensor_value_info("pooler_output", TensorProto.FLOAT, [style.batch, style.hidden])]
    graph = h.make_graph(g.nodes, "bert", inputs, outputs, g.inits)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", style.opset)])
    model.ir_version = 9
    onnx.checker.check_model(model, full_check=True)
    return model


def feeds(style, seed=0):
    """Random inputs; with a mask, the last third of each sequence is hidden."""
    rng, shape = np.random.default_rng(seed + 1000), (style.batch, style.sequence)
    result = {"input_ids": rng.integers(0, style.vocabulary, shape), "token_type_ids": rng.integers(0, 2, shape)}
    seen = np.ones(shape, np.int64)
    seen[:, style.sequence - style.sequence // 3:] = 0
    if style.mask == "float_input":
        result["attention_mask"] = np.where(seen[:, None, None, :], 0, -10000).astype(np.float32)
    elif style.mask != "none":
        result["attention_mask"] = seen
    return result


class FixedShapes:
    """Types by tensor name, for fusions that ask: ONNX Runtime's own helper needs sympy. Fused nodes
    keep the names of what they replace, so the types of the original model serve."""

    known = {}

    def __init__(self, model):
        self.known_vi_ = {name: h.make_tensor_value_info(name, *known) for name, known in self.known.items()}

    def infer(self, dynamic_axis_mapping):
        return True

    def get_edge_shape(self, edge):
        return FixedShapes.known[edge][1] if edge in FixedShapes.known else None

    def compare_shape(self, edge, other):
        a, b = self.get_edge_shape(edge), self.get_edge_shape(other)
        if a is None or b is None:
            raise ValueError(f"no shape is known for {edge} or {other}")
        return a == b

    @classmethod
    def learn(cls, path):
        graph = onnx.shape_inference.infer_shapes(onnx.load(str(path)), data_prop=True).graph
        cls.known = {i.name: (i.data_type, list(i.dims)) for i in graph.initializer}
        for v in (*graph.input, *graph.value_info, *graph.output):
            t = v.type.tensor_type
            cls.known[v.name] = (t.elem_type, [d.dim_value for d in t.shape.dim])


def optimize(source, target, style, options=()):
    """What onnxruntime.transformers.optimizer makes of the model: fused com.microsoft operators.

    `options` are names of FusionOptions to switch on, or off with a leading minus."""
    from onnxruntime.transformers import optimizer, shape_infer_helper
    from onnxruntime.transformers.fusion_options import FusionOptions
    sys.modules["shape_infer_helper"] = shape_infer_helper
    shape_infer_helper.SymbolicShapeInferenceHelper = FixedShapes
    FixedShapes.learn(source)
    chosen = FusionOptions("bert")
    for name in options:
        setattr(chosen, name.lstrip("-"), not name.startswith("-"))
    made = optimizer.optimize_model(str(source), "bert", num_heads=style.heads, hidden_size=style.hidden,
                                    optimization_options=chosen, opt_level=0)
    made.save_model_to_file(str(target))
    return target


def quantize_dynamically(source, target, **options):
    from onnxruntime.quantization import quantize_dynamic
    quantize_dynamic(str(source), str(target), extra_options={"DefaultTensorType": TensorProto.FLOAT}, **options)
    return target


def quantize_statically(source, target, style, **options):
    """QDQ with u8 activations and s8 weights per channel, calibrated on three random inputs."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rows = iter([feeds(style, seed) for seed in range(3)])

        def get_next(self):
            return next(self.rows, None)

    quantize_static(str(source), str(target), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                    extra_options={"DefaultTensorType": TensorProto.FLOAT}, **options)
    return target


def operators(path):
    """How often each operator occurs, by domain and name."""
    counts = {}
    for node in onnx.load(str(path), load_external_data=False).graph.node:
        key = f"{node.domain}::{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
        counts[key] = counts.get(key, 0) + 1
    return counts


def save_session(source, target, level="EXTENDED"):
    """The graph that an ONNX Runtime session runs: its own fusions, which differ from the tool's."""
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_ENABLE_{level}")
    options.optimized_model_filepath = str(target)
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return target
