// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions that need no approximation, and the choice of a function by its kind.

#include "passes/Numerics/Formula.h"

#include <limits>

using namespace mlir;

namespace quern::numerics {

using Predicate = arith::CmpFPredicate;
using IntPredicate = arith::CmpIPredicate;
using qir::BinaryKind;
using qir::UnaryKind;

Value emitMax(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  Formula f(b, lhs);
  return f.select(f.compare(Predicate::OGT, lhs, rhs), lhs, rhs);
}

Value emitMin(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  Formula f(b, lhs);
  return f.select(f.compare(Predicate::OLT, lhs, rhs), lhs, rhs);
}

Value emitClamp(ImplicitLocOpBuilder &b, Value x, float low, float high) {
  Formula f(b, x);
  return emitMin(b, f.constant(high), emitMax(b, f.constant(low), x));
}

Value emitHardSigmoid(ImplicitLocOpBuilder &b, Value x, float alpha, float beta) {
  Formula f(b, x);
  return emitClamp(b, f.fma(f.constant(alpha), x, f.constant(beta)), 0, 1);
}

Value emitHardSwish(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  return f.mul(x, emitHardSigmoid(b, x, 1.0F / 6.0F, 0.5F));
}

Value emitLeakyRelu(ImplicitLocOpBuilder &b, Value x, float alpha) {
  Formula f(b, x);
  return f.select(f.compare(Predicate::OGE, x, f.constant(0)), x, f.mul(f.constant(alpha), x));
}

Value emitRelu(ImplicitLocOpBuilder &b, Value x) {
  return emitMax(b, Formula(b, x).constant(0), x);
}

Value emitReciprocal(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  return f.div(f.constant(1), x);
}

Value emitRound(ImplicitLocOpBuilder &b, Value x) { return math::RoundEvenOp::create(b, x); }

Value emitFloor(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value r = emitRound(b, x);
  return f.select(f.compare(Predicate::OGT, r, x), f.sub(r, f.constant(1)), r);
}

Value emitCeil(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value r = emitRound(b, x);
  return f.select(f.compare(Predicate::OLT, r, x), f.add(r, f.constant(1)), r);
}

Value emitSign(ImplicitLocOpBuilder &b, Value x) {
  Formula f(b, x);
  Value negativeOrSelf = f.select(f.less(x, 0), f.constant(-1), x);
  return f.select(f.compare(Predicate::OGT, x, f.constant(0)), f.constant(1), negativeOrSelf);
}

static Value emitIntegerUnary(ImplicitLocOpBuilder &b, UnaryKind kind, Value x) {
  Type type = x.getType();
  Value zero = emitConstant(b, type, 0);
  Value one = emitConstant(b, type, 1);
  auto negative = [&] { return arith::SubIOp::create(b, zero, x); };
  switch (kind) {
  case UnaryKind::Neg:
    return negative();
  case UnaryKind::Abs:
    return arith::MaxSIOp::create(b, x, negative());
  case UnaryKind::Relu:
    return arith::MaxSIOp::create(b, x, zero);
  case UnaryKind::Sign:
    return arith::MinSIOp::create(
        b, one, arith::MaxSIOp::create(b, x, emitConstant(b, type, -1)).getResult());
  case UnaryKind::Not:
    return arith::XOrIOp::create(b, x, one);
  default:
    return {};
  }
}

static Value emitFloatUnary(ImplicitLocOpBuilder &b, UnaryKind kind, Value x,
                            std::optional<float> alpha, std::optional<float> beta) {
  switch (kind) {
  case UnaryKind::Abs:
    return math::AbsFOp::create(b, x);
  case UnaryKind::Neg:
    return arith::NegFOp::create(b, x);
  case UnaryKind::Relu:
    return emitRelu(b, x);
  case UnaryKind::Exp:
    return emitExp(b, x);
  case UnaryKind::Log:
    return emitLog(b, x);
  case UnaryKind::Sqrt:
    return math::SqrtOp::create(b, x);
  case UnaryKind::Reciprocal:
    return emitReciprocal(b, x);
  case UnaryKind::Erf:
    return emitErf(b, x);
  case UnaryKind::Tanh:
    return emitTanh(b, x);
  case UnaryKind::Sigmoid:
    return emitSigmoid(b, x);
  case UnaryKind::Gelu:
    return emitGelu(b, x);
  case UnaryKind::GeluTanh:
    return emitGeluTanh(b, x);
  case UnaryKind::Silu:
    return emitSilu(b, x);
  case UnaryKind::HardSigmoid:
    return emitHardSigmoid(b, x, alpha.value_or(0.2F), beta.value_or(0.5F));
  case UnaryKind::HardSwish:
    return emitHardSwish(b, x);
  case UnaryKind::Softplus:
    return emitSoftplus(b, x);
  case UnaryKind::Floor:
    return emitFloor(b, x);
  case UnaryKind::Ceil:
    return emitCeil(b, x);
  case UnaryKind::Round:
    return emitRound(b, x);
  case UnaryKind::Sign:
    return emitSign(b, x);
  case UnaryKind::Elu:
    return emitElu(b, x, alpha.value_or(1.0F));
  case UnaryKind::LeakyRelu:
    return emitLeakyRelu(b, x, alpha.value_or(0.01F));
  case UnaryKind::Not:
    return {};
  }
  return {};
}

static bool isFloat(Value x) { return isa<FloatType>(getElementTypeOrSelf(x.getType())); }

Value emitUnary(ImplicitLocOpBuilder &b, UnaryKind kind, Value x, std::optional<float> alpha,
                std::optional<float> beta) {
  return isFloat(x) ? emitFloatUnary(b, kind, x, alpha, beta) : emitIntegerUnary(b, kind, x);
}

static std::optional<std::pair<Predicate, IntPredicate>> getPredicates(BinaryKind kind) {
  switch (kind) {
  case BinaryKind::Equal:
    return std::pair(Predicate::OEQ, IntPredicate::eq);
  case BinaryKind::Less:
    return std::pair(Predicate::OLT, IntPredicate::slt);
  case BinaryKind::LessEqual:
    return std::pair(Predicate::OLE, IntPredicate::sle);
  case BinaryKind::Greater:
    return std::pair(Predicate::OGT, IntPredicate::sgt);
  case BinaryKind::GreaterEqual:
    return std::pair(Predicate::OGE, IntPredicate::sge);
  default:
    return std::nullopt;
  }
}

static Value emitFloatBinary(ImplicitLocOpBuilder &b, BinaryKind kind, Value lhs, Value rhs) {
  Formula f(b, lhs);
  switch (kind) {
  case BinaryKind::Add:
    return f.add(lhs, rhs);
  case BinaryKind::Sub:
    return f.sub(lhs, rhs);
  case BinaryKind::Mul:
    return f.mul(lhs, rhs);
  case BinaryKind::Div:
    return f.div(lhs, rhs);
  case BinaryKind::Max:
    return emitMax(b, lhs, rhs);
  case BinaryKind::Min:
    return emitMin(b, lhs, rhs);
  case BinaryKind::Pow:
    return emitPow(b, lhs, rhs);
  case BinaryKind::PRelu:
    return f.select(f.compare(Predicate::OGE, lhs, f.constant(0)), lhs, f.mul(lhs, rhs));
  case BinaryKind::Mod: {
    Value quotient = f.div(lhs, rhs);
    Value whole = f.select(f.less(quotient, 0), emitCeil(b, quotient), emitFloor(b, quotient));
    return f.fma(f.neg(whole), rhs, lhs);
  }
  default:
    return {};
  }
}

/// Division and remainder are undefined for a zero divisor and for the smallest integer over -1;
/// both are kept away from the ops.
static Value emitIntegerDivision(ImplicitLocOpBuilder &b, BinaryKind kind, Value lhs, Value rhs) {
  Type type = lhs.getType();
  Value zero = emitConstant(b, type, 0);
  Value minusOne = emitConstant(b, type, -1);
  auto isZero = [&](Value v) { return arith::CmpIOp::create(b, IntPredicate::eq, v, zero); };
  auto select = [&](Value c, Value x, Value y) { return arith::SelectOp::create(b, c, x, y); };
  Value byZero = isZero(rhs);
  Value byMinusOne = arith::CmpIOp::create(b, IntPredicate::eq, rhs, minusOne);
  Value special = arith::OrIOp::create(b, byZero, byMinusOne);
  Value divisor = select(special, emitConstant(b, type, 1), rhs);
  if (kind == BinaryKind::Div) {
    Value negated = arith::SubIOp::create(b, zero, lhs);
    Value quotient = arith::DivSIOp::create(b, lhs, divisor);
    return select(byZero, zero, select(byMinusOne, negated, quotient));
  }
  Value remainder = arith::RemSIOp::create(b, lhs, divisor);
  Value mixed = arith::CmpIOp::create(
      b, IntPredicate::slt, arith::XOrIOp::create(b, remainder, divisor).getResult(), zero);
  Value moved = arith::AddIOp::create(b, remainder, divisor);
  return select(isZero(remainder), zero, select(mixed, moved, remainder));
}

static Value emitIntegerBinary(ImplicitLocOpBuilder &b, BinaryKind kind, Value lhs, Value rhs) {
  switch (kind) {
  case BinaryKind::Add:
    return arith::AddIOp::create(b, lhs, rhs);
  case BinaryKind::Sub:
    return arith::SubIOp::create(b, lhs, rhs);
  case BinaryKind::Mul:
    return arith::MulIOp::create(b, lhs, rhs);
  case BinaryKind::Div:
  case BinaryKind::Mod:
    return emitIntegerDivision(b, kind, lhs, rhs);
  case BinaryKind::Max:
    return arith::MaxSIOp::create(b, lhs, rhs);
  case BinaryKind::Min:
    return arith::MinSIOp::create(b, lhs, rhs);
  case BinaryKind::And:
    return arith::AndIOp::create(b, lhs, rhs);
  case BinaryKind::Or:
    return arith::OrIOp::create(b, lhs, rhs);
  case BinaryKind::PRelu: {
    Value positive =
        arith::CmpIOp::create(b, IntPredicate::sge, lhs, emitConstant(b, lhs.getType(), 0));
    Value scaled = arith::MulIOp::create(b, lhs, rhs);
    return arith::SelectOp::create(b, positive, lhs, scaled);
  }
  default:
    return {};
  }
}

Value emitBinary(ImplicitLocOpBuilder &b, BinaryKind kind, Value lhs, Value rhs) {
  if (auto predicates = getPredicates(kind)) {
    Value truth = isFloat(lhs) ? arith::CmpFOp::create(b, predicates->first, lhs, rhs).getResult()
                               : arith::CmpIOp::create(b, predicates->second, lhs, rhs).getResult();
    Type i32 = Formula(b, lhs).withElement(b.getI32Type());
    return arith::ExtUIOp::create(b, i32, truth);
  }
  return isFloat(lhs) ? emitFloatBinary(b, kind, lhs, rhs) : emitIntegerBinary(b, kind, lhs, rhs);
}

Value emitSelect(ImplicitLocOpBuilder &b, Value condition, Value onTrue, Value onFalse) {
  if (!getElementTypeOrSelf(condition.getType()).isInteger(1))
    condition = arith::CmpIOp::create(b, IntPredicate::ne, condition,
                                      emitConstant(b, condition.getType(), 0));
  return arith::SelectOp::create(b, condition, onTrue, onFalse);
}

} // namespace quern::numerics
