// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is built on e^x and log x. Polynomials: minimax fits (Lawson iteration) in double precision,
// rounded to single; their errors are in docs/numerics.md.

#include "passes/Numerics/Formula.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace quern::numerics {

static constexpr double inf = std::numeric_limits<double>::infinity();
static constexpr double log2e = 0x1.715476p+0;
/// ln 2 in two parts; a small integer times the first is exact.
static constexpr double ln2High = 0x1.62e4p-1;
static constexpr double ln2Low = 0x1.7f7d1cp-20;
static constexpr double ln2 = 0x1.62e43p-1;

/// e^r = 1 + r + r^2 (...) for |r| <= ln(2)/2.
static constexpr double expCoefficients[] = {1.0,           1.0,           0x1.fffdfcp-2,
                                             0x1.5557aep-3, 0x1.5729f4p-5, 0x1.106284p-7};

namespace {
/// x = n ln 2 + r, |r| <= ln(2)/2, n an integer.
struct Reduced {
  Value shifted; ///< n + bias + 1.5 * 2^23: its low bits are the integer n + bias
  Value r;
};
} // namespace

/// Adding 1.5 * 2^23 rounds to an integer and leaves it, biased, in the low bits.
static Reduced reduceByLn2(Formula &f, Value x, int bias) {
  Value magic = f.constant(0x1.8p23 + bias);
  Value shifted = f.fma(x, f.constant(log2e), magic);
  Value n = f.sub(shifted, magic);
  Value r = f.fma(n, f.constant(-ln2High), x);
  return {shifted, f.fma(n, f.constant(-ln2Low), r)};
}

/// The float whose exponent field is the low bits of `shifted`.
static Value powerOfTwo(Formula &f, Value shifted) {
  Value bits = arith::ShLIOp::create(f.b, f.toInteger(shifted), f.integer(23));
  return f.toFloat(bits);
}

/// e^x for x clamped to [-87.3, 88.8]. The factor 2^n is taken as 2 * 2^(n-1), since 2^128 is no
/// float: the 2 sits in the coefficients. n = -126 gives the factor 0.
static Value emitExpClamped(Formula &f, Value x) {
  Reduced reduced = reduceByLn2(f, x, 126);
  SmallVector<double> doubled;
  for (double coefficient : expCoefficients)
    doubled.push_back(2 * coefficient);
  return f.mul(f.polynomial(reduced.r, doubled), powerOfTwo(f, reduced.shifted));
}

Value emitExp(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  return emitExpClamped(f, emitClamp(b, x, -87.3F, 88.8F));
}

Value emitExpNonPositive(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  return emitExpClamped(f, emitMax(b, f.constant(-87.3F), x));
}

/// e^x - 1 for x <= 0: 2^n (e^r - 1) + (2^n - 1).
static Value emitExpm1NonPositive(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Reduced reduced = reduceByLn2(f, emitMax(b, f.constant(-87.0F), x), 127);
  Value factor = powerOfTwo(f, reduced.shifted);
  Value quotient = f.polynomial(reduced.r, llvm::ArrayRef(expCoefficients).drop_front());
  return f.fma(factor, f.mul(quotient, reduced.r), f.sub(factor, f.constant(1)));
}

Value emitAtanhSeries(Formula &f, Value z) {
  return f.polynomial(z, {0x1.555502p-1, 0x1.99d214p-2, 0x1.1ebc42p-2, 0x1.1edbc4p-2});
}

/// log(1 + u) for u in [-1/3, 1]: with s = u/(2+u), u - s (u - s^2 R(s^2)).
static Value emitLog1pCore(Formula &f, Value u) {
  Value s = f.div(u, f.add(u, f.constant(2)));
  Value z = f.mul(s, s);
  Value inner = f.fma(z, emitAtanhSeries(f, z), f.neg(u));
  return f.fma(s, inner, u);
}

Value emitLog(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value subnormal = f.less(x, 0x1p-126);
  Value scaled = f.select(subnormal, f.mul(x, f.constant(0x1p23)), x);
  Value bits = f.toInteger(scaled);
  // The mantissa is taken in [2/3, 4/3), so that log near 1 has no cancellation.
  Value above = arith::SubIOp::create(b, bits, f.integer(0x3F2AAAAB));
  Value exponent = arith::ShRSIOp::create(b, above, f.integer(23));
  Value mantissaBits =
      arith::SubIOp::create(b, bits, arith::ShLIOp::create(b, exponent, f.integer(23)).getResult());
  Value u = f.sub(f.toFloat(mantissaBits), f.constant(1));
  Value n = arith::SIToFPOp::create(b, f.type, exponent);
  n = f.add(n, f.select(subnormal, f.constant(-23), f.constant(0)));
  Value y = f.fma(n, f.constant(ln2), emitLog1pCore(f, u));
  y = f.select(f.less(x, inf), y, x);
  y = f.select(f.equal(x, 0), f.constant(-inf), y);
  return f.select(f.less(x, 0), f.constant(std::numeric_limits<double>::quiet_NaN()), y);
}

Value emitSigmoid(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value one = f.constant(1);
  return f.div(one, f.add(one, emitExp(b, f.neg(x))));
}

Value emitSilu(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  return f.div(x, f.add(f.constant(1), emitExp(b, f.neg(x))));
}

Value emitGeluTanh(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  // -2u = x * (-2 sqrt(2/pi) - 2 sqrt(2/pi) 0.044715 x^2)
  Value factor = f.fma(f.mul(x, x), f.constant(-0x1.2444f2p-4), f.constant(-0x1.988454p+0));
  return f.div(x, f.add(f.constant(1), emitExp(b, f.mul(x, factor))));
}

Value emitSoftplus(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value u = emitExpNonPositive(b, f.neg(f.abs(x)));
  return f.add(emitRelu(b, x), emitLog1pCore(f, u));
}

Value emitElu(ImplicitLocOpBuilder &b, Value x, float alpha) {
  Formula f(b, x);
  Value negative = emitExpm1NonPositive(b, emitMin(b, f.constant(0), x));
  Value positive = f.compare(arith::CmpFPredicate::OGT, x, f.constant(0));
  return f.select(positive, x, f.mul(f.constant(alpha), negative));
}

} // namespace quern::numerics
