// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fused float operators of com.microsoft, taken apart again.

#include "passes/Legalize/Onnx/Contraction.h"
#include "passes/Legalize/Onnx/Rows.h"
#include "passes/Legalize/Onnx/Window.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace quern;
using namespace quern::legalize;
using qir::BinaryKind;
using qir::UnaryKind;

/// The function named by attribute `activation` with its `activation_params`.
static Value activate(NodeBuilder &n, Value x) {
  llvm::StringRef name = n.node.getString("activation", "");
  auto params = n.node.getFloats("activation_params").value_or(llvm::ArrayRef<float>());
  auto param = [&](size_t i, float fallback) { return i < params.size() ? params[i] : fallback; };
  if (name.empty())
    return x;
  if (name == "Relu")
    return n.unary(UnaryKind::Relu, x);
  if (name == "Tanh")
    return n.unary(UnaryKind::Tanh, x);
  if (name == "Sigmoid")
    return n.unary(UnaryKind::Sigmoid, x);
  if (name == "LeakyRelu")
    return n.unary(UnaryKind::LeakyRelu, x, param(0, 0.01f));
  if (name == "HardSigmoid")
    return n.unary(UnaryKind::HardSigmoid, x, param(0, 0.2f), param(1, 0.5f));
  if (name == "Clip" && params.size() == 2)
    return n.clamp(x, params[0], params[1]);
  return n.fail("expected activation Relu, Tanh, Sigmoid, LeakyRelu, HardSigmoid or Clip, found '" +
                name + "'");
}

static LogicalResult buildFusedConv(NodeBuilder &n) {
  Value bias = n.has(2) ? n.f32(2) : Value();
  if (n.has(2) && !bias)
    return failure();
  Value y = convolve(n, n.f32(0), n.f32(1), bias);
  if (n.has(3))
    y = n.binary(BinaryKind::Add, y, n.f32(3));
  return n.finish(activate(n, y));
}

static LogicalResult buildFusedGemm(NodeBuilder &n) {
  Value c = n.has(2) ? n.f32(2) : Value();
  if (n.has(2) && !c)
    return failure();
  return n.finish(activate(n, buildGemm(n, n.f32(0), n.f32(1), c)));
}

static LogicalResult buildFusedMatMul(NodeBuilder &n) {
  if (n.node.getInt("transBatchA", 0) || n.node.getInt("transBatchB", 0))
    return n.error() << "expected transBatchA = transBatchB = 0, found 1; nearest supported form: "
                        "a Transpose before the node";
  Value a = n.f32(0), b = n.f32(1);
  if (n.node.getInt("transA", 0))
    a = transposeMatrix(n, a);
  if (n.node.getInt("transB", 0))
    b = transposeMatrix(n, b);
  return n.finish(scaleBy(n, n.matmul(a, b), n.node.getFloat("alpha", 1.0f)));
}

/// A function of input 0 plus input 1 where that is there.
template <UnaryKind kind> static LogicalResult buildBiased(NodeBuilder &n) {
  Value x = n.f32(0);
  if (n.has(1))
    x = n.binary(BinaryKind::Add, x, n.f32(1));
  return n.finish(n.unary(kind, x));
}

void quern::legalize::addFusedRows(Rows &rows) {
  llvm::append_range(
      rows, std::initializer_list<Row>{
                {microsoft, "FusedConv", 1, latest, 2,
                 "activation activation_params auto_pad dilations group kernel_shape pads strides",
                 buildFusedConv},
                {microsoft, "FusedGemm", 1, latest, 2,
                 "activation activation_params alpha beta transA transB", buildFusedGemm},
                {microsoft, "FusedMatMul", 1, latest, 2,
                 "alpha transA transB transBatchA transBatchB", buildFusedMatMul},
                {microsoft, "Gelu", 1, latest, 1, "", buildBiased<UnaryKind::Gelu>},
                {microsoft, "BiasGelu", 1, latest, 2, "", buildBiased<UnaryKind::Gelu>},
                {microsoft, "FastGelu", 1, latest, 1, "", buildBiased<UnaryKind::GeluTanh>},
            });
}
