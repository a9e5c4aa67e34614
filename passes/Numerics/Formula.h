// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Short names for the ops that formulas are written in; used inside Numerics only.

#ifndef QUERN_PASSES_NUMERICS_FORMULA_H
#define QUERN_PASSES_NUMERICS_FORMULA_H

#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace quern::numerics {

/// Builds a formula over values of one type.
struct Formula {
  mlir::ImplicitLocOpBuilder &b;
  /// Of the values: f32, f64 or a vector of one of them.
  mlir::Type type;

  Formula(mlir::ImplicitLocOpBuilder &b, mlir::Value like) : b(b), type(like.getType()) {}
  Formula(mlir::ImplicitLocOpBuilder &b, mlir::Type type) : b(b), type(type) {}

  /// The type with another element type.
  mlir::Type withElement(mlir::Type element) const;
  /// The integer type as wide as `type`.
  mlir::Type integerType() const;

  using Value = mlir::Value;
  Value constant(double value) { return emitConstant(b, type, value); }
  /// An integer constant of `integerType()`.
  Value integer(int64_t value);
  Value add(Value x, Value y) { return mlir::arith::AddFOp::create(b, x, y); }
  Value sub(Value x, Value y) { return mlir::arith::SubFOp::create(b, x, y); }
  Value mul(Value x, Value y) { return mlir::arith::MulFOp::create(b, x, y); }
  Value div(Value x, Value y) { return mlir::arith::DivFOp::create(b, x, y); }
  Value neg(Value x) { return mlir::arith::NegFOp::create(b, x); }
  Value abs(Value x) { return mlir::math::AbsFOp::create(b, x); }
  /// x * y + z, rounded once.
  Value fma(Value x, Value y, Value z) { return mlir::math::FmaOp::create(b, x, y, z); }
  Value select(Value condition, Value x, Value y) {
    return mlir::arith::SelectOp::create(b, condition, x, y);
  }
  Value compare(mlir::arith::CmpFPredicate predicate, Value x, Value y) {
    return mlir::arith::CmpFOp::create(b, predicate, x, y);
  }
  Value less(Value x, double y) { return compare(mlir::arith::CmpFPredicate::OLT, x, constant(y)); }
  Value equal(Value x, double y) {
    return compare(mlir::arith::CmpFPredicate::OEQ, x, constant(y));
  }
  Value toInteger(Value x) { return mlir::arith::BitcastOp::create(b, integerType(), x); }
  Value toFloat(Value bits) { return mlir::arith::BitcastOp::create(b, type, bits); }
  /// coefficients[0] + x * (coefficients[1] + x * (...)), by fma from the last on.
  Value polynomial(Value x, llvm::ArrayRef<double> coefficients);
};

/// 2/3 + 2/5 z + 2/7 z^2 + ..., so that log((1+s)/(1-s)) = 2s + s*z*R(z) with z = s^2 <= 1/9.
mlir::Value emitAtanhSeries(Formula &f, mlir::Value z);

} // namespace quern::numerics

#endif // QUERN_PASSES_NUMERICS_FORMULA_H
