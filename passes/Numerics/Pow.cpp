// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x^y = e^(y log|x|) in double precision: 29 spare bits absorb the error that y multiplies, so the
// one rounding to single at the end is (nearly always) that of the exact power.

#include "passes/Numerics/Formula.h"

#include "mlir/IR/Matchers.h"

#include <limits>

using namespace mlir;

namespace quern::numerics {

static constexpr double inf = std::numeric_limits<double>::infinity();
static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Predicate = arith::CmpFPredicate;

/// c0 + x (c1 + ...), multiplication and addition each rounded: soft double fma is slow.
static Value polynomial(Formula &f, Value x, llvm::ArrayRef<double> coefficients) {
  Value sum = f.constant(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = f.add(f.mul(sum, x), f.constant(coefficient));
  return sum;
}

/// log of a double a > 0 that is normal; -inf for 0, a itself for inf and NaN.
static Value emitLogDouble(Formula &f, Value a) {
  Value bits = f.toInteger(a);
  Value above = arith::SubIOp::create(f.b, bits, f.integer(0x3FE5555555555555));
  Value exponent = arith::ShRSIOp::create(f.b, above, f.integer(52));
  Value shifted = arith::ShLIOp::create(f.b, exponent, f.integer(52));
  Value mantissa = f.toFloat(arith::SubIOp::create(f.b, bits, shifted));
  Value u = f.sub(mantissa, f.constant(1));
  Value s = f.div(u, f.add(u, f.constant(2)));
  Value z = f.mul(s, s);
  Value series = polynomial(
      f, z, {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17});
  Value n = arith::SIToFPOp::create(f.b, f.type, exponent);
  Value y = f.add(f.mul(n, f.constant(0x1.62e42fefa39efp-1)), f.mul(s, series));
  y = f.select(f.less(a, inf), y, a);
  return f.select(f.equal(a, 0), f.constant(-inf), y);
}

/// e^w in double precision, good to 1e-9, for |w| <= 200.
static Value emitExpDouble(Formula &f, Value w) {
  Value magic = f.constant(0x1.8p52);
  Value shifted = f.add(f.mul(w, f.constant(0x1.71547652b82fep+0)), magic);
  Value n = f.sub(shifted, magic);
  Value r = f.sub(w, f.mul(n, f.constant(0x1.62e42fefa39efp-1)));
  Value p = polynomial(
      f, r, {1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320});
  // The low bits of `shifted` are n.
  Value biased = arith::AddIOp::create(f.b, f.toInteger(shifted), f.integer(1023));
  Value factor = f.toFloat(arith::ShLIOp::create(f.b, biased, f.integer(52)));
  return f.mul(p, factor);
}

/// |x|^y, rounded to x's type; C's special cases of pow for x >= 0.
static Value emitMagnitude(ImplicitLocOpBuilder &b, Value x, Value y) {
  Formula single(b, x);
  Formula f(b, single.withElement(b.getF64Type()));
  Value a = arith::ExtFOp::create(b, f.type, single.abs(x));
  Value wideY = arith::ExtFOp::create(b, f.type, y);
  Value w = f.mul(wideY, emitLogDouble(f, a));
  w = emitMin(b, f.constant(200), emitMax(b, f.constant(-200), w));
  Value power = f.select(f.equal(a, 1), f.constant(1), emitExpDouble(f, w));
  return arith::TruncFOp::create(b, single.type, power);
}

static Value emitGeneralPow(ImplicitLocOpBuilder &b, Value x, Value y) {
  Formula f(b, x);
  Value magnitude = emitMagnitude(b, x, y);
  auto isInteger = [&](Value v) { return f.compare(Predicate::OEQ, emitRound(b, v), v); };
  Value whole = isInteger(y);
  Value evenOrNot = isInteger(f.mul(y, f.constant(0.5)));
  // A negative x, -0 too, gives its sign to odd powers.
  Value signBit = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, f.toInteger(x), f.integer(0));
  Value negated = f.select(signBit, f.neg(magnitude), magnitude);
  Value power = f.select(evenOrNot, magnitude, f.select(whole, negated, magnitude));
  Value finiteNegative =
      arith::AndIOp::create(b, f.less(x, 0), f.compare(Predicate::OGT, x, f.constant(-inf)));
  Value negativeRoot = f.select(whole, power, f.constant(nan));
  power = f.select(finiteNegative, negativeRoot, power);
  return f.select(f.equal(y, 0), f.constant(1), power);
}

Value emitPowConstant(ImplicitLocOpBuilder &b, Value x, float y) {
  Formula f(b, x);
  if (y == 0.0F)
    return f.constant(1);
  if (y == 1.0F)
    return x;
  if (y == -1.0F)
    return emitReciprocal(b, x);
  if (y == 0.5F)
    return math::SqrtOp::create(b, x);
  if (y == -0.5F)
    return emitReciprocal(b, math::SqrtOp::create(b, x));
  if (y != 2.0F && y != 3.0F && y != 4.0F)
    return emitGeneralPow(b, x, f.constant(y));
  Value square = f.mul(x, x);
  if (y == 2.0F)
    return square;
  return f.mul(square, y == 3.0F ? x : square);
}

Value emitPow(ImplicitLocOpBuilder &b, Value x, Value y) {
  Attribute attribute;
  if (matchPattern(y, m_Constant(&attribute))) {
    if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
      attribute = splat.getSplatValue<Attribute>();
    if (auto scalar = dyn_cast<FloatAttr>(attribute))
      return emitPowConstant(b, x, static_cast<float>(scalar.getValueAsDouble()));
  }
  return emitGeneralPow(b, x, y);
}

} // namespace quern::numerics
