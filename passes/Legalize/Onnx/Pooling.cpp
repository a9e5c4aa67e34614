// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pooling over windows and over whole images.

#include "dialects/Quern/Ops/Verify.h"
#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;

/// Codes keep their order, so their maximum needs no dequantize.
static LogicalResult buildMaxPool(NodeBuilder &n) {
  Value x = n.in(0);
  if (!qir::isCode8(elementOf(x)))
    x = n.f32(x);
  return n.finish(poolWindows(n, Pooling::Max, x));
}

static LogicalResult buildAveragePool(NodeBuilder &n) {
  return n.finish(poolWindows(n, Pooling::Average, n.f32(0)));
}

static LogicalResult buildGlobalAveragePool(NodeBuilder &n) {
  return n.finish(poolGlobalAverage(n, n.f32(0)));
}

static LogicalResult buildGlobalMaxPool(NodeBuilder &n) {
  Value x = n.f32(0);
  if (!x)
    return failure();
  if (rankOf(x) < 3)
    return n.error() << "expected an input of rank >= 3, found " << x.getType();
  if (rankOf(x) == 4) {
    Value top = n.reduce(qir::ReduceKind::Max, toChannelsLast(n, x), {1, 2}, /*keep=*/true);
    return n.finish(toChannelsFirst(n, top, 2));
  }
  Dims axes = countUp(2, rankOf(x));
  return n.finish(n.reduce(qir::ReduceKind::Max, x, axes, /*keep=*/true));
}

void quern::legalize::addPoolingRows(Rows &rows) {
  llvm::append_range(
      rows,
      std::initializer_list<Row>{
          {onnxDomain, "MaxPool", 1, latest, 1,
           "auto_pad ceil_mode dilations kernel_shape pads storage_order strides", buildMaxPool},
          {onnxDomain, "AveragePool", 1, latest, 1,
           "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
           buildAveragePool},
          {onnxDomain, "GlobalAveragePool", 1, latest, 1, "", buildGlobalAveragePool},
          {onnxDomain, "GlobalMaxPool", 1, latest, 1, "", buildGlobalMaxPool},
      });
}
