# Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels against NumPy, and the bits of all targets against each other.

Usage: kernels.py [PREFIX...]: the cases whose names start so, or all.
"""

import sys

import numpy as np

from kernel_runner import TARGETS, Tensor, run

random = np.random.default_rng(7)
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def dispatch(inputs, body, results, fill=None):
    """A module with one dispatch: %a0, %a1 … are its operands; `body` ends with quern.return."""
    args = ", ".join(f"%x{i}: {t}" for i, t in enumerate(inputs))
    inside = ", ".join(f"%a{i}: {t}" for i, t in enumerate(inputs))
    names = ", ".join(f"%x{i}" for i in range(len(inputs)))
    filled = f" fill {fill}" if fill else ""
    outs = results[0] if len(results) == 1 else "(" + ", ".join(results) + ")"
    values = ", ".join(f"%r#{i}" for i in range(len(results))) if len(results) > 1 else "%r"
    count = f":{len(results)}" if len(results) > 1 else ""
    return f"""func.func @main({args}) -> ({", ".join(results)}) {{
  %r{count} = quern.dispatch ins({names} : {", ".join(inputs)}){filled} {{
  ^bb0({inside}):
{body}
  }} -> {", ".join(results)}
  return {values} : {", ".join(results)}
}}
"""


def codes(shape, dtype=np.uint8):
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max + 1, shape, dtype)


def reals(shape):
    return random.normal(0, 2, shape).astype(np.float32)


def quantize(value, rank, element_shape, scale=10.0, zero=100, name="q"):
    """An epilogue map: f32 to ui8 codes."""
    dims = ", ".join(f"d{i}" for i in range(rank))
    return f"""    %{name} = quern.map ins({value} : tensor<{element_shape}xf32>)
        maps [affine_map<({dims}) -> ({dims})>] {{
      ^bb0(%e: f32):
        %factor = arith.constant {scale} : f32
        %scaled = arith.mulf %e, %factor : f32
        %c = quern.to_code %scaled zero_point {zero} range [0, 255]
        quern.yield %c : i32
    }} -> tensor<{element_shape}xui8>"""


def expect_codes(x, scale=10.0, zero=100):
    return np.clip(np.rint(x.astype(np.float32) * np.float32(scale)) + zero, 0, 255)


def window(x, kernel, strides, pads, dilations, value):
    """All windows of an NHWC tensor: [N, OH, OW, C, KH*KW]."""
    x = np.pad(x, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)), constant_values=value)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    views = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(1, 2))
    views = views[:, ::strides[0], ::strides[1], :, ::dilations[0], ::dilations[1]]
    return views.reshape(*views.shape[:4], -1)


def pool_case(kind, shape, element, kernel, strides, pads, dilations, halo=None, resultHalo=None,
              quantized=False):
    dtype = {"ui8": np.uint8, "si8": np.int8, "f32": np.float32}[element]
    x = reals(shape) if element == "f32" else codes(shape, dtype)
    low = -np.inf if element == "f32" else np.iinfo(dtype).min
    wide = x.astype(np.int32) if kind == "sum" and element != "f32" else x
    views = window(wide, kernel, strides, pads, dilations, low if kind == "max" else 0)
    expected = views.max(-1) if kind == "max" else views.sum(-1)
    out = element if kind == "max" or element == "f32" else "si32"
    dims = lambda s: "x".join(map(str, s))
    enc = f", #quern.padded<{halo}>" if halo else ""
    outEnc = f", #quern.padded<{resultHalo}>" if resultHalo else ""
    inType = f"tensor<{dims(shape)}x{element}{enc}>"
    plain = f"tensor<{dims(expected.shape)}x{out}>"
    outType = f"tensor<{dims(expected.shape)}x{out}{outEnc}>"
    last = plain if quantized else outType
    lists = lambda v: "[" + ", ".join(map(str, v)) + "]"
    body = (f"    %p = quern.pool {kind} %a0 kernel {lists(kernel)} strides {lists(strides)} pads "
            f"{lists(pads)} dilations {lists(dilations)} : {inType} -> {last}\n")
    if quantized:
        body += quantize("%p", 4, dims(expected.shape))
        outType = f"tensor<{dims(expected.shape)}xui8>"
        expected = expect_codes(expected)
        body += f"\n    quern.return %q : {outType}"
    else:
        body += f"    quern.return %p : {outType}"
    fill = "9 : i32" if resultHalo else None
    return dispatch([inType], body, [outType], fill), [x], [expected], [outType], 9


@case
def pool_max_resnet():
    return pool_case("max", (1, 28, 28, 64), "ui8", [3, 3], [2, 2], [1, 1, 1, 1], [1, 1])


@case
def pool_max_odd_channels():
    return pool_case("max", (2, 9, 7, 83), "si8", [3, 2], [1, 2], [1, 0, 1, 1], [1, 1])


@case
def pool_max_padded():
    return pool_case("max", (2, 8, 8, 20), "ui8", [3, 3], [1, 1], [1, 1, 1, 1], [1, 1],
                     halo="1, 1, 1, 1", resultHalo="2, 1, 1, 3")


@case
def pool_max_large():
    return pool_case("max", (1, 20, 20, 32), "ui8", [13, 13], [1, 1], [6, 6, 6, 6], [1, 1])


@case
def pool_max_real():
    return pool_case("max", (1, 9, 9, 19), "f32", [3, 3], [2, 2], [1, 1, 1, 1], [2, 1])


@case
def pool_max_quantized():
    return pool_case("max", (1, 9, 9, 70), "f32", [2, 2], [2, 2], [0, 0, 0, 0], [1, 1],
                     quantized=True)


@case
def pool_sum_codes():
    return pool_case("sum", (1, 7, 7, 100), "ui8", [3, 3], [1, 1], [1, 1, 1, 1], [1, 1])


@case
def pool_sum_real():
    return pool_case("sum", (2, 6, 6, 5), "f32", [2, 2], [1, 1], [0, 0, 1, 1], [1, 1])


def reduce_case(kind, shape, element, axes, halo=None, quantized=False):
    dtype = {"ui8": np.uint8, "si8": np.int8, "f32": np.float32}[element]
    x = reals(shape) if element == "f32" else codes(shape, dtype)
    wide = x.astype(np.float64) if element == "f32" else x.astype(np.int64)
    expected = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min,
                "prod": np.prod}[kind](wide, axis=tuple(axes), keepdims=True)
    out = "si32" if element != "f32" and kind == "sum" else element
    dims = lambda s: "x".join(map(str, s))
    enc = f", #quern.padded<{halo}>" if halo else ""
    inType = f"tensor<{dims(shape)}x{element}{enc}>"
    outType = f"tensor<{dims(expected.shape)}x{out}>"
    body = (f"    %p = quern.reduce {kind} %a0 axes [{', '.join(map(str, axes))}] : {inType} -> "
            f"{outType}\n")
    if quantized:
        body += quantize("%p", len(shape), dims(expected.shape))
        outType = f"tensor<{dims(expected.shape)}xui8>"
        expected = expect_codes(expected)
    body += f"\n    quern.return %{'q' if quantized else 'p'} : {outType}"
    return dispatch([inType], body, [outType]), [x], [expected], [outType], 0


@case
def reduce_global_average():
    return reduce_case("mean", (2, 7, 7, 75), "f32", [1, 2], quantized=True)


@case
def reduce_sum_codes():
    return reduce_case("sum", (1, 7, 7, 130), "ui8", [1, 2])


@case
def reduce_padded():
    return reduce_case("sum", (1, 5, 7, 3), "f32", [1, 2, 3], halo="1, 2, 0, 1")


@case
def reduce_rows():
    return reduce_case("mean", (3, 5, 37), "f32", [2])


@case
def reduce_all_max():
    return reduce_case("max", (1, 9, 11, 3), "f32", [0, 1, 2, 3])


@case
def reduce_sum_row_codes():
    return reduce_case("sum", (3, 171), "ui8", [1])


@case
def reduce_sum_signed_codes():
    return reduce_case("sum", (2, 5, 63), "si8", [2])


@case
def reduce_sum_long_row():
    return reduce_case("sum", (2, 961), "si8", [1])


@case
def reduce_sum_padded_codes():
    return reduce_case("sum", (1, 3, 5, 64), "ui8", [3], halo="1, 1, 1, 1")


@case
def reduce_max_nan():
    text, inputs, expected, types, fill = reduce_case("max", (2, 200), "f32", [1])
    inputs[0][:, :5], inputs[0][0, 30:90] = np.nan, np.nan
    return text, inputs, [np.nanmax(inputs[0], axis=1, keepdims=True)], types, fill


@case
def reduce_min_codes():
    return reduce_case("min", (4, 33), "si8", [1])


@case
def reduce_split():
    return reduce_case("sum", (3, 4, 5, 19), "f32", [0, 3])


def row_case(op, shape, reference, prologue=False, quantized=False, extra=()):
    dims = "x".join(map(str, shape))
    rank = len(shape)
    inType, realType = f"tensor<{dims}x{'si32' if prologue else 'f32'}>", f"tensor<{dims}xf32>"
    x = random.integers(-3000, 3000, shape, np.int32) if prologue else reals(shape)
    real = x.astype(np.float32) * np.float32(0.001) if prologue else x
    body, value = "", "%a0"
    if prologue:
        names = ", ".join(f"d{i}" for i in range(rank))
        body += f"""    %in = quern.map ins(%a0 : {inType}) maps [affine_map<({names}) -> ({names})>] {{
      ^bb0(%e: i32):
        %f = arith.sitofp %e : i32 to f32
        %s = arith.constant 0.001 : f32
        %m = arith.mulf %f, %s : f32
        quern.yield %m : f32
    }} -> {realType}
"""
        value = "%in"
    types = [f"tensor<{shape[-1]}xf32>" for _ in extra]
    body += "    %p = " + op(value, realType, types) + "\n"
    outType, expected = realType, reference(real.astype(np.float64), *extra)
    if quantized:
        body += quantize("%p", rank, dims, 200.0, 3)
        outType, expected = f"tensor<{dims}xui8>", expect_codes(expected, 200.0, 3)
    body += f"\n    quern.return %{'q' if quantized else 'p'} : {outType}"
    return dispatch([inType] + types, body, [outType]), [x, *extra], [expected], [outType], 0


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def softmax_case(shape, log=False, **options):
    op = lambda v, t, _: f"quern.softmax {v} {'{log} ' if log else ''}: {t}"
    return row_case(op, shape, (lambda x: np.log(softmax(x))) if log else softmax, **options)


@case
def softmax_attention():
    return softmax_case((2, 3, 5, 197), prologue=True, quantized=True)


@case
def softmax_small():
    return softmax_case((4, 10))


@case
def softmax_long():
    return softmax_case((2, 1000))


@case
def softmax_huge():
    return softmax_case((1, 20001))


@case
def softmax_log():
    return softmax_case((3, 75), log=True, prologue=True)


def layer_norm_case(shape, rms=False, bias=True, **options):
    extra = [reals(shape[-1]), reals(shape[-1])][:2 if bias else 1]

    def op(v, t, types):
        operands = ", ".join(f"%a{i + 1}" for i in range(len(types)))
        return (f"quern.layer_norm {v}, {operands} epsilon 1.0e-05{' rms' if rms else ''} : {t}, "
                f"{', '.join(types)} -> {t}")

    def reference(x, scale, shift=0.0):
        d = x if rms else x - x.mean(-1, keepdims=True)
        return d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-5) * scale + shift

    return row_case(op, shape, reference, extra=extra, **options)


@case
def layer_norm_bert():
    return layer_norm_case((3, 384), quantized=True)


@case
def layer_norm_prologue():
    return layer_norm_case((1, 5, 77), prologue=True)


@case
def layer_norm_rms():
    return layer_norm_case((4, 100), rms=True, bias=False)


def table_case(shape, element, out="ui8", quantized=False):
    dtype = {"ui8": np.uint8, "si8": np.int8, "f32": np.float32}
    x = codes(shape, dtype[element])
    table = reals(256) if out == "f32" else codes(256, dtype[out])
    expected = table[x.astype(np.int32) + (128 if element == "si8" else 0)]
    dims = "x".join(map(str, shape))
    inType, outType = f"tensor<{dims}x{element}>", f"tensor<{dims}x{out}>"
    body = f"    %p = quern.table %a0, %a1 : {inType}, tensor<256x{out}> -> {outType}\n"
    if quantized:
        body += quantize("%p", len(shape), dims)
        outType, expected = f"tensor<{dims}xui8>", expect_codes(expected)
    body += f"\n    quern.return %{'q' if quantized else 'p'} : {outType}"
    return (dispatch([inType, f"tensor<256x{out}>"], body, [outType]), [x, table], [expected],
            [outType], 0)


@case
def table_codes():
    return table_case((1, 37, 5, 71), "ui8")


@case
def table_signed():
    return table_case((100,), "si8", "si8")


@case
def table_real():
    return table_case((3, 33), "ui8", "f32", quantized=True)


@case
def concat_channels():
    a, c = codes((1, 5, 7, 19)), codes((1, 5, 7, 65))
    types = ["tensor<1x5x7x19xui8, #quern.padded<1, 1, 1, 1>>", "tensor<1x5x7x65xui8>"]
    out = "tensor<1x5x7x84xui8, #quern.padded<1, 1, 0, 2>>"
    body = (f"    %p = quern.concat %a0, %a1 axis 3 : {', '.join(types)} -> {out}\n"
            f"    quern.return %p : {out}")
    return (dispatch(types, body, [out], "9 : i32"), [a, c], [np.concatenate([a, c], 3)], [out], 9)


@case
def concat_thin():
    a, c = reals((2, 40, 1)), reals((2, 40, 2))
    types = ["tensor<2x40x1xf32>", "tensor<2x40x2xf32>"]
    body = (f"    %p = quern.concat %a0, %a1 axis 2 : {', '.join(types)} -> tensor<2x40x3xf32>\n" +
            quantize("%p", 3, "2x40x3") + "\n    quern.return %q : tensor<2x40x3xui8>")
    return (dispatch(types, body, ["tensor<2x40x3xui8>"]), [a, c],
            [expect_codes(np.concatenate([a, c], 2))], ["tensor<2x40x3xui8>"], 0)


@case
def pad_middle():
    x, v = codes((2, 5, 9, 4)), codes((1,))
    types = ["tensor<2x5x9x4xui8>", "tensor<1xui8>"]
    body = (f"    %p = quern.pad %a0, %a1 low [0, 2, 1, 0] : {', '.join(types)} -> "
            "tensor<2x8x13x4xui8>\n    quern.return %p : tensor<2x8x13x4xui8>")
    expected = np.pad(x, ((0, 0), (2, 1), (1, 3), (0, 0)), constant_values=v[0])
    return dispatch(types, body, ["tensor<2x8x13x4xui8>"]), [x, v], [expected], [
        "tensor<2x8x13x4xui8>"], 0


@case
def gather_embedding():
    x, i = reals((50, 77)), np.array([[3, -1, 49], [0, 100, -70]], np.int64)
    types = ["tensor<50x77xf32>", "tensor<2x3xsi64>"]
    body = (f"    %p = quern.gather %a0, %a1 axis 0 : {', '.join(types)} -> tensor<2x3x77xf32>\n"
            "    quern.return %p : tensor<2x3x77xf32>")
    expected = x[np.clip(np.where(i < 0, i + 50, i), 0, 49)]
    return dispatch(types, body, ["tensor<2x3x77xf32>"]), [x, i], [expected], [
        "tensor<2x3x77xf32>"], 0


@case
def gather_last():
    x, i = codes((5, 7, 9)), np.array([8, 0, 3], np.int32)
    types = ["tensor<5x7x9xui8>", "tensor<3xsi32>"]
    body = (f"    %p = quern.gather %a0, %a1 axis 2 : {', '.join(types)} -> tensor<5x7x3xui8>\n"
            "    quern.return %p : tensor<5x7x3xui8>")
    return dispatch(types, body, ["tensor<5x7x3xui8>"]), [x, i], [x[:, :, i]], [
        "tensor<5x7x3xui8>"], 0


@case
def relayout_halo():
    x, v = codes((2, 5, 6, 3)), codes((1,))
    out = "tensor<2x5x6x3xui8, #quern.padded<3, 3, 2, 1>>"
    types = ["tensor<2x5x6x3xui8>", "tensor<1xui8>"]
    body = (f"    %p = quern.relayout %a0 fill %a1 : {types[0]} fill {types[1]} -> {out}\n"
            f"    quern.return %p : {out}")
    return dispatch(types, body, [out]), [x, v], [x], [out], int(v[0])


def pack_reference(matrix, form):
    """[B, K, N] in the order of a packed form, as bytes."""
    name, columns, lanes, depth, width = form
    batch, k, n = matrix.shape
    total, steps = -(-n // lanes), -(-k // depth)
    full = np.zeros((batch, steps * depth, total * lanes), width)
    full[:, :k, :n] = matrix
    panels = -(-total // (columns // lanes))
    large = total % panels
    sizes = [total // panels + 1] * large + [total // panels] * (panels - large)
    bytes_ = []
    for b in range(batch):
        first = 0
        for size in sizes:
            part = full[b, :, first * lanes:(first + size) * lanes]
            part = part.reshape(steps, depth, size, lanes)
            if name == "avx2":  # [step][vector][pair][lane][term]
                part = part.reshape(steps, 2, 2, size, lanes).transpose(0, 3, 1, 4, 2)
            else:  # [step][vector][lane][term]
                part = part.transpose(0, 2, 3, 1)
            bytes_.append(np.ascontiguousarray(part).view(np.int8).reshape(-1))
            first += size
    return np.concatenate(bytes_)


def transpose_case(batch, positions, channels, element, quantized=False):
    """[batch, positions, channels] to [batch, channels, positions], scaled by channel and quantized."""
    shape = (batch, positions, channels)
    dtype = {"ui8": np.uint8, "si8": np.int8, "si32": np.int32, "f32": np.float32}[element]
    x = reals(shape) if element == "f32" else codes(shape, dtype)
    scales = reals((channels,))
    dims = f"{batch}x{channels}x{positions}"
    maps = "affine_map<(d0, d1, d2) -> (d0, d2, d1)>, affine_map<(d0, d1, d2) -> (d1)>"
    scalar, out = ("f32", "f32") if element == "f32" else ("i32", element)
    steps, expected = "quern.yield %e : " + scalar, x.transpose(0, 2, 1)
    if quantized:
        out, expected = "ui8", expect_codes(expected * scales[None, :, None])
        steps = """%f = arith.constant 10.0 : f32
        %p = arith.mulf %e, %s : f32
        %q = arith.mulf %p, %f : f32
        %c = quern.to_code %q zero_point 100 range [0, 255]
        quern.yield %c : i32"""
    types = [f"tensor<{batch}x{positions}x{channels}x{element}>", f"tensor<{channels}xf32>"]
    body = f"""    %m = quern.map ins(%a0, %a1 : {', '.join(types)}) maps [{maps}] {{
      ^bb0(%e: {scalar}, %s: f32):
        {steps}
    }} -> tensor<{dims}x{out}>
    quern.return %m : tensor<{dims}x{out}>"""
    return dispatch(types, body, [f"tensor<{dims}x{out}>"]), [x, scales], [expected], [f"tensor<{dims}x{out}>"], 0


for sizes in ((1, 16, 16), (2, 33, 17), (1, 64, 8), (3, 49, 100), (1, 15, 31), (2, 8, 63)):
    for kind, isQuantized in (("ui8", False), ("si8", False), ("f32", False), ("f32", True)):
        CASES["transpose_" + "_".join(map(str, [*sizes, kind, isQuantized]))] = (
            lambda s=sizes, k=kind, z=isQuantized: transpose_case(*s, k, z))


FORMS = {
    "x86-vnni": (("vnni", 64, 16, 4, np.int8), ("f32x16", 64, 16, 1, np.float32)),
    "x86-avx2": (("avx2", 16, 8, 4, np.int16), ("f32x8", 16, 8, 1, np.float32)),
    "arm-dotprod": (("sdot", 12, 4, 4, np.int8), ("f32x4", 12, 4, 1, np.float32)),
}


def pack_case(target, k, n, transposed, real=False, sums=False, computed=False, permuted=False):
    form = FORMS[target][1 if real else 0]
    element = "f32" if real else "si8"
    matrix = reals((2, k, n)) if real else codes((2, k, n), np.int8)
    expected = pack_reference(matrix, form)
    x = matrix.transpose(0, 2, 1).copy() if transposed else matrix
    dims = "x".join(map(str, x.shape))
    inType = plain = f"tensor<{dims}x{element}>"
    out = f'tensor<{dims}x{element}, #quern.packed<"{form[0]}", {form[1]}, {form[3]}, {expected.size}>>'
    body, value = "", "%a0"
    if computed:
        inType = f"tensor<{dims}xui8>"
        x = (x.astype(np.int32) + 128).astype(np.uint8)
        order = "d2, d0, d1" if permuted else "d0, d1, d2"
        if permuted:
            source = x.transpose(2, 0, 1).copy()
            inType = f"tensor<{'x'.join(map(str, source.shape))}xui8>"
        body += f"""    %in = quern.map ins(%a0 : {inType}) maps [affine_map<(d0, d1, d2) -> ({order})>] {{
      ^bb0(%e: i32):
        %s = arith.constant 128 : i32
        %m = arith.subi %e, %s : i32
        quern.yield %m : i32
    }} -> {plain}
"""
        value = "%in"
    results, returned, values = [out], "%p", [expected]
    if sums:
        axis = 2 if transposed else 1
        shape = list(x.shape)
        shape[axis] = 1
        sumType = f"tensor<{'x'.join(map(str, shape))}xsi32>"
        body += f"    %s = quern.reduce sum {value} axes [{axis}] : {plain} -> {sumType}\n"
        results.append(sumType)
        returned += ", %s"
        values.append(matrix.astype(np.int32).sum(1).reshape(shape))
    body += (f"    %p = quern.relayout {value}{' transposed' if transposed else ''} : {plain} -> {out}\n"
             f"    quern.return {returned} : {', '.join(results)}")
    return dispatch([inType], body, results), [source if permuted else x], values, results, 0


for target_name in FORMS:
    for transposed_value in (False, True):
        suffix = target_name.replace("-", "_") + ("_transposed" if transposed_value else "")
        arguments = (target_name, transposed_value)
        CASES[f"pack_{suffix}"] = lambda a=arguments: pack_case(a[0], 67, 83, a[1])
        CASES[f"pack_sums_{suffix}"] = lambda a=arguments: pack_case(
            a[0], 66, 197, a[1], sums=True, computed=True)
        CASES[f"pack_permuted_{suffix}"] = lambda a=arguments: pack_case(
            a[0], 70, 83, a[1], sums=True, computed=True, permuted=True)
        CASES[f"pack_real_{suffix}"] = lambda a=arguments: pack_case(a[0], 35, 50, a[1], real=True)


def check(name):
    text, inputs, expected, types, fill = CASES[name]()
    targets = list(TARGETS)
    if name.startswith("pack"):
        targets = [t for t in targets if t.replace("-", "_") in name]
    first = None
    for target in targets:
        results = run(text, inputs, target, len(types))
        for result, want, typeText in zip(results, expected, types):
            tensor = Tensor(typeText)
            view = result if tensor.bytes else tensor.inner(result)
            if view.dtype == np.float32:
                np.testing.assert_allclose(view, want, rtol=2e-6, atol=4e-6 * np.abs(want).max())
            elif want.dtype.kind == "f":  # quantized reals: at most a step, rarely
                off = np.abs(view.astype(np.int32) - want)
                assert off.max() <= 1 and (off > 0).mean() < 0.01, off.max()
            else:
                np.testing.assert_array_equal(view, want)
            if tensor.halo:
                whole = tensor.buffer(view.copy(), fill)
                np.testing.assert_array_equal(result, whole)
        if first is not None:
            for a, b in zip(first, results):
                assert a.tobytes() == b.tobytes(), f"{target}: other bits than {targets[0]}"
        first = first or results


def main():
    names = [n for n in CASES if n.startswith(tuple(sys.argv[1:] or [""]))]
    assert names, "no case of that name"
    failed = 0
    for name in names:
        try:
            check(name)
            print(f"ok {name}", flush=True)
        except Exception as error:  # one broken case must not hide the others
            failed += 1
            detail = getattr(error, "stderr", None) or error
            print(f"FAILED {name}: {str(detail)[:1500]}", flush=True)
    print(f"{len(names) - failed} of {len(names)} kernels as expected")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
