// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The normative float algorithms (docs/numerics.md) as builders of scalar or vector ops.
///
/// Every builder works on values of type T or vector<NxT> alike (constants are splat to the
/// operand's shape) and emits only ops whose IEEE results are exactly defined: add, sub, mul, div,
/// fma, sqrt, abs, round to even, compare, select and integer ops, without fast-math flags. So the
/// bits are the same on every target, and `Evaluate.h` computes them on the host.
///
/// Values are seen in their compute type, as in a `quern.map` body: f32 for every float element
/// type, i32 for integers of at most 32 bits and for i1 (0 or 1), i64 for 64-bit integers
/// (`getComputeType`).
///
/// Accuracy is stated as the largest error against exact arithmetic over the function's range in
/// units in the last place (ulp) of the result, or absolute where the function goes through zero.
/// test/unit/passes holds the builders to these numbers.

#ifndef QUERN_PASSES_NUMERICS_ALGORITHMS_H
#define QUERN_PASSES_NUMERICS_ALGORITHMS_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <optional>

namespace quern::numerics {

/// `value` as a constant of `type` (float or integer of any width, or a vector of them).
mlir::Value emitConstant(mlir::ImplicitLocOpBuilder &b, mlir::Type type, double value);

/// max: a > b ? a : b. If either is NaN, or both are zeros, `b` wins (x86's vmaxps a, b).
mlir::Value emitMax(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
/// min: a < b ? a : b. If either is NaN, or both are zeros, `b` wins (x86's vminps a, b).
mlir::Value emitMin(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs, mlir::Value rhs);
/// min(high, max(low, x)): NaN stays NaN. Two instructions. Low <= high.
mlir::Value emitClamp(mlir::ImplicitLocOpBuilder &b, mlir::Value x, float low, float high);

/// e^x. 0 below -86.99 (where e^x < 1.7e-38), +inf from 88.72284 on; e^0 = 1 exactly. 2.2 ulp.
mlir::Value emitExp(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// The same bits as `emitExp` for x <= 0 (and NaN), with one op less.
mlir::Value emitExpNonPositive(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// Natural logarithm. log(+-0) = -inf, log(x < 0) = NaN; subnormal x are taken exactly. 0.9 ulp.
mlir::Value emitLog(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// 1 / (1 + e^-x). 3.1 ulp.
mlir::Value emitSigmoid(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// Rational function of x, clamped to +-1. 5.2 ulp.
mlir::Value emitTanh(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// Rational function of x, clamped to +-1. 6.1 ulp.
mlir::Value emitErf(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// x/2 * (1 + erf(x / sqrt 2)). -inf gives NaN, as the formula does. 8.5e-7
/// absolute, 2.5 ulp where the result is 0.2 or more.
mlir::Value emitGelu(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// x * sigmoid(2u), u = sqrt(2/pi) * (x + 0.044715 x^3): equals x/2 * (1 + tanh u). -inf: NaN.
/// 2e-7 absolute, 2 ulp where the result is 0.2 or more.
mlir::Value emitGeluTanh(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// x / (1 + e^-x). -inf gives NaN. 3.3 ulp.
mlir::Value emitSilu(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// log(1 + e^x) = max(x, 0) + log1p(e^-|x|). 2.6 ulp.
mlir::Value emitSoftplus(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// clamp(fma(alpha, x, beta), 0, 1).
mlir::Value emitHardSigmoid(mlir::ImplicitLocOpBuilder &b, mlir::Value x, float alpha, float beta);
/// x * clamp(fma(x, 1/6, 1/2), 0, 1).
mlir::Value emitHardSwish(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// x > 0 ? x : alpha * (e^x - 1); e^x - 1 is computed without cancellation. 12.1 ulp.
mlir::Value emitElu(mlir::ImplicitLocOpBuilder &b, mlir::Value x, float alpha);
/// x >= 0 ? x : alpha * x.
mlir::Value emitLeakyRelu(mlir::ImplicitLocOpBuilder &b, mlir::Value x, float alpha);
/// 0 > x ? 0 : x: NaN and -0 stay.
mlir::Value emitRelu(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// 1 / x, one division.
mlir::Value emitReciprocal(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// Largest integer <= x; smallest integer >= x; nearest integer, ties to even.
mlir::Value emitFloor(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value emitCeil(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
mlir::Value emitRound(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// -1, 1, or x itself where x is a zero or NaN.
mlir::Value emitSign(mlir::ImplicitLocOpBuilder &b, mlir::Value x);
/// x^y with C's special cases, computed in double precision and rounded once (at most 0.51 ulp).
/// If `y` is an arith.constant, the short forms of `emitPowConstant` are taken.
mlir::Value emitPow(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value y);
/// x^y for a known y: y = 1: x; 2: x*x; 3: (x*x)*x; 4: (x*x)*(x*x); 0: 1; 0.5: sqrt(x);
/// -0.5: 1/sqrt(x); -1: 1/x; else as `emitPow`.
mlir::Value emitPowConstant(mlir::ImplicitLocOpBuilder &b, mlir::Value x, float y);

/// The function `kind` of a value in compute type. Absent alpha and beta are ONNX's defaults: 0.01
/// (leaky_relu), 1 (elu), 0.2 and 0.5 (hard_sigmoid). Integers: abs, neg, relu, sign; `not` takes
/// and gives i32 0 or 1. Null if `kind` is not defined on the type.
mlir::Value emitUnary(mlir::ImplicitLocOpBuilder &b, qir::UnaryKind kind, mlir::Value x,
                      std::optional<float> alpha = {}, std::optional<float> beta = {});

/// The function `kind` of two values of one compute type. Comparisons give i32 0 or 1 (the compute
/// type of i1). max and min as `emitMax` and `emitMin`; prelu is lhs >= 0 ? lhs : lhs * rhs.
/// Integers: add, sub, mul wrap; div truncates and mod has the divisor's sign (both give 0 for a
/// zero divisor); float mod is lhs - trunc(lhs / rhs) * rhs with one fma. Null if `kind` is not
/// defined on the type (pow of integers).
mlir::Value emitBinary(mlir::ImplicitLocOpBuilder &b, qir::BinaryKind kind, mlir::Value lhs,
                       mlir::Value rhs);

/// condition != 0 ? onTrue : onFalse; the condition in compute type (i32) or as i1.
mlir::Value emitSelect(mlir::ImplicitLocOpBuilder &b, mlir::Value condition, mlir::Value onTrue,
                       mlir::Value onFalse);

/// `quern.cast` of a value in `from`'s compute type to `to`'s compute type, `from` and `to` being
/// tensor element types: float to integer truncates and saturates to `to`'s range (NaN gives 0),
/// integer to narrower integer wraps, to i1 is x != 0.
mlir::Value emitCast(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type from, mlir::Type to);

/// Whether the element type is an 8-bit float (f8E4M3FN, f8E5M2).
bool isSmallFloat(mlir::Type type);
/// Its largest finite value: 448 or 57344.
float largestSmallFloat(mlir::Type type);
/// The f32 value of the low 8 bits of `bits` (i32), a code of the 8-bit float type `from`. Exact.
mlir::Value emitWidenSmallFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value bits, mlir::Type from);
/// The code (i32, 0 to 255) of the value of the 8-bit float type `to` that is nearest to x, ties to
/// even. What is larger than all finite values, infinities included, becomes the largest finite one
/// with its sign (ONNX's saturate = 1); NaN stays NaN.
mlir::Value emitNarrowSmallFloat(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Type to);

/// (code - zeroPoint) * scale: integer subtraction, conversion, one multiplication. `code` and
/// `zeroPoint` are i32 (zeroPoint may be null: 0), `scale` is f32.
mlir::Value emitDequantize(mlir::ImplicitLocOpBuilder &b, mlir::Value code, mlir::Value zeroPoint,
                           mlir::Value scale);

/// What `quern.to_code` means, in arith ops: clamp(rne(x) + zeroPoint, lo, hi) as in unbounded
/// integers, NaN gives lo. `dynamicZeroPoint` (i32, may be null) is added to `zeroPoint`.
/// Vectors are allowed, so targets without a better instruction can use it.
mlir::Value emitToCode(mlir::ImplicitLocOpBuilder &b, mlir::Value x, mlir::Value dynamicZeroPoint,
                       int32_t zeroPoint, int32_t lo, int32_t hi);

} // namespace quern::numerics

#endif // QUERN_PASSES_NUMERICS_ALGORITHMS_H
