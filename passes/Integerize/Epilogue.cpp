// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Epilogue.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Ops/Verify.h"
#include "passes/Integerize/CodeFacts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace quern {

/// Constants larger than this are not worth folding into a multiplier.
static constexpr int64_t mostFolded = 65536;

namespace {

/// A linear value on its way through the float ops that follow it.
struct Chain {
  LinearValue linear;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

} // namespace

static int64_t countOf(ArrayRef<int64_t> shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

/// Broadcasts values of one shape to another by NumPy's rule.
template <typename T>
static std::vector<T> expand(const std::vector<T> &values, ArrayRef<int64_t> from,
                             ArrayRef<int64_t> to) {
  std::vector<T> result(countOf(to));
  size_t lead = to.size() - from.size();
  for (int64_t index = 0; index < static_cast<int64_t>(result.size()); ++index) {
    int64_t rest = index, source = 0, stride = 1;
    for (size_t d = to.size(); d-- > lead; rest /= to[d]) {
      source += from[d - lead] == 1 ? 0 : rest % to[d] * stride;
      stride *= from[d - lead];
    }
    result[index] = values[source];
  }
  return result;
}

/// Brings the chain's constants to the broadcast of their shape and `other`; false if that is too
/// large or would broadcast the value itself.
static bool broadcastTo(LinearValue &linear, ArrayRef<int64_t> other) {
  auto shape = qir::broadcastShapes({linear.shape, other});
  if (failed(shape) || countOf(*shape) > mostFolded)
    return false;
  linear.offsets = expand(linear.offsets, linear.shape, *shape);
  linear.multipliers = expand(linear.multipliers, linear.shape, *shape);
  linear.shape = *shape;
  return true;
}

/// A bias in codes: its scale must be the multiplier, up to the rounding of their product.
static bool absorbBias(LinearValue &linear, Value other) {
  auto facts = CodeFacts::behind(other);
  if (!facts || !elementOf(facts->codes).isSignedInteger(32) || facts->block ||
      !facts->hasConstantScale() || !facts->hasConstantZeroPoint())
    return false;
  auto codes = readConstant<int64_t>(facts->codes);
  auto type = tensorOf(facts->codes);
  bool lastAxis = !facts->axis || *facts->axis == type.getRank() - 1;
  LinearValue changed = linear;
  if (!codes || !lastAxis || !broadcastTo(changed, type.getShape()))
    return false;
  std::vector<int64_t> bias = expand(*codes, type.getShape(), changed.shape);
  int64_t most = 0, scales = facts->scales.size();
  for (size_t i = 0; i < bias.size(); ++i) {
    double scale = facts->scales[i % scales], multiplier = changed.multipliers[i];
    if (std::abs(scale - multiplier) > 1e-6 * multiplier)
      return false;
    bias[i] -= facts->zeroPoints[i % scales];
    most = std::max(most, std::abs(bias[i]));
    changed.offsets[i] += bias[i];
    if (std::abs(changed.offsets[i]) > INT32_MAX)
      return false;
  }
  changed.bound += static_cast<double>(most);
  if (changed.bound > INT32_MAX)
    return false;
  linear = std::move(changed);
  return true;
}

static bool absorbFactor(LinearValue &linear, Value other, bool divide) {
  auto factors = readConstant<double>(other);
  if (!factors || !elementOf(other).isF32())
    return false;
  ArrayRef<int64_t> shape = tensorOf(other).getShape();
  LinearValue changed = linear;
  if (!broadcastTo(changed, shape))
    return false;
  std::vector<double> all = expand(*factors, shape, changed.shape);
  for (size_t i = 0; i < all.size(); ++i) {
    double &multiplier = changed.multipliers[i];
    multiplier = divide ? multiplier / all[i] : multiplier * all[i];
    if (!std::isnormal(static_cast<float>(multiplier)))
      return false;
  }
  linear = std::move(changed);
  return true;
}

/// Goes one op further; false when the op is not one that can be absorbed.
static bool absorbFloatOp(Chain &chain, Operation *user) {
  auto clampTo = [&](float low, float high) {
    chain.low = std::clamp(chain.low, low, high);
    chain.high = std::clamp(chain.high, low, high);
    return true;
  };
  if (auto unary = llvm::dyn_cast<qir::UnaryOp>(user))
    return unary.getKind() == qir::UnaryKind::Relu &&
           clampTo(0.0f, std::numeric_limits<float>::infinity());
  if (auto clamp = llvm::dyn_cast<qir::ClampOp>(user))
    return clampTo(clamp.getLow().convertToFloat(), clamp.getHigh().convertToFloat());
  auto binary = llvm::dyn_cast<qir::BinaryOp>(user);
  bool clamped = std::isfinite(chain.low) || std::isfinite(chain.high);
  if (!binary || clamped || binary.getType() != chain.linear.value.getType())
    return false;
  if (binary.getKind() == qir::BinaryKind::Div)
    return binary.getLhs() == chain.linear.value &&
           absorbFactor(chain.linear, binary.getRhs(), /*divide=*/true);
  Value other = binary.getLhs() == chain.linear.value ? binary.getRhs() : binary.getLhs();
  return binary.getKind() == qir::BinaryKind::Mul && absorbFactor(chain.linear, other, false);
}

static Operation *onlyUser(Value value) {
  return value.hasOneUse() ? *value.getUsers().begin() : nullptr;
}

static void takeBias(LinearValue &linear) {
  auto add = llvm::dyn_cast_or_null<qir::BinaryOp>(onlyUser(linear.value));
  if (!add || add.getKind() != qir::BinaryKind::Add || add.getType() != linear.value.getType())
    return;
  Value other = add.getLhs() == linear.value ? add.getRhs() : add.getLhs();
  if (absorbBias(linear, other))
    linear.value = add;
}

/// Whether the quantize's scales can be folded into the chain's multipliers: one known scale, or
/// one for each channel where the chain's clamps are the same codes in all channels. The latter are
/// then divided out.
static bool takesScales(Chain &chain, qir::QuantizeOp quantize) {
  auto facts = CodeFacts::of(quantize);
  if (!facts || facts->isUniform() || !facts->isPerChannel())
    return facts && facts->isUniform();
  for (size_t channel = 1; channel < facts->scales.size(); ++channel)
    if (facts->quantize(chain.low, channel) != facts->quantize(chain.low) ||
        facts->quantize(chain.high, channel) != facts->quantize(chain.high))
      return false;
  LinearValue changed = chain.linear;
  if (!broadcastTo(changed, {static_cast<int64_t>(facts->scales.size())}))
    return false;
  for (size_t i = 0; i < changed.multipliers.size(); ++i) {
    // In single precision, as emitScaled divides by one scale.
    float multiplier = static_cast<float>(changed.multipliers[i]);
    changed.multipliers[i] = multiplier / facts->scales[i % facts->scales.size()];
    if (!std::isnormal(static_cast<float>(changed.multipliers[i])))
      return false;
  }
  chain.linear = std::move(changed);
  return true;
}

/// Follows the chain to a quantize with known scales; null if it ends elsewhere.
static qir::QuantizeOp followToQuantize(Chain &chain) {
  while (Operation *user = onlyUser(chain.linear.value)) {
    if (auto quantize = llvm::dyn_cast<qir::QuantizeOp>(user))
      return takesScales(chain, quantize) ? quantize : nullptr;
    if (!absorbFloatOp(chain, user))
      return nullptr;
    chain.linear.value = user->getResult(0);
  }
  return nullptr;
}

/// One value if all are equal.
template <typename T>
static SmallVector<int64_t> compress(std::vector<T> &values, ArrayRef<int64_t> shape) {
  if (!llvm::all_equal(values))
    return SmallVector<int64_t>(shape);
  values.resize(1);
  return {1};
}

static Value emitWithOffset(MapBuilder &map, const LinearValue &linear, EmitInteger emitInteger) {
  Value integer = emitInteger(map);
  if (llvm::all_of(linear.offsets, [](int64_t offset) { return offset == 0; }))
    return integer;
  std::vector<int64_t> offsets = linear.offsets;
  SmallVector<int64_t> shape = compress(offsets, linear.shape);
  return arith::AddIOp::create(map.body(), integer, map.readIntegers(shape, offsets));
}

static Value emitScaled(MapBuilder &map, const LinearValue &linear, double divisor,
                        EmitInteger emitInteger) {
  Value integer = emitWithOffset(map, linear, emitInteger);
  Value real = arith::SIToFPOp::create(map.body(), map.body().getF32Type(), integer);
  std::vector<float> multipliers;
  multipliers.reserve(linear.multipliers.size());
  for (double multiplier : linear.multipliers)
    multipliers.push_back(static_cast<float>(multiplier) / static_cast<float>(divisor));
  if (llvm::all_of(multipliers, [](float multiplier) { return multiplier == 1.0f; }))
    return real;
  SmallVector<int64_t> shape = compress(multipliers, linear.shape);
  return arith::MulFOp::create(map.body(), real, map.readFloats(shape, multipliers));
}

static void emitCodes(OpBuilder &builder, const Chain &chain, qir::QuantizeOp quantize,
                      Location location, EmitInteger emitInteger) {
  auto facts = *CodeFacts::of(quantize);
  builder.setInsertionPoint(quantize);
  MapBuilder map(builder, location, tensorOf(quantize).getShape());
  // Scales per channel are in the multipliers already.
  double scale = facts.isUniform() ? facts.scales.front() : 1.0, most = 0;
  Value scaled = emitScaled(map, chain.linear, scale, emitInteger);
  for (double multiplier : chain.linear.multipliers)
    most = std::max(most, std::abs(multiplier / scale));
  // Rounding the multiplier and the product adds far less than a factor of 2.
  bool bounded = chain.linear.bound * most < 0x1p29;
  Value code =
      qir::ToCodeOp::create(map.body(), scaled, Value(), facts.zeroPoints.front(),
                            facts.quantize(chain.low), facts.quantize(chain.high), bounded);
  qir::MapOp result = map.finish(code, elementOf(quantize), quantize.getSiteAttr());
  quantize.getResult().replaceAllUsesWith(result.getResult(0));
}

void replaceLinear(OpBuilder &builder, LinearValue linear, EmitInteger emitInteger) {
  Location location = linear.value.getLoc();
  takeBias(linear);
  Chain chain;
  chain.linear = linear;
  if (qir::QuantizeOp quantize = followToQuantize(chain))
    return emitCodes(builder, chain, quantize, location, emitInteger);
  builder.setInsertionPointAfterValue(linear.value);
  MapBuilder map(builder, location, tensorOf(linear.value).getShape());
  Value real = emitScaled(map, linear, 1.0, emitInteger);
  qir::MapOp result = map.finish(real, builder.getF32Type());
  linear.value.replaceAllUsesWith(result.getResult(0));
}

void replaceByInteger(OpBuilder &builder, Operation *op, const LinearValue &linear,
                      EmitInteger emitInteger) {
  builder.setInsertionPoint(op);
  MapBuilder map(builder, linear.value.getLoc(), tensorOf(op->getResult(0)).getShape());
  Value integer = emitWithOffset(map, linear, emitInteger);
  qir::MapOp result = map.finish(integer, elementOf(op->getResult(0)));
  op->getResult(0).replaceAllUsesWith(result.getResult(0));
}

void eraseDeadOps(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

} // namespace quern
