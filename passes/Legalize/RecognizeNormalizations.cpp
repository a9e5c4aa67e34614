// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Match.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cmath>

namespace quern {

#define GEN_PASS_DEF_RECOGNIZENORMALIZATIONS
#include "passes/Legalize/Passes.h.inc"

namespace {

using namespace mlir;
using qir::BinaryKind;
using qir::BinaryOp;
using qir::UnaryKind;

RankedTensorType typeOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()); }

/// The operands of a commutative op in both orders.
SmallVector<std::pair<Value, Value>, 2> bothOrders(BinaryOp op) {
  if (!op)
    return {};
  return {{op.getLhs(), op.getRhs()}, {op.getRhs(), op.getLhs()}};
}

/// The x of a mean of x over the last dimension, or null.
Value matchMean(Value value) {
  auto reduce = value.getDefiningOp<qir::ReduceOp>();
  if (!reduce || reduce.getKind() != qir::ReduceKind::Mean)
    return nullptr;
  int64_t last = typeOf(reduce.getInput()).getRank() - 1;
  return reduce.getAxes() == ArrayRef<int64_t>{last} ? reduce.getInput() : Value();
}

/// The x of x - mean(x), or null.
Value matchCentred(Value value) {
  auto op = matchBinary(value, BinaryKind::Sub);
  return op && matchMean(op.getRhs()) == op.getLhs() ? op.getLhs() : Value();
}

/// The x of x * x or x ^ 2, or null.
Value matchSquare(Value value) {
  if (auto op = matchBinary(value, BinaryKind::Mul); op && op.getLhs() == op.getRhs())
    return op.getLhs();
  if (auto op = matchBinary(value, BinaryKind::Pow); op && scalar(op.getRhs()) == 2.0)
    return op.getLhs();
  return nullptr;
}

/// A value that is 1 / sqrt(mean(x^2) + epsilon), of x or of x less its mean.
struct Deviation {
  Value x;
  bool isCentred;
  double epsilon;
};

/// mean(square) + epsilon.
std::optional<Deviation> matchVariance(Value value) {
  for (auto [mean, constant] : bothOrders(matchBinary(value, BinaryKind::Add))) {
    auto epsilon = scalar(constant);
    Value square = epsilon ? matchMean(mean) : Value();
    Value root = square ? matchSquare(square) : Value();
    if (!root || !std::isfinite(static_cast<float>(*epsilon)) || *epsilon < 0)
      continue;
    Value x = matchCentred(root);
    return Deviation{x ? x : root, x != nullptr, *epsilon};
  }
  return std::nullopt;
}

/// sqrt(variance), also as a power.
std::optional<Deviation> matchRoot(Value value) {
  if (auto sqrt = matchUnary(value, UnaryKind::Sqrt))
    return matchVariance(sqrt.getInput());
  if (auto pow = matchBinary(value, BinaryKind::Pow); pow && scalar(pow.getRhs()) == 0.5)
    return matchVariance(pow.getLhs());
  return std::nullopt;
}

/// 1 / sqrt(variance): a reciprocal, a quotient, a power or the root of a reciprocal.
std::optional<Deviation> matchReciprocalRoot(Value value) {
  if (auto op = matchUnary(value, UnaryKind::Reciprocal))
    return matchRoot(op.getInput());
  if (auto op = matchBinary(value, BinaryKind::Div); op && scalar(op.getLhs()) == 1.0)
    return matchRoot(op.getRhs());
  if (auto op = matchBinary(value, BinaryKind::Pow); op && scalar(op.getRhs()) == -0.5)
    return matchVariance(op.getLhs());
  if (auto op = matchUnary(value, UnaryKind::Sqrt))
    if (auto inner = matchUnary(op.getInput(), UnaryKind::Reciprocal))
      return matchVariance(inner.getInput());
  return std::nullopt;
}

/// A normalization; scale and bias have one element for each of the last dimension, or are null.
struct Norm {
  Deviation deviation;
  Value scale, bias;
};

/// Whether `value` is what `deviation` divides: x, or x less its mean.
bool isNumerator(Value value, const Deviation &deviation) {
  return (deviation.isCentred ? matchCentred(value) : value) == deviation.x;
}

/// x or x - mean(x), over its root mean square.
std::optional<Norm> matchNormal(Value value) {
  if (auto op = matchBinary(value, BinaryKind::Div))
    if (auto found = matchRoot(op.getRhs()); found && isNumerator(op.getLhs(), *found))
      return Norm{*found, nullptr, nullptr};
  for (auto [numerator, factor] : bothOrders(matchBinary(value, BinaryKind::Mul)))
    if (auto found = matchReciprocalRoot(factor); found && isNumerator(numerator, *found))
      return Norm{*found, nullptr, nullptr};
  return std::nullopt;
}

/// Whether `value` has an element for each of the last dimension of x and nothing else.
bool isPerElement(Value value, Value x) {
  RankedTensorType type = typeOf(value), whole = typeOf(x);
  return whole.getRank() > 0 && type.getRank() > 0 && type.getRank() <= whole.getRank() &&
         type.getShape().back() == whole.getShape().back() &&
         type.getNumElements() == whole.getShape().back();
}

std::optional<Norm> matchScaled(Value value) {
  for (auto [normal, scale] : bothOrders(matchBinary(value, BinaryKind::Mul)))
    if (auto norm = matchNormal(normal); norm && isPerElement(scale, norm->deviation.x)) {
      norm->scale = scale;
      return norm;
    }
  return std::nullopt;
}

/// x * factor + (bias - mean(x) * factor) with factor = scale / deviation: TensorFlow's form.
std::optional<Norm> matchByFactor(Value scaled, Value offset) {
  auto difference = matchBinary(offset, BinaryKind::Sub);
  auto product = difference ? matchBinary(difference.getRhs(), BinaryKind::Mul) : BinaryOp();
  for (auto [x, factor] : bothOrders(matchBinary(scaled, BinaryKind::Mul)))
    for (auto [mean, same] : bothOrders(product))
      for (auto [root, scale] : bothOrders(matchBinary(factor, BinaryKind::Mul))) {
        auto found = matchReciprocalRoot(root);
        if (same == factor && matchMean(mean) == x && found && found->isCentred && found->x == x &&
            isPerElement(scale, x) && isPerElement(difference.getLhs(), x))
          return Norm{*found, scale, difference.getLhs()};
      }
  return std::nullopt;
}

std::optional<Norm> matchNorm(Value value) {
  for (auto [scaled, bias] : bothOrders(matchBinary(value, BinaryKind::Add))) {
    if (auto norm = matchByFactor(scaled, bias))
      return norm;
    if (auto norm = matchScaled(scaled); norm && isPerElement(bias, norm->deviation.x)) {
      norm->bias = bias;
      return norm;
    }
  }
  if (auto norm = matchScaled(value))
    return norm;
  return matchNormal(value);
}

/// `value` as one dimension, ones if it is null.
Value flatten(ImplicitLocOpBuilder &b, Value value, int64_t size) {
  auto type = RankedTensorType::get({size}, b.getF32Type());
  if (!value)
    return makeConstant<float>(b, b.getLoc(), type, std::vector<float>(size, 1.0f));
  return value.getType() == type ? value : qir::ReshapeOp::create(b, type, value).getResult();
}

struct RecognizeNormalizations : impl::RecognizeNormalizationsBase<RecognizeNormalizations> {
  /// From the end on, so that a scale and a bias are found before what they are applied to.
  void runOnOperation() override {
    SmallVector<BinaryOp> roots;
    getOperation().walk([&](BinaryOp op) { roots.push_back(op); });
    for (BinaryOp root : llvm::reverse(roots))
      if (!root->use_empty())
        rewrite(root);
    for (Block &block : getOperation().getBody())
      for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
        if (isOpTriviallyDead(&op))
          op.erase();
  }

private:
  static void rewrite(BinaryOp root) {
    auto norm = matchNorm(root.getResult());
    if (!norm || norm->deviation.x.getType() != root.getType() ||
        !typeOf(root.getResult()).getElementType().isF32())
      return;
    ImplicitLocOpBuilder b(root.getLoc(), root);
    int64_t size = typeOf(root.getResult()).getShape().back();
    Value scale = flatten(b, norm->scale, size);
    Value bias = norm->bias ? flatten(b, norm->bias, size) : Value();
    auto result = qir::LayerNormOp::create(
        b, root.getType(), norm->deviation.x, scale, bias,
        llvm::APFloat(static_cast<float>(norm->deviation.epsilon)), !norm->deviation.isCentred);
    root.getResult().replaceAllUsesWith(result.getResult());
  }
};

} // namespace
} // namespace quern
