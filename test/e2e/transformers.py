#!/usr/bin/env python3
# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Transformers as exporters and ONNX Runtime's tools write them: numbers and dispatches.

usage: transformers.py [--full] [--only NAME,…] [--target T]

Small BERTs in many spellings (see transformer_models.py), plain, fused by ONNX Runtime, and quantized
in several ways, must give ONNX Runtime's numbers and the dispatches of the plain export: as many
products, normalizations and softmaxes, and at most a few maps more. Each line is one check; exit
status 1 if one fails. Without --full a selection runs.
"""
import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper as h

import quern_e2e as q
import transformer_models as t

FAILED = []
Style = t.Style
STYLES = {
    "base": Style(),
    "gemm": Style(linear="gemm", gelu="erf_mul", norm="pow_div", scale="mul", mask="where", shapes="computed"),
    "bias_first": Style(linear="bias_first", gelu="erf_half_first", norm="cast_pow", scale="on_query", mask="bool"),
    "both": Style(gelu="erf_gate_half", norm="twice", scale="on_both", mask="none", sequence=33, batch=2),
    "reciprocal": Style(gelu="tanh_pow", norm="by_reciprocal", opset=18, mask="float_input"),
    "tensorflow": Style(gelu="tanh_mul", norm="reciprocal"),
    "fast": Style(gelu="tanh_fast", norm="pow_div"),
    "gelu_op": Style(gelu="op", opset=20),
    "gelu_op_tanh": Style(gelu="op_tanh", opset=20),
    "div_two": Style(gelu="erf_div_two", norm="mul_div"),
    "affine": Style(gelu="erf_gate_affine"),
    "one": Style(sequence=1),
    "batch": Style(batch=3, sequence=9, shapes="computed", linear="gemm"),
    "long": Style(sequence=128, norm="pow_div"),
    "longer": Style(sequence=384, mask="where"),
}
QUICK = {
    "base": "plain tool session dynamic dynamic_session dynamic_tool static islands",
    "gemm": "plain tool session islands",
    "bias_first": "plain dynamic_u8",
    "both": "plain islands",
    "reciprocal": "plain session",
    "tensorflow": "plain",
    "fast": "plain tool",
    "gelu_op": "plain",
    "gelu_op_tanh": "plain",
    "div_two": "plain",
    "one": "plain islands",
    "longer": "plain",
}
EVERY = "plain tool session dynamic dynamic_channels dynamic_u8 dynamic_session dynamic_tool static static_session islands"


def check(name, what, holds, found):
    print(f"{'ok  ' if holds else 'FAIL'} {name}: {what}: {found}", flush=True)
    if not holds:
        FAILED.append(name)


def make(kind, base, target, style):
    """The model of this kind, or None where ONNX Runtime's tool cannot make it (it knows some norms only)."""
    from onnxruntime.quantization import QuantType
    first, _, rest = kind.partition("_")
    if first == "plain":
        return base
    if first == "tool":
        return t.optimize(base, target, style) if style.norm not in ("mul_div", "by_reciprocal", "twice") else None
    if first == "session":
        return t.save_session(base, target)
    if rest == "session":
        return t.save_session(make(first, base, f"{target}.{first}.onnx", style), target)
    if rest == "tool":
        fused = make("tool", base, f"{target}.tool.onnx", style)
        return fused and t.quantize_dynamically(fused, target)
    if first == "dynamic":
        options = {"channels": {"per_channel": True, "reduce_range": True}, "u8": {"weight_type": QuantType.QUInt8}}
        return t.quantize_dynamically(base, target, **options.get(rest, {}))
    options = {"op_types_to_quantize": ["MatMul", "Gemm"]} if kind == "islands" else {}
    return t.quantize_statically(base, target, style, **options)


def anchors(explained):
    """How many dispatches have which op that is no map: a prologue or epilogue says nothing. Of a softmax
    behind a product both count; "softmax apart" are those that have a dispatch of their own."""
    counts = Counter()
    for dispatch in json.loads(Path(explained).read_text())["dispatches"]:
        ops = [op for op in dispatch["ops"].split("+") if op not in ("map", "relayout")]
        counts[ops[0] if ops else "map"] += 1
        counts["softmax"] += "softmax" in ops[1:]
        counts["softmax apart"] += ops[:1] == ["softmax"]
    return counts


def compare(name, model, feeds, target, folder, bound):
    """Compiles and runs; the least signal to noise over the outputs must reach `bound`."""
    explained = folder / "explained.json"
    program = q.compile_model(model, folder / "program", target, [f"--explain={explained}"])
    ours = q.run_program(program, feeds)
    session = q.session(model, optimized=False)
    expected = session.run(None, {i.name: feeds[i.name] for i in session.get_inputs()})
    noise = min(q.sqnr(e, ours[q.file_name(o.name)]) for o, e in zip(session.get_outputs(), expected))
    check(name, f"SQNR dB against ONNX Runtime (bound {bound})", noise >= bound, f"{noise:.1f}")
    return anchors(explained)


#: Codes that lie between two may round either way, and everything after them follows: layers of QDQ
#: differ from ONNX Runtime's by as much as ONNX Runtime's own two ways of running them.
BOUNDS = {"static": 20, "islands": 28, "dynamic": 35}


def run_style(name, kinds, args):
    style = STYLES[name]
    feeds = t.feeds(style, 7)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        base = folder / "base.onnx"
        onnx.save(t.build(style), base)
        for kind in kinds:
            model = make(kind, base, folder / f"{kind}.onnx", style)
            if model is None:
                continue
            label = f"{name}_{kind}"
            bound = BOUNDS.get(kind.split("_")[0], 90)
            found = compare(label, model, feeds, args.target, folder, bound)
            apart = found.pop("softmax apart")
            # What is rounded before and after the scaling, and then masked, has a table between.
            if not kind.startswith("static") and args.target != "portable":
                check(label, "softmaxes behind their products", not apart, apart or "all")
            judge_form(label, kind, expected_form(style), found, style)


def expected_form(style):
    """The anchors of a BERT: per layer 6 linear products and 2 of attention, 2 norms, a softmax."""
    return Counter(matmul=8 * style.layers + 1, layer_norm=2 * style.layers + 1, softmax=style.layers, gather=3)


def judge_form(label, kind, expected, found, style):
    kept = ["matmul", "layer_norm", "softmax"]
    # What the quantizer rounds inside of a spelled-out norm has to stay apart.
    if kind.startswith("static") and style.norm != "op":
        kept.remove("layer_norm")
    wrong = {op: found[op] for op in kept if found[op] != expected[op]}
    check(label, "products, norms, softmaxes", not wrong, wrong or "as in a plain export")
    if not kind.startswith("dynamic"):
        others = sum(found.values()) - sum(expected.values())
        # Four moves of heads per layer and the mask; in quantized models a table and quantizes, too.
        most = 4 * style.layers + 2 if kind in ("plain", "tool", "session") else 7 * style.layers + 2
        check(label, f"other dispatches (bound {most})", others <= most, others)


# Single operators.


def operator(kind, inputs, outputs, domain="com.microsoft", opset=17, **attributes):
    """A model of one node. `inputs` are (name, array, is constant) or None; `outputs` names to types."""
    given = [i for i in inputs if i]
    node = h.make_node(kind, [i[0] if i else "" for i in inputs], list(outputs), name=kind, domain=domain, **attributes)
    types = [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(a.dtype), a.shape) for n, a, constant in given if not constant]
    results = [h.make_tensor_value_info(n, kind_, None) for n, kind_ in outputs.items() if n]
    weights = [onnx.numpy_helper.from_array(a, n) for n, a, constant in given if constant]
    graph = h.make_graph([node], "g", types, results, weights)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset), h.make_opsetid("com.microsoft", 1)])
    model.ir_version = 10
    return model, {n: a for n, a, constant in given if not constant}


def operators(rng):
    """name, (model, feeds)"""
    real = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    run, weight = lambda n, a: (n, a, False), lambda n, a: (n, a, True)
    f = {"y": TensorProto.FLOAT}
    x, mask = real(2, 5, 16), np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    w, b = weight("w", real(16, 48)), weight("b", real(48))
    attention = lambda m, **a: operator("Attention", [run("x", x), w, b, m and run("m", m)], f, num_heads=4, **a)
    yield "Attention", operator("Attention", [run("x", x), w, b], f, num_heads=4)
    for name, m in (("keys", mask), ("counts", np.array([3, 5], np.int32)), ("ranges", np.array([3, 5, 1, 0], np.int32)),
                    ("pairs", np.tril(np.ones((2, 5, 5), np.int32)))):
        yield f"Attention_{name}", operator("Attention", [run("x", x), w, b, run("m", m)], f, num_heads=4)
    yield "Attention_causal", operator("Attention", [run("x", x), w, b], f, num_heads=2, unidirectional=1, scale=0.3)
    yield "Attention_widths", operator("Attention", [run("x", x), weight("w", real(16, 40)), weight("b", real(40)), None, None, run("r", real(2, 4, 5, 5))], f, num_heads=4, qkv_hidden_sizes=[16, 16, 8])
    codes = rng.integers(0, 256, (2, 5, 16)).astype(np.uint8)
    for name, kind, scales in (("tensor", np.int8, 1), ("channel", np.int8, 48), ("unsigned", np.uint8, 1)):
        low, high = np.iinfo(kind).min, np.iinfo(kind).max
        stored = rng.integers(low, high + 1, (16, 48)).astype(kind)
        scale = np.float32(0.02) if scales == 1 else rng.uniform(0.01, 0.03, scales).astype(np.float32)
        zero = kind(3) if scales == 1 else np.zeros(scales, kind)
        yield f"QAttention_{name}", operator("QAttention", [run("x", codes), weight("w", stored), b, weight("sx", np.float32(0.02)), weight("sw", np.asarray(scale)), run("m", mask), weight("zx", np.uint8(120)), weight("zw", np.asarray(zero))], f, num_heads=4)
    q_, k, v, bias = run("q", real(2, 5, 16)), run("k", real(2, 7, 16)), run("v", real(2, 7, 16)), weight("b", real(48))
    yield "MultiHeadAttention", operator("MultiHeadAttention", [q_, k, v, bias, run("m", np.array([[1] * 4 + [0] * 3, [1] * 7], np.int32)), run("r", real(2, 4, 5, 7))], f, num_heads=4)
    yield "MultiHeadAttention_past", operator("MultiHeadAttention", [q_, run("k", real(2, 5, 16)), run("v", real(2, 5, 16)), None, None, None, run("pk", real(2, 4, 3, 4)), run("pv", real(2, 4, 3, 4))], {**f, "key": TensorProto.FLOAT, "value": TensorProto.FLOAT}, num_heads=4, unidirectional=1)
    ids, kinds = rng.integers(0, 20, (2, 5)).astype(np.int32), rng.integers(0, 2, (2, 5)).astype(np.int32)
    tables = [weight("words", real(20, 16)), weight("positions", real(12, 16)), weight("kinds", real(2, 16)), weight("g", real(16)), weight("c", real(16))]
    yield "EmbedLayerNormalization", operator("EmbedLayerNormalization", [run("ids", ids), run("segments", kinds), *tables, run("m", mask)], {**f, "counts": TensorProto.INT32, "sum": TensorProto.FLOAT}, epsilon=1e-6)
    yield "EmbedLayerNormalization_positions", operator("EmbedLayerNormalization", [run("ids", ids), None, tables[0], tables[1], None, *tables[3:], None, run("at", rng.integers(0, 12, (2, 5)).astype(np.int32))], {**f, "counts": TensorProto.INT32}, epsilon=1e-6)
    yield "QuickGelu", operator("QuickGelu", [run("x", x)], f, alpha=1.702)
    yield "SkipSimplifiedLayerNormalization", operator("SkipSimplifiedLayerNormalization", [run("x", x), run("s", real(2, 5, 16)), weight("g", real(16))], f, epsilon=1e-6)
    yield from rotary(rng, real, run)
    yield from standard(rng, real, run)
    yield from products(rng, real, run, weight)


def rotary(rng, real, run):
    f = {"y": TensorProto.FLOAT}
    angles = rng.uniform(0, 6, (12, 2)).astype(np.float32)
    tables = [("cos", np.cos(angles), True), ("sin", np.sin(angles), True)]
    at = run("at", rng.integers(0, 12, (2, 5)))
    for interleaved in (0, 1):
        yield f"RotaryEmbedding_{interleaved}", operator("RotaryEmbedding", [run("x", real(2, 4, 5, 4)), *tables, at], f, "", 23, interleaved=interleaved)
        yield f"RotaryEmbedding_microsoft_{interleaved}", operator("RotaryEmbedding", [run("x", real(2, 5, 16)), run("at", np.array([3], np.int64)), *tables], f, interleaved=interleaved)
    yield "RotaryEmbedding_part", operator("RotaryEmbedding", [run("x", real(2, 5, 24)), *tables, at], f, "", 23, num_heads=4, rotary_embedding_dim=4)


def standard(rng, real, run):
    """Attention of operator set 23."""
    f = {"y": TensorProto.FLOAT}
    q_, k, v = run("q", real(2, 4, 5, 8)), run("k", real(2, 2, 7, 8)), run("v", real(2, 2, 7, 6))
    yield "standard_grouped", operator("Attention", [q_, k, v, run("m", rng.random((5, 7)) < 0.8)], f, "", 23)
    yield "standard_causal", operator("Attention", [q_, k, v, run("m", real(2, 4, 5, 7))], f, "", 23, is_causal=1, scale=0.2)
    yield "standard_flat", operator("Attention", [run("q", real(2, 5, 32)), run("k", real(2, 5, 16)), run("v", real(2, 5, 16)), None, run("pk", real(2, 2, 3, 8)), run("pv", real(2, 2, 3, 8))], {**f, "key": TensorProto.FLOAT, "value": TensorProto.FLOAT}, "", 23, q_num_heads=4, kv_num_heads=2, is_causal=1)
    yield "standard_softcap", operator("Attention", [q_, k, v], f, "", 23, softcap=2.0)


def products(rng, real, run, weight):
    f = {"y": TensorProto.FLOAT}
    x = real(3, 5, 16)
    for kind, zero in ((np.int8, None), (np.uint8, 128), (np.int8, 2)):
        info = np.iinfo(kind)
        stored = weight("w", rng.integers(info.min, info.max + 1, (16, 24)).astype(kind))
        for count in (1, 24):
            scale = weight("sw", rng.uniform(0.01, 0.03, () if count == 1 else count).astype(np.float32))
            zeros = None if zero is None else weight("zw", np.full(() if count == 1 else count, zero, kind))
            name = f"{kind.__name__}_{'none' if zero is None else zero}_{count}"
            yield f"DynamicQuantizeMatMul_{name}", operator("DynamicQuantizeMatMul", [run("x", x), stored, scale, zeros, weight("b", real(24))], f)
            yield f"MatMulIntegerToFloat_{name}", operator("MatMulIntegerToFloat", [run("x", rng.integers(0, 256, (3, 5, 16)).astype(np.uint8)), stored, run("sx", np.float32([0.05])), scale, run("zx", np.uint8([99])), zeros], f)


def run_operators(args):
    chosen = args.only.split(",") if args.only else None
    for name, (model, feeds) in operators(np.random.default_rng(5)):
        if chosen and name not in chosen:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "operator.onnx"
            onnx.save(model, path)
            try:
                # A code that rounds the other way is a step of the result.
                bound = 40 if name.startswith("DynamicQuantize") else 100
                compare(name, path, feeds, args.target, Path(scratch), bound)
            except RuntimeError as error:
                check(name, "compiles and runs", False, error)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--full", action="store_true")
    a.add_argument("--only")
    a.add_argument("--target", default="native")
    args = a.parse_args()
    run_operators(args)
    for name in STYLES:
        kinds = (EVERY if args.full else QUICK.get(name, "")).split()
        if args.only and name not in args.only.split(","):
            continue
        try:
            run_style(name, kinds, args)
        except RuntimeError as error:
            check(name, "compiles and runs", False, error)
    print(f"{len(FAILED)} checks failed" if FAILED else "all checks hold")
    return 1 if FAILED else 0


if __name__ == "__main__":
    import logging
    logging.disable(logging.CRITICAL)
    sys.exit(main())
