// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of codes with float results, which ONNX Runtime's optimizer makes of MatMulInteger and
// what stands around it.

#include "passes/Legalize/Onnx/Quantization.h"
#include "passes/Legalize/Onnx/Rows.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;

/// Codes with a scale each per tensor, or per slice of `axis`.
static Value dequantizeInput(NodeBuilder &n, Value codes, Value scale, Value zeroPoint,
                             int64_t axis) {
  auto params = n.params(codes, codes ? elementOf(codes) : Type(), scale, zeroPoint, axis);
  return params ? n.dequantize(codes, *params, n.siteOf(codes)) : nullptr;
}

static LogicalResult finishProduct(NodeBuilder &n, Value lhs, Value rhs, unsigned bias) {
  Value y = n.matmul(lhs, rhs);
  return n.finish(n.has(bias) ? n.binary(BinaryKind::Add, y, n.f32(bias)) : y);
}

/// A, B, their scales, their zero points, bias.
static LogicalResult buildMatMulIntegerToFloat(NodeBuilder &n) {
  Value lhs = dequantizeInput(n, n.in(0), n.in(2), n.in(4), rankOf(n.in(0)) - 2);
  Value rhs = lhs ? dequantizeInput(n, n.in(1), n.in(3), n.in(5), rankOf(n.in(1)) - 1) : Value();
  return finishProduct(n, lhs, rhs, 6);
}

/// A in float, B, its scale, its zero point, bias.
static LogicalResult buildDynamicQuantizeMatMul(NodeBuilder &n) {
  DynamicCodes left = quantizeDynamically(n, n.f32(0));
  if (!left.codes)
    return failure();
  Value lhs = n.dequantize(left.codes, {left.scale, left.zeroPoint, {}, {}}, n.siteOf(n.in(0)));
  return finishProduct(n, lhs, dequantizeInput(n, n.in(1), n.in(2), n.in(3), rankOf(n.in(1)) - 1),
                       4);
}

void quern::legalize::addDynamicProductRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {microsoft, "MatMulIntegerToFloat", 1, latest, 4, "", buildMatMulIntegerToFloat},
                {microsoft, "DynamicQuantizeMatMul", 1, latest, 3, "", buildDynamicQuantizeMatMul},
            });
}
