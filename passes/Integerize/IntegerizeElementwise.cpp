// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/Epilogue.h"
#include "passes/Integerize/MapBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern {
#define GEN_PASS_DEF_INTEGERIZEELEMENTWISE
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

namespace {

/// quantize(clamp(core)): what is requantized, and the clamps' range in real values.
struct Requantization {
  CodeFacts to;
  Value core;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

/// The x of to_code(x), the largest |x| and the zero point that is yet to be added.
struct Scaled {
  Value value;
  double bound;
  int64_t zeroPoint;
};

} // namespace

/// Looks through relu and clamp, from the last to the first: the outer ones apply last.
static void lookThroughClamps(Requantization &chain) {
  SmallVector<std::pair<float, float>> ranges;
  while (true) {
    if (auto unary = chain.core.getDefiningOp<qir::UnaryOp>()) {
      if (unary.getKind() != qir::UnaryKind::Relu)
        break;
      ranges.push_back({0.0f, std::numeric_limits<float>::infinity()});
      chain.core = unary.getInput();
    } else if (auto clamp = chain.core.getDefiningOp<qir::ClampOp>()) {
      ranges.push_back({clamp.getLow().convertToFloat(), clamp.getHigh().convertToFloat()});
      chain.core = clamp.getInput();
    } else {
      break;
    }
  }
  for (auto [low, high] : llvm::reverse(ranges)) {
    chain.low = std::clamp(chain.low, low, high);
    chain.high = std::clamp(chain.high, low, high);
  }
}

static std::optional<CodeFacts> readUniform(Value value) {
  auto facts = CodeFacts::behind(value);
  if (!facts || !facts->isUniform() || !isByteCode(elementOf(facts->codes)))
    return std::nullopt;
  return facts;
}

/// What makes codes unsigned: sums are rounded the same way whether a target wants codes signed.
static int64_t biasOf(Type element) { return element.isSignedInteger(8) ? 128 : 0; }
static int64_t biasOf(const CodeFacts &facts) { return biasOf(elementOf(facts.codes)); }

/// The code as an unsigned one, as f32.
static Value emitCode(MapBuilder &map, const CodeFacts &facts) {
  Value code = map.read(facts.codes);
  if (int64_t bias = biasOf(facts))
    code = arith::AddIOp::create(map.body(), code, map.readInteger(bias));
  return arith::SIToFPOp::create(map.body(), map.body().getF32Type(), code);
}

static double largestCode(const CodeFacts &facts) {
  return static_cast<double>(
      std::max(std::abs(facts.high + biasOf(facts)), std::abs(facts.low + biasOf(facts))));
}

/// The exact code minus its zero point, as f32.
static Value emitValue(MapBuilder &map, const CodeFacts &facts) {
  Value code = map.read(facts.codes);
  if (int64_t zero = facts.zeroPoints.front())
    code = arith::SubIOp::create(map.body(), code, map.readInteger(zero));
  return arith::SIToFPOp::create(map.body(), map.body().getF32Type(), code);
}

static double largestValue(const CodeFacts &facts) {
  int64_t zero = facts.zeroPoints.front();
  return static_cast<double>(std::max(std::abs(facts.high - zero), std::abs(facts.low - zero)));
}

static bool isUsable(double ratio) { return std::isnormal(static_cast<float>(ratio)); }

/// fa * r.
static std::optional<Scaled> emitSingle(MapBuilder &map, const CodeFacts &a, const CodeFacts &to) {
  double ratio = a.scales.front() / to.scales.front();
  if (!isUsable(ratio))
    return std::nullopt;
  Value factor = map.readFloat(static_cast<float>(ratio));
  return Scaled{arith::MulFOp::create(map.body(), emitValue(map, a), factor),
                largestValue(a) * ratio, to.zeroPoints.front()};
}

/// fma(a, ra, fma(b, rb, fixed)) over unsigned codes: all zero points are in `fixed`, but for the
/// lowest bit of the result's, which stays outside so that ties round to even. `element` is the
/// result's type.
static std::optional<Scaled> emitSum(MapBuilder &map, const CodeFacts &a, const CodeFacts &b,
                                     const CodeFacts &to, Type element, bool subtract) {
  double scale = to.scales.front();
  auto left = static_cast<float>(a.scales.front() / scale);
  auto right = static_cast<float>((subtract ? -1.0 : 1.0) * b.scales.front() / scale);
  if (!isUsable(left) || !isUsable(right))
    return std::nullopt;
  int64_t inside = (to.zeroPoints.front() + biasOf(element)) & ~int64_t{1};
  auto zeroA = static_cast<float>(a.zeroPoints.front() + biasOf(a));
  auto zeroB = static_cast<float>(b.zeroPoints.front() + biasOf(b));
  float fixed = static_cast<float>(inside) - std::fma(left, zeroA, right * zeroB);
  double bound =
      largestCode(a) * std::abs(left) + largestCode(b) * std::abs(right) + std::abs(fixed);
  Value sum =
      math::FmaOp::create(map.body(), emitCode(map, b), map.readFloat(right), map.readFloat(fixed));
  sum = math::FmaOp::create(map.body(), emitCode(map, a), map.readFloat(left), sum);
  return Scaled{sum, bound, to.zeroPoints.front() - inside};
}

/// (fa * fb) * r: the product of codes is exact.
static std::optional<Scaled> emitProduct(MapBuilder &map, const CodeFacts &a, const CodeFacts &b,
                                         const CodeFacts &to) {
  double ratio = static_cast<double>(a.scales.front()) * b.scales.front() / to.scales.front();
  if (!isUsable(ratio))
    return std::nullopt;
  Value product = arith::MulFOp::create(map.body(), emitValue(map, a), emitValue(map, b));
  Value factor = map.readFloat(static_cast<float>(ratio));
  return Scaled{arith::MulFOp::create(map.body(), product, factor),
                largestValue(a) * largestValue(b) * ratio, to.zeroPoints.front()};
}

static std::optional<Scaled> emitCore(MapBuilder &map, const Requantization &chain, Type element) {
  const CodeFacts &to = chain.to;
  if (auto single = readUniform(chain.core))
    return emitSingle(map, *single, to);
  auto binary = chain.core.getDefiningOp<qir::BinaryOp>();
  if (!binary)
    return std::nullopt;
  auto a = readUniform(binary.getLhs()), b = readUniform(binary.getRhs());
  if (!a || !b)
    return std::nullopt;
  switch (binary.getKind()) {
  case qir::BinaryKind::Add:
  case qir::BinaryKind::Sub:
    return emitSum(map, *a, *b, to, element, binary.getKind() == qir::BinaryKind::Sub);
  case qir::BinaryKind::Mul:
    return emitProduct(map, *a, *b, to);
  default:
    return std::nullopt;
  }
}

static void integerize(qir::QuantizeOp quantize) {
  auto to = CodeFacts::of(quantize);
  if (!to || !to->isUniform())
    return;
  Requantization chain{*to, quantize.getInput()};
  lookThroughClamps(chain);
  OpBuilder builder(quantize);
  MapBuilder map(builder, chain.core.getLoc(), tensorOf(quantize).getShape());
  auto scaled = emitCore(map, chain, elementOf(quantize));
  if (!scaled)
    return;
  bool bounded = scaled->bound < 0x1p29;
  Value code = qir::ToCodeOp::create(map.body(), scaled->value, Value(), scaled->zeroPoint,
                                     to->quantize(chain.low), to->quantize(chain.high), bounded);
  qir::MapOp result = map.finish(code, elementOf(quantize), quantize.getSiteAttr());
  quantize.getResult().replaceAllUsesWith(result.getResult(0));
}

namespace {

class IntegerizeElementwisePass
    : public impl::IntegerizeElementwiseBase<IntegerizeElementwisePass> {
public:
  void runOnOperation() override {
    SmallVector<qir::QuantizeOp> work;
    getOperation().walk([&](qir::QuantizeOp op) { work.push_back(op); });
    for (qir::QuantizeOp op : work)
      integerize(op);
    for (Block &block : getOperation().getBody())
      eraseDeadOps(block);
  }
};

} // namespace

} // namespace quern
