// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear.

#include "passes/Legalize/Onnx/Quantization.h"

#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::ReduceKind;
using qir::UnaryKind;

static LogicalResult buildQuantizeLinear(NodeBuilder &n) {
  Type code = n.b.getIntegerType(8, /*isSigned=*/false);
  if (int64_t dataType = n.node.getInt("output_dtype", 0))
    code = getElementType(n.b.getContext(), dataType);
  else if (n.has(2))
    code = elementOf(n.in(2));
  if (!code)
    return n.error() << "expected an output_dtype that codes can have, found "
                     << n.node.getInt("output_dtype", 0);
  if (n.node.getInt("saturate", 1) != 1)
    return n.error() << "expected saturate = 1, found 0; nearest supported form: saturating codes";
  Value x = n.in(0);
  x = elementOf(x).isSignedInteger(32) ? n.cast(x, n.b.getF32Type()) : n.f32(x);
  auto params =
      n.params(x, code, n.in(1), n.in(2), n.node.getInt("axis", 1), n.node.getInt("block_size", 0));
  return params ? n.finish(n.quantize(x, *params, code, n.site())) : failure();
}

static LogicalResult buildDequantizeLinear(NodeBuilder &n) {
  Value codes = n.in(0);
  auto params = n.params(codes, elementOf(codes), n.in(1), n.in(2), n.node.getInt("axis", 1),
                         n.node.getInt("block_size", 0));
  return params ? n.finish(n.dequantize(codes, *params, n.site())) : failure();
}

static Value reduceAll(NodeBuilder &n, ReduceKind kind, Value x) {
  Dims axes = countUp(0, rankOf(x));
  return n.reduce(kind, x, axes, /*keep=*/false);
}

/// scale = (max(x, 0) - min(x, 0)) / 255, or 1 where x is all 0;
/// zero point = clamp(rne(0 - min(x, 0) / scale), 0, 255).
DynamicCodes quern::legalize::quantizeDynamically(NodeBuilder &n, Value x) {
  if (!x)
    return {};
  Type code = n.b.getIntegerType(8, /*isSigned=*/false);
  Value high = n.binary(BinaryKind::Max, reduceAll(n, ReduceKind::Max, x), 0.0f);
  Value low = n.binary(BinaryKind::Min, reduceAll(n, ReduceKind::Min, x), 0.0f);
  Value range = n.binary(BinaryKind::Sub, high, low);
  Value isFlat = n.binary(BinaryKind::Equal, range, 0.0f);
  Value scale = n.select(isFlat, n.scalarF32(1.0f), n.binary(BinaryKind::Div, range, 255.0f));
  Value zero = n.binary(BinaryKind::Sub, n.scalarF32(0.0f), n.binary(BinaryKind::Div, low, scale));
  zero = n.clamp(n.unary(UnaryKind::Round, zero), 0.0f, 255.0f);
  Value zeroPoint = n.cast(zero, code);
  Value codes = n.quantize(x, QuantParams{scale, zeroPoint, {}, {}}, code, n.site());
  return {codes, scale, zeroPoint};
}

static LogicalResult buildDynamicQuantizeLinear(NodeBuilder &n) {
  DynamicCodes made = quantizeDynamically(n, n.f32(0));
  return n.finish({made.codes, made.scale, made.zeroPoint});
}

void quern::legalize::addQuantizationRows(Rows &rows) {
  constexpr llvm::StringLiteral quantize = "axis block_size output_dtype precision saturate";
  constexpr llvm::StringLiteral dequantize = "axis block_size output_dtype";
  llvm::append_range(
      rows,
      std::initializer_list<Row>{
          {onnxDomain, "QuantizeLinear", 10, latest, 2, quantize, buildQuantizeLinear},
          {microsoft, "QuantizeLinear", 1, latest, 2, quantize, buildQuantizeLinear},
          {onnxDomain, "DequantizeLinear", 10, latest, 2, dequantize, buildDequantizeLinear},
          {microsoft, "DequantizeLinear", 1, latest, 2, dequantize, buildDequantizeLinear},
          {onnxDomain, "DynamicQuantizeLinear", 11, latest, 1, "", buildDynamicQuantizeLinear},
      });
}
