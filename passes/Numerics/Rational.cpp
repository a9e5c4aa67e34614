// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// tanh and erf as x P(x^2) / Q(x^2): odd by construction, one division, no range reduction. Fits:
// linearized least squares with Lawson's weights for the relative error, rounded to single.

#include "passes/Numerics/Formula.h"

using namespace mlir;

namespace quern::numerics {

namespace {
struct Rational {
  float range; ///< where the fit, and what rounds to it, has reached 1
  llvm::ArrayRef<double> numerator, denominator;
};
} // namespace

static constexpr double tanhP[] = {1.0, 0x1.120afep-3, 0x1.ca2b84p-9, 0x1.59c108p-16,
                                   0x1.cad566p-27};
static constexpr double tanhQ[] = {1.0, 0x1.de5ac8p-2, 0x1.a7f78p-6, 0x1.5884c2p-12,
                                   0x1.a17bbap-21};
static constexpr double erfP[] = {0x1.20dd74p+0, 0x1.85efc4p-3,  0x1.b01b7p-5,
                                  0x1.ed83cap-9, 0x1.2ab352p-12, 0x1.1325bp-19};
static constexpr double erfQ[] = {1.0,           0x1.010f38p-1,  0x1.d3607ep-4,
                                  0x1.ea7c48p-7, 0x1.30b89cp-10, 0x1.3f855p-15};

static Value emitRational(ImplicitLocOpBuilder &b, Value x, const Rational &fit) {
  Formula f(b, x);
  Value t = emitClamp(b, x, -fit.range, fit.range);
  Value z = f.mul(t, t);
  Value numerator = f.mul(t, f.polynomial(z, fit.numerator));
  Value quotient = f.div(numerator, f.polynomial(z, fit.denominator));
  // Rounding may step over 1, which users of tanh and erf do not expect.
  return emitClamp(b, quotient, -1, 1);
}

Value emitTanh(ImplicitLocOpBuilder &b, Value x) {
  return emitRational(b, x, {9.1875F, tanhP, tanhQ});
}

Value emitErf(ImplicitLocOpBuilder &b, Value x) { return emitRational(b, x, {4.0F, erfP, erfQ}); }

Value emitGelu(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value half = f.mul(x, f.constant(0.5));
  Value erf = emitErf(b, f.mul(x, f.constant(0x1.6a09e6p-1)));
  return f.fma(half, erf, half);
}

} // namespace quern::numerics
