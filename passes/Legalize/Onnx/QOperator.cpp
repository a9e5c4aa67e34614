// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that take codes and give codes, written as dequantize, float op, quantize.

#include "passes/Legalize/Onnx/Contraction.h"
#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::UnaryKind;

/// Inputs codes, scale, zero point from `first` on, as f32.
static Value dequantizeAt(NodeBuilder &n, unsigned first, int64_t axis = 0) {
  if (!n.has(first) || !n.has(first + 1))
    return n.fail("expected codes and scale as inputs " + llvm::Twine(first) + " and " +
                  llvm::Twine(first + 1) + ", found an omitted input");
  Value codes = n.in(first);
  auto params = n.params(codes, elementOf(codes), n.in(first + 1), n.in(first + 2), axis);
  return params ? n.dequantize(codes, *params, n.siteOf(codes)) : nullptr;
}

/// Quantizes by the inputs scale, zero point from `first` on; the zero point's type (or else
/// `fallback`) is that of the result.
static Value quantizeAt(NodeBuilder &n, Value x, unsigned first, Type fallback, int64_t axis = 0) {
  if (!x)
    return nullptr;
  Type code = n.has(first + 1) ? elementOf(n.in(first + 1)) : fallback;
  auto params = n.params(x, code, n.in(first), n.in(first + 1), axis);
  return params ? n.quantize(x, *params, code, n.site()) : nullptr;
}

/// An si32 bias, whose scale is the product of the input's and the weights'.
static Value dequantizeBias(NodeBuilder &n, Value bias, Value xScale, Value wScale, float factor) {
  Value scale = n.binary(BinaryKind::Mul, n.f32(xScale), n.f32(wScale));
  scale = scaleBy(n, scale, factor);
  if (!scale)
    return nullptr;
  if (!elementOf(bias).isSignedInteger(32))
    return n.fail("expected an int32 bias '" + n.nameOf(bias) + "'");
  auto params = n.params(bias, elementOf(bias), scale, nullptr, rankOf(bias) - 1);
  return params ? n.dequantize(bias, *params, n.siteOf(bias)) : nullptr;
}

static LogicalResult buildQLinearConv(NodeBuilder &n) {
  if (n.node.getInt("channels_last", 0))
    return n.error() << "expected channels_last = 0, found 1; nearest supported form: channels "
                        "first";
  Value x = dequantizeAt(n, 0), bias;
  Value weights = x ? dequantizeAt(n, 3, 0) : Value();
  if (weights && n.has(8)) {
    bias = dequantizeBias(n, n.in(8), n.in(1), n.in(4), 1.0f);
    if (!bias)
      return failure();
  }
  Value result = convolve(n, x, weights, bias);
  return n.finish(quantizeAt(n, result, 6, elementOf(n.in(0))));
}

static LogicalResult buildQLinearMatMul(NodeBuilder &n) {
  Value lhs = dequantizeAt(n, 0, rankOf(n.in(0)) - 2);
  Value rhs = lhs ? dequantizeAt(n, 3, rankOf(n.in(3)) - 1) : Value();
  return n.finish(quantizeAt(n, n.matmul(lhs, rhs), 6, elementOf(n.in(0))));
}

static LogicalResult buildQGemm(NodeBuilder &n) {
  Value a = dequantizeAt(n, 0), c;
  int64_t column = n.node.getInt("transB", 0) ? 0 : 1;
  Value b = a ? dequantizeAt(n, 3, column) : Value();
  float alpha = n.node.getFloat("alpha", 1.0f);
  if (b && n.has(6)) {
    c = dequantizeBias(n, n.in(6), n.in(1), n.in(4), alpha);
    if (!c)
      return failure();
  }
  Value result = buildGemm(n, a, b, c);
  return n.finish(n.has(7) ? quantizeAt(n, result, 7, elementOf(n.in(0))) : result);
}

template <BinaryKind kind> static LogicalResult buildQLinearBinary(NodeBuilder &n) {
  Value lhs = dequantizeAt(n, 0);
  Value rhs = lhs ? dequantizeAt(n, 3) : Value();
  return n.finish(quantizeAt(n, n.binary(kind, lhs, rhs), 6, elementOf(n.in(0))));
}

static LogicalResult buildQLinearGlobalAveragePool(NodeBuilder &n) {
  Value mean = poolGlobalAverage(n, dequantizeAt(n, 0), n.node.getInt("channels_last", 0) != 0);
  return n.finish(quantizeAt(n, mean, 3, elementOf(n.in(0))));
}

static LogicalResult buildQLinearAveragePool(NodeBuilder &n) {
  bool channelsLast = n.node.getInt("channels_last", 0) != 0;
  Value mean = poolWindows(n, Pooling::Average, dequantizeAt(n, 0), channelsLast);
  return n.finish(quantizeAt(n, mean, 3, elementOf(n.in(0))));
}

static LogicalResult buildQLinearLeakyRelu(NodeBuilder &n) {
  Value y = n.unary(UnaryKind::LeakyRelu, dequantizeAt(n, 0), n.node.getFloat("alpha", 0.01f));
  return n.finish(quantizeAt(n, y, 3, elementOf(n.in(0))));
}

static LogicalResult buildQLinearSigmoid(NodeBuilder &n) {
  Value y = n.unary(UnaryKind::Sigmoid, dequantizeAt(n, 0));
  return n.finish(quantizeAt(n, y, 3, elementOf(n.in(0))));
}

static LogicalResult buildQLinearSoftmax(NodeBuilder &n) {
  Value x = dequantizeAt(n, 0);
  if (!x)
    return failure();
  auto axis = n.axis(n.node.getInt("axis", -1), rankOf(x));
  if (!axis)
    return failure();
  Dims shape(shapeOf(x));
  if (n.node.getInt("opset", 13) < 13) {
    int64_t rows = product(Shape(shape).take_front(*axis));
    x = n.reshape(x, {rows, product(Shape(shape).drop_front(*axis))});
    axis = 1;
  }
  Value y = n.reshape(n.softmax(x, *axis, /*log=*/false), shape);
  return n.finish(quantizeAt(n, y, 3, elementOf(n.in(0))));
}

static LogicalResult buildQLinearConcat(NodeBuilder &n) {
  SmallVector<Value> parts;
  for (unsigned first = 2; first < n.node.getInputs().size(); first += 3) {
    Value part = dequantizeAt(n, first);
    if (!part)
      return failure();
    parts.push_back(part);
  }
  if (parts.empty())
    return n.error() << "expected at least one tensor, found none";
  auto axis = n.axis(n.node.getInt("axis", 0), rankOf(parts.front()));
  if (!axis)
    return failure();
  return n.finish(quantizeAt(n, n.concat(parts, *axis), 0, elementOf(n.in(2))));
}

/// A, B, a_scale, b_scale, a_zero_point, b_zero_point, bias.
static LogicalResult buildMatMulIntegerToFloat(NodeBuilder &n) {
  Value a = n.in(0), b = n.in(1);
  auto left = n.params(a, elementOf(a), n.in(2), n.in(4), rankOf(a) - 2);
  auto right = n.params(b, elementOf(b), n.in(3), n.in(5), rankOf(b) - 1);
  if (!left || !right)
    return failure();
  Value result =
      n.matmul(n.dequantize(a, *left, n.siteOf(a)), n.dequantize(b, *right, n.siteOf(b)));
  if (n.has(6))
    result = n.binary(BinaryKind::Add, result, n.f32(6));
  return n.finish(result);
}

void quern::legalize::addQOperatorRows(Rows &rows) {
  constexpr llvm::StringLiteral conv =
      "auto_pad channels_last dilations group kernel_shape pads strides";
  constexpr llvm::StringLiteral pool =
      "auto_pad ceil_mode channels_last count_include_pad kernel_shape pads strides";
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {onnxDomain, "QLinearConv", 10, latest, 8, conv, buildQLinearConv},
                {microsoft, "QLinearConv", 1, latest, 8, conv, buildQLinearConv},
                {onnxDomain, "QLinearMatMul", 10, latest, 8, "", buildQLinearMatMul},
                {microsoft, "QGemm", 1, latest, 5, "alpha transA transB", buildQGemm},
                {microsoft, "QLinearAdd", 1, latest, 7, "", buildQLinearBinary<BinaryKind::Add>},
                {microsoft, "QLinearMul", 1, latest, 7, "", buildQLinearBinary<BinaryKind::Mul>},
                {microsoft, "QLinearGlobalAveragePool", 1, latest, 4, "channels_last",
                 buildQLinearGlobalAveragePool},
                {microsoft, "QLinearAveragePool", 1, latest, 4, pool, buildQLinearAveragePool},
                {microsoft, "QLinearLeakyRelu", 1, latest, 4, "alpha", buildQLinearLeakyRelu},
                {microsoft, "QLinearSigmoid", 1, latest, 4, "", buildQLinearSigmoid},
                {microsoft, "QLinearSoftmax", 1, latest, 4, "axis opset", buildQLinearSoftmax},
                {microsoft, "QLinearConcat", 1, latest, 4, "axis", buildQLinearConcat},
                {microsoft, "MatMulIntegerToFloat", 1, latest, 4, "", buildMatMulIntegerToFloat},
            });
}
