// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Between reals and codes, and conversions of element types.

#include "dialects/Quern/Schemes/StorageScheme.h"
#include "passes/Numerics/Formula.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace quern::numerics {

using Predicate = arith::CmpFPredicate;

Value emitDequantize(ImplicitLocOpBuilder &b, Value code, Value zeroPoint, Value scale) {
  Formula f(b, scale);
  if (zeroPoint)
    code = arith::SubIOp::create(b, code, zeroPoint);
  Value real = arith::SIToFPOp::create(b, f.withElement(b.getF32Type()), code);
  return f.mul(real, scale);
}

/// rne(x) + zeroPoint for small codes: clamping before rounding gives the same code, and then
/// adding 1.5 * 2^23 rounds and leaves the integer in the low bits.
static Value emitSmallCode(Formula &f, Value x, int32_t zeroPoint, int32_t lo, int32_t hi) {
  constexpr int32_t magicBits = 0x4B400000;
  Value low = f.constant(static_cast<double>(lo) - zeroPoint);
  Value high = f.constant(static_cast<double>(hi) - zeroPoint);
  Value bounded = emitMin(f.b, emitMax(f.b, x, low), high);
  Value bits = f.toInteger(f.add(bounded, f.constant(0x1.8p23)));
  return arith::SubIOp::create(f.b, bits, f.integer(magicBits - zeroPoint));
}

/// The general form, in 64-bit integers.
static Value emitWideCode(Formula &f, Value x, Value zeroPoint, int32_t lo, int32_t hi) {
  ImplicitLocOpBuilder &b = f.b;
  Type i64 = f.withElement(b.getI64Type());
  Type i32 = f.withElement(b.getI32Type());
  auto constant = [&](double value) { return emitConstant(b, i64, value); };
  // Beyond 2^34 every code is clamped, whatever the zero point.
  Value low = f.constant(-0x1p34);
  Value bounded = emitMin(b, emitMax(b, x, low), f.constant(0x1p34));
  Value rounded = arith::FPToSIOp::create(b, i64, emitRound(b, bounded));
  Value code = arith::AddIOp::create(b, rounded, arith::ExtSIOp::create(b, i64, zeroPoint));
  code = arith::MaxSIOp::create(b, code, constant(lo));
  code = arith::MinSIOp::create(b, code, constant(hi));
  return arith::TruncIOp::create(b, i32, code);
}

Value emitToCode(ImplicitLocOpBuilder &b, Value x, Value dynamicZeroPoint, int32_t zeroPoint,
                 int32_t lo, int32_t hi) {
  Formula f(b, x);
  auto isSmall = [&](int64_t bound) { return std::abs(bound - zeroPoint) <= (1 << 22); };
  if (!dynamicZeroPoint && isSmall(lo) && isSmall(hi))
    return emitSmallCode(f, x, zeroPoint, lo, hi);
  Value total = f.integer(zeroPoint);
  if (dynamicZeroPoint)
    total = arith::AddIOp::create(b, dynamicZeroPoint, total);
  return emitWideCode(f, x, total, lo, hi);
}

namespace {
/// The values that an integer element type holds, as doubles (2^64 - 1 rounds to 2^64).
struct IntegerRange {
  double low;
  double end; ///< one past the largest
};
} // namespace

static IntegerRange getRange(IntegerType type) {
  int width = static_cast<int>(type.getWidth());
  if (type.isUnsigned())
    return {0, std::ldexp(1.0, width)};
  return {-std::ldexp(1.0, width - 1), std::ldexp(1.0, width - 1)};
}

/// Keeps the low bits of a compute-type integer that an element of type `to` holds.
static Value emitWrap(ImplicitLocOpBuilder &b, Value x, IntegerType to) {
  Type type = x.getType();
  unsigned have = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  if (to.getWidth() == have)
    return x;
  if (to.isUnsigned()) {
    Value mask = emitConstant(b, type, static_cast<double>((int64_t{1} << to.getWidth()) - 1));
    return arith::AndIOp::create(b, x, mask);
  }
  Value shift = emitConstant(b, type, have - to.getWidth());
  Value top = arith::ShLIOp::create(b, x, shift);
  return arith::ShRSIOp::create(b, top, shift);
}

static Value emitIntegerCast(ImplicitLocOpBuilder &b, Value x, IntegerType from, IntegerType to) {
  Formula f(b, x);
  Type type = f.withElement(getComputeType(to));
  unsigned have = getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
  unsigned want = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  if (have < want)
    x = from.isUnsigned() ? arith::ExtUIOp::create(b, type, x).getResult()
                          : arith::ExtSIOp::create(b, type, x).getResult();
  else if (have > want)
    x = arith::TruncIOp::create(b, type, x);
  return emitWrap(b, x, to);
}

static Value emitFloatToInteger(ImplicitLocOpBuilder &b, Value x, IntegerType to) {
  Formula f(b, x);
  IntegerRange range = getRange(to);
  Type type = f.withElement(getComputeType(to));
  // The largest float below the end of the range: larger values saturate by the select below.
  int digits = getElementTypeOrSelf(f.type).isF64() ? 53 : 24;
  double step = std::ldexp(1.0, std::max(0, std::ilogb(range.end) - digits));
  Value finite = f.select(f.compare(Predicate::ORD, x, x), x, f.constant(0));
  Value bounded =
      emitMin(b, f.constant(range.end - step), emitMax(b, f.constant(range.low), finite));
  bool isWide = to.getWidth() >= 32;
  Value whole = to.isUnsigned() && isWide ? arith::FPToUIOp::create(b, type, bounded).getResult()
                                          : arith::FPToSIOp::create(b, type, bounded).getResult();
  if (!isWide || step <= 1.0)
    return whole;
  int64_t largest = to.isUnsigned()       ? -1
                    : to.getWidth() == 64 ? std::numeric_limits<int64_t>::max()
                                          : std::numeric_limits<int32_t>::max();
  Formula wide(b, f.withElement(getElementTypeOrSelf(type).isInteger(64) ? Type(b.getF64Type())
                                                                         : Type(b.getF32Type())));
  Value beyond = f.compare(Predicate::OGE, x, f.constant(range.end));
  return f.select(beyond, wide.integer(largest), whole);
}

static Value emitIsNonZero(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value zero = emitConstant(b, x.getType(), 0);
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(x.getType()));
  Value truth = isFloat ? f.compare(Predicate::UNE, x, zero)
                        : arith::CmpIOp::create(b, arith::CmpIPredicate::ne, x, zero).getResult();
  return arith::ExtUIOp::create(b, f.withElement(b.getI32Type()), truth);
}

static Value emitFloatCast(ImplicitLocOpBuilder &b, Value x, Type to) {
  Formula f(b, x);
  Type type = f.withElement(getComputeType(to));
  if (isSmallFloat(to)) {
    if (getElementTypeOrSelf(x.getType()).isF64())
      x = arith::TruncFOp::create(b, type, x);
    float most = largestSmallFloat(to);
    return emitClamp(b, x, -most, most); // rounded where it is stored
  }
  if (type == x.getType())
    return x;
  if (getElementTypeOrSelf(type).isF64())
    return arith::ExtFOp::create(b, type, x);
  return arith::TruncFOp::create(b, type, x);
}

Value emitCast(ImplicitLocOpBuilder &b, Value x, Type from, Type to) {
  auto integerFrom = dyn_cast<IntegerType>(from);
  auto integerTo = dyn_cast<IntegerType>(to);
  if (integerTo && integerTo.getWidth() == 1)
    return emitIsNonZero(b, x);
  if (integerFrom && integerTo)
    return emitIntegerCast(b, x, integerFrom, integerTo);
  if (integerTo)
    return emitFloatToInteger(b, x, integerTo);
  if (!integerFrom)
    return emitFloatCast(b, x, to);
  Type type = Formula(b, x).withElement(getComputeType(to));
  if (integerFrom.isUnsigned() && integerFrom.getWidth() >= 32)
    return arith::UIToFPOp::create(b, type, x);
  return arith::SIToFPOp::create(b, type, x);
}

} // namespace quern::numerics
