// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/CodeFacts.h"

#include "dialects/Quern/ConstantData.h"
#include "dialects/Quern/Schemes/StorageScheme.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace quern {

RankedTensorType tensorOf(Value value) { return llvm::cast<RankedTensorType>(value.getType()); }

Type elementOf(Value value) { return tensorOf(value).getElementType(); }

bool isByteCode(Type type) {
  auto integer = llvm::dyn_cast<IntegerType>(type);
  return integer && !integer.isSignless() && integer.getWidth() <= 8;
}

bool CodeFacts::isPerChannel() const {
  return axis && !block && *axis == tensorOf(codes).getRank() - 1 && hasConstantScale() &&
         hasConstantZeroPoint() && llvm::all_equal(zeroPoints);
}

int64_t CodeFacts::quantize(float value, size_t channel) const {
  float scaled = value * (1.0f / scales[channel]);
  if (std::isnan(scaled))
    return low;
  double code =
      std::nearbyint(static_cast<double>(scaled)) + static_cast<double>(zeroPoints.front());
  return static_cast<int64_t>(
      std::clamp(code, static_cast<double>(low), static_cast<double>(high)));
}

static void readScales(CodeFacts &facts) {
  if (tensorOf(facts.scale).getNumElements() == 1 && !facts.block)
    facts.axis.reset();
  if (auto scales = readConstant<float>(facts.scale))
    facts.scales = std::move(*scales);
  if (!facts.zeroPoint)
    facts.zeroPoints.assign(tensorOf(facts.scale).getNumElements(), 0);
  else if (auto zeroPoints = readConstant<int64_t>(facts.zeroPoint))
    facts.zeroPoints = std::move(*zeroPoints);
}

template <typename Op> static CodeFacts readFacts(Op op, Value codes) {
  CodeFacts facts;
  facts.op = op;
  facts.codes = codes;
  facts.scale = op.getScale();
  facts.zeroPoint = op.getZeroPoint();
  facts.axis = op.getAxis();
  facts.block = op.getBlockSize();
  readScales(facts);
  return facts;
}

/// The range of an integer code type; false for float codes.
static bool setRange(CodeFacts &facts, Type type) {
  if (type.isSignedInteger(32)) {
    facts.low = INT32_MIN;
    facts.high = INT32_MAX;
    return true;
  }
  auto scheme = getStorageScheme(type);
  if (!scheme || scheme->isFloat)
    return false;
  facts.low = scheme->min;
  facts.high = scheme->max;
  return true;
}

std::optional<CodeFacts> CodeFacts::of(qir::DequantizeOp op) {
  if (!op || op.getCodebook())
    return std::nullopt;
  CodeFacts facts = readFacts(op, op.getInput());
  if (!setRange(facts, elementOf(op.getInput())))
    return std::nullopt;
  return facts;
}

std::optional<CodeFacts> CodeFacts::of(qir::QuantizeOp op) {
  if (!op)
    return std::nullopt;
  CodeFacts facts = readFacts(op, op.getResult());
  if (!setRange(facts, elementOf(op.getResult())))
    return std::nullopt;
  if (op.getLo())
    facts.low = std::max<int64_t>(facts.low, *op.getLo());
  if (op.getHi())
    facts.high = std::min<int64_t>(facts.high, *op.getHi());
  return facts;
}

std::optional<CodeFacts> CodeFacts::behind(Value value) {
  return of(value.getDefiningOp<qir::DequantizeOp>());
}

bool CodeFacts::agreesWith(const CodeFacts &other) const {
  return isUniform() && other.isUniform() && elementOf(codes) == elementOf(other.codes) &&
         scales == other.scales && zeroPoints == other.zeroPoints;
}

} // namespace quern
