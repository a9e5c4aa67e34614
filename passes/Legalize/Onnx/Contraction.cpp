// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and matrix products, float and with integer results.

#include "passes/Legalize/Onnx/Contraction.h"

#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;

static LogicalResult buildConv(NodeBuilder &n) {
  Value bias = n.has(2) ? n.f32(2) : Value();
  if (n.has(2) && !bias)
    return failure();
  return n.finish(convolve(n, n.f32(0), n.f32(1), bias));
}

static LogicalResult buildMatMul(NodeBuilder &n) { return n.finish(n.matmul(n.f32(0), n.f32(1))); }

Value quern::legalize::transposeMatrix(NodeBuilder &n, Value x) {
  if (!x || rankOf(x) < 2)
    return x;
  Dims permutation = countUp(0, rankOf(x));
  std::swap(permutation[rankOf(x) - 1], permutation[rankOf(x) - 2]);
  return n.transposeStored(x, permutation);
}

Value quern::legalize::scaleBy(NodeBuilder &n, Value x, float factor) {
  return factor == 1.0f ? x : n.binary(BinaryKind::Mul, x, factor);
}

Value quern::legalize::buildGemm(NodeBuilder &n, Value a, Value bMatrix, Value c) {
  if (!a || !bMatrix)
    return nullptr;
  if (rankOf(a) != 2 || rankOf(bMatrix) != 2)
    return n.fail("expected matrices of rank 2, found ranks " + llvm::Twine(rankOf(a)) + " and " +
                  llvm::Twine(rankOf(bMatrix)));
  if (n.node.getInt("transA", 0))
    a = transposeMatrix(n, a);
  if (n.node.getInt("transB", 0))
    bMatrix = transposeMatrix(n, bMatrix);
  Value result = scaleBy(n, n.matmul(a, bMatrix), n.node.getFloat("alpha", 1.0f));
  float beta = n.node.getFloat("beta", 1.0f);
  if (!c || !result || beta == 0.0f)
    return result;
  // A row of biases is the waist's [N].
  if (typeOf(c).getNumElements() == shapeOf(result)[1] && rankOf(c) == 2 && shapeOf(c)[0] == 1)
    c = n.reshapeStored(c, {shapeOf(result)[1]});
  return n.binary(BinaryKind::Add, result, scaleBy(n, c, beta));
}

static LogicalResult buildGemmNode(NodeBuilder &n) {
  Value c = n.has(2) ? n.f32(2) : Value();
  if (n.has(2) && !c)
    return failure();
  return n.finish(buildGemm(n, n.f32(0), n.f32(1), c));
}

Value quern::legalize::dequantizeByOne(NodeBuilder &n, unsigned codes, unsigned zeroPoint,
                                       int64_t axis) {
  Value value = n.in(codes);
  if (!value)
    return nullptr;
  Value zero = n.in(zeroPoint);
  int64_t count = zero ? typeOf(zero).getNumElements() : 1;
  std::vector<float> ones(count, 1.0f);
  Value scale = n.floats(ones, zero ? shapeOf(zero) : Shape());
  auto params = n.params(value, elementOf(value), scale, zero, axis);
  return params ? n.dequantize(value, *params, n.siteOf(value)) : nullptr;
}

/// The exact integers of a product of codes, which the waist writes in float.
static LogicalResult finishInteger(NodeBuilder &n, Value result) {
  return n.finish(n.cast(result, n.b.getIntegerType(32, /*isSigned=*/true)));
}

static LogicalResult buildConvInteger(NodeBuilder &n) {
  Value x = dequantizeByOne(n, 0, 2, 0);
  Value weights = x ? dequantizeByOne(n, 1, 3, 0) : Value();
  return finishInteger(n, convolve(n, x, weights, nullptr));
}

static LogicalResult buildMatMulInteger(NodeBuilder &n) {
  Value lhs = dequantizeByOne(n, 0, 2, rankOf(n.in(0)) - 2);
  Value rhs = lhs ? dequantizeByOne(n, 1, 3, rankOf(n.in(1)) - 1) : Value();
  return finishInteger(n, n.matmul(lhs, rhs));
}

void quern::legalize::addContractionRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "Conv", 1, latest, 2,
                 "auto_pad dilations group kernel_shape pads strides", buildConv},
                {onnxDomain, "ConvInteger", 10, latest, 2,
                 "auto_pad dilations group kernel_shape pads strides", buildConvInteger},
                {onnxDomain, "Gemm", 7, latest, 2, "alpha beta transA transB", buildGemmNode},
                {onnxDomain, "MatMul", 1, latest, 2, "", buildMatMul},
                {onnxDomain, "MatMulInteger", 10, latest, 2, "", buildMatMulInteger},
            });
}
