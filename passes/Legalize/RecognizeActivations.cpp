// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Match.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>

namespace quern {

#define GEN_PASS_DEF_RECOGNIZEACTIVATIONS
#include "passes/Legalize/Passes.h.inc"

namespace {

using namespace mlir;
using qir::BinaryKind;
using qir::BinaryOp;
using qir::UnaryKind;
using qir::UnaryOp;

/// Exporters round their constants: 0.7071, 0.044715, 1.4142135.
bool isClose(double value, double expected) {
  return std::abs(value - expected) <= 1e-4 * std::max(1.0, std::abs(expected));
}

/// factor * values[0] * values[1] * …
struct Product {
  double factor = 1;
  SmallVector<Value> values;
};

/// Multiplies `value` into `product`, taking products, constant divisors and whole powers apart;
/// values in `stops` are kept whole.
void multiply(Product &product, Value value, ArrayRef<Value> stops, int depth = 0) {
  auto op = value.getDefiningOp<BinaryOp>();
  if (auto constant = scalar(value)) {
    product.factor *= *constant;
  } else if (!op || llvm::is_contained(stops, value) || depth > 8) {
    product.values.push_back(value);
  } else if (auto divisor = scalar(op.getRhs()); op.getKind() == BinaryKind::Div && divisor) {
    multiply(product, op.getLhs(), stops, depth + 1);
    product.factor /= *divisor;
  } else if (op.getKind() == BinaryKind::Mul) {
    multiply(product, op.getLhs(), stops, depth + 1);
    multiply(product, op.getRhs(), stops, depth + 1);
  } else if (auto power = scalar(op.getRhs());
             op.getKind() == BinaryKind::Pow && power && (*power == 2 || *power == 3)) {
    for (int i = 0; i < static_cast<int>(*power); ++i)
      multiply(product, op.getLhs(), stops, depth + 1);
  } else {
    product.values.push_back(value);
  }
}

Product flatten(Value value, ArrayRef<Value> stops = {}) {
  Product product;
  multiply(product, value, stops);
  return product;
}

/// Whether `value` is factor * x^power.
bool isPower(Value value, Value x, unsigned power, double factor) {
  Product product = flatten(value, {x});
  return isClose(product.factor, factor) && product.values.size() == power &&
         llvm::all_of(product.values, [&](Value v) { return v == x; });
}

/// offset + slope * inner, with constant offset and slope.
struct Affine {
  double offset = 0, slope = 1;
  Value inner;
};

Affine matchAffine(Value value, ArrayRef<Value> stops = {}) {
  Affine result;
  if (auto add = matchBinary(value, BinaryKind::Add)) {
    auto left = scalar(add.getLhs()), right = scalar(add.getRhs());
    if (left || right) {
      result.offset = left ? *left : *right;
      value = left ? add.getRhs() : add.getLhs();
    }
  }
  Product product = flatten(value, stops);
  if (product.values.size() != 1) {
    result.inner = value;
    return result;
  }
  result.slope = product.factor;
  result.inner = product.values.front();
  return result;
}

/// The x of sqrt(2/pi) * (x + 0.044715 x^3), written as that or as … * x * (1 + 0.044715 x^2).
Value matchTanhArgument(Value argument) {
  constexpr double outer = 0.7978845608028654, cubic = 0.044715;
  Product product = flatten(argument);
  if (!isClose(product.factor, outer))
    return nullptr;
  for (Value sum : product.values) {
    auto add = matchBinary(sum, BinaryKind::Add);
    if (!add)
      continue;
    for (auto [x, rest] : {std::pair(add.getLhs(), add.getRhs()), {add.getRhs(), add.getLhs()}})
      if (product.values.size() == 1 && isPower(rest, x, 3, cubic))
        return x;
    for (Value x : product.values) {
      Value rest = scalar(add.getLhs()) == 1.0 ? add.getRhs() : add.getLhs();
      bool hasOne = scalar(add.getLhs()) == 1.0 || scalar(add.getRhs()) == 1.0;
      if (x != sum && product.values.size() == 2 && hasOne && isPower(rest, x, 2, cubic))
        return x;
    }
  }
  return nullptr;
}

/// A factor that, multiplied with x and `factor`, makes an activation of x.
struct Gate {
  UnaryKind kind;
  Value x;
  double factor;
};

/// offset + slope * erf(x / sqrt(2)) or … tanh(…), with offset = slope.
std::optional<Gate> matchGeluGate(Value value) {
  Affine affine = matchAffine(value);
  if (!isClose(affine.offset, affine.slope) || affine.slope == 0)
    return std::nullopt;
  double factor = 0.5 / affine.slope;
  if (auto erf = matchUnary(affine.inner, UnaryKind::Erf)) {
    auto scaled = erf.getInput().getDefiningOp<BinaryOp>();
    if (!scaled || (scaled.getKind() != BinaryKind::Mul && scaled.getKind() != BinaryKind::Div))
      return std::nullopt;
    for (Value x : {scaled.getLhs(), scaled.getRhs()})
      if (!scalar(x) && isPower(erf.getInput(), x, 1, 0.7071067811865476))
        return Gate{UnaryKind::Gelu, x, factor};
  }
  if (auto tanh = matchUnary(affine.inner, UnaryKind::Tanh))
    if (Value x = matchTanhArgument(tanh.getInput()))
      return Gate{UnaryKind::GeluTanh, x, factor};
  return std::nullopt;
}

/// clamp(a*x + b, 0, c) with c*factor = 1, a*factor = 1/6, b*factor = 1/2.
std::optional<Gate> matchHardGate(Value value) {
  if (auto hard = matchUnary(value, UnaryKind::HardSigmoid)) {
    float alpha = hard.getAlpha() ? hard.getAlpha()->convertToFloat() : 0.2f;
    float beta = hard.getBeta() ? hard.getBeta()->convertToFloat() : 0.5f;
    if (isClose(alpha, 1.0 / 6) && isClose(beta, 0.5))
      return Gate{UnaryKind::HardSwish, hard.getInput(), 1};
  }
  auto clamp = value.getDefiningOp<qir::ClampOp>();
  if (!clamp || clamp.getLow().convertToFloat() != 0 || clamp.getHigh().convertToFloat() <= 0)
    return std::nullopt;
  double factor = 1.0 / clamp.getHigh().convertToFloat();
  Affine affine = matchAffine(clamp.getInput());
  if (isClose(affine.slope * factor, 1.0 / 6) && isClose(affine.offset * factor, 0.5))
    return Gate{UnaryKind::HardSwish, affine.inner, factor};
  return std::nullopt;
}

std::optional<Gate> matchGate(Value value) {
  if (auto sigmoid = matchUnary(value, UnaryKind::Sigmoid))
    return Gate{UnaryKind::Silu, sigmoid.getInput(), 1};
  if (auto gate = matchHardGate(value))
    return gate;
  return matchGeluGate(value);
}

/// The nodes of the tree of products under `root`, outermost first.
void collectFactors(Value root, SmallVectorImpl<Value> &factors, int depth = 0) {
  factors.push_back(root);
  auto op = root.getDefiningOp<BinaryOp>();
  if (!op || depth > 4 || (op.getKind() != BinaryKind::Mul && op.getKind() != BinaryKind::Div))
    return;
  collectFactors(op.getLhs(), factors, depth + 1);
  if (op.getKind() == BinaryKind::Mul)
    collectFactors(op.getRhs(), factors, depth + 1);
}

std::optional<Gate> matchActivation(Value root) {
  SmallVector<Value> factors;
  collectFactors(root, factors);
  for (Value factor : ArrayRef<Value>(factors).drop_front()) {
    auto gate = matchGate(factor);
    if (!gate || gate->x.getType() != root.getType())
      continue;
    Product product = flatten(root, {factor, gate->x});
    bool isPair = product.values.size() == 2 && llvm::is_contained(product.values, factor) &&
                  llvm::is_contained(product.values, gate->x);
    if (isPair && isClose(product.factor, gate->factor))
      return gate;
  }
  return std::nullopt;
}

struct RecognizeActivations : impl::RecognizeActivationsBase<RecognizeActivations> {
  /// Outermost products first: what is inside of a recognized one is dead afterwards.
  void runOnOperation() override {
    SmallVector<BinaryOp> roots;
    getOperation().walk([&](BinaryOp op) {
      if (op.getKind() == BinaryKind::Mul || op.getKind() == BinaryKind::Div)
        roots.push_back(op);
    });
    for (BinaryOp root : llvm::reverse(roots))
      if (auto gate = matchActivation(root.getResult()); gate && !root->use_empty()) {
        OpBuilder builder(root);
        root.getResult().replaceAllUsesWith(UnaryOp::create(
            builder, root.getLoc(), root.getType(), gate->kind, gate->x, FloatAttr(), FloatAttr()));
      }
    for (Block &block : getOperation().getBody())
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (isOpTriviallyDead(&op))
          op.erase();
  }
};

} // namespace
} // namespace quern
