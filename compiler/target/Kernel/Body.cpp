// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Body.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace quern {

namespace {
/// A map's body on some lanes. What is the same for all lanes and elements, because it comes from
/// operands of one element, is computed once, at the top of the kernel.
class BodyEmitter {
public:
  BodyEmitter(KernelBuilder &b, Block &body, ValueRange arguments, int64_t lanes);
  SmallVector<Yielded> emit();

private:
  void emitOp(Operation &op);
  bool emitOnce(Operation &op);
  void cloneWithLanes(Operation &op);
  Value constant(arith::ConstantOp op, int64_t count);
  /// The value as one scalar at the top of the kernel, or null.
  Value uniform(Value value);
  Yielded toYielded(qir::ToCodeOp code);
  bool isDeferred(qir::ToCodeOp code);
  bool roundAsFloat(arith::SIToFPOp conversion);

  KernelBuilder &b;
  Block &body;
  int64_t lanes;
  IRMapping mapping;
  DenseMap<Value, Value> uniforms;
};
} // namespace

BodyEmitter::BodyEmitter(KernelBuilder &b, Block &body, ValueRange arguments, int64_t lanes)
    : b(b), body(body), lanes(lanes) {
  mapping.map(body.getArguments(), arguments);
  if (lanes == 1)
    return;
  for (auto [inside, value] : llvm::zip(body.getArguments(), arguments))
    if (Value scalar = b.loadedOnce(value))
      uniforms[inside] = scalar;
}

Value BodyEmitter::constant(arith::ConstantOp op, int64_t count) {
  Type type = KernelBuilder::withLanes(op.getType(), count);
  if (auto real = llvm::dyn_cast<FloatAttr>(op.getValue()))
    return b.real(type, real.getValueAsDouble());
  return b.integer(type, llvm::cast<IntegerAttr>(op.getValue()).getInt());
}

Value BodyEmitter::uniform(Value value) {
  if (auto op = value.getDefiningOp<arith::ConstantOp>())
    return constant(op, 1);
  return uniforms.lookup(value);
}

/// Ops of scalars that are known at the top of the kernel.
bool BodyEmitter::emitOnce(Operation &op) {
  SmallVector<Value> scalars =
      llvm::map_to_vector(op.getOperands(), [&](Value operand) { return uniform(operand); });
  if (lanes == 1 || scalars.empty() || llvm::is_contained(scalars, Value()) ||
      op.getNumResults() != 1)
    return false;
  Value result = op.getResult(0);
  Value scalar = b.once(result, scalars, [&] {
    IRMapping known;
    known.map(op.getOperands(), scalars);
    return b.clone(op, known)->getResult(0);
  });
  uniforms[result] = scalar;
  mapping.map(result, b.splat(scalar, lanes));
  return true;
}

/// Clones a scalar op on vectors: operands are mapped already, results get the lanes.
void BodyEmitter::cloneWithLanes(Operation &op) {
  if (auto known = llvm::dyn_cast<arith::ConstantOp>(op)) {
    mapping.map(known.getResult(), constant(known, lanes));
    return;
  }
  Operation *clone = b.clone(op, mapping);
  for (auto [oldResult, result] : llvm::zip(op.getResults(), clone->getResults()))
    result.setType(KernelBuilder::withLanes(oldResult.getType(), lanes));
}

Yielded BodyEmitter::toYielded(qir::ToCodeOp code) {
  Value zeroPoint = code.getDynamicZeroPoint();
  return Yielded{mapping.lookup(code.getInput()), code,
                 zeroPoint ? mapping.lookup(zeroPoint) : Value()};
}

namespace {
/// A code less a zero point that becomes a float again: `code - zero`.
struct RoundedFloat {
  qir::ToCodeOp code;
  Value zero; ///< or null
  static RoundedFloat of(arith::SIToFPOp conversion) {
    Value value = conversion.getIn();
    RoundedFloat rounded;
    if (auto difference = value.getDefiningOp<arith::SubIOp>()) {
      value = difference.getLhs();
      rounded.zero = difference.getRhs();
    }
    if (conversion.getType().isF32())
      rounded.code = value.getDefiningOp<qir::ToCodeOp>();
    return rounded;
  }
};
} // namespace

/// Whether nothing needs the code as an integer.
bool BodyEmitter::isDeferred(qir::ToCodeOp code) {
  auto isKnown = [&](Value value) { return !value || uniform(value); };
  auto isFloat = [&](Operation *user) {
    auto conversion = llvm::dyn_cast<arith::SIToFPOp>(user);
    return conversion && RoundedFloat::of(conversion).code == code;
  };
  constexpr int32_t most = 1 << 16;
  for (int32_t bound : {static_cast<int32_t>(code.getZeroPoint()),
                        static_cast<int32_t>(code.getLo()), static_cast<int32_t>(code.getHi())})
    if (bound < -most || bound > most)
      return false;
  if (lanes == 1 || !isKnown(code.getDynamicZeroPoint()))
    return false;
  return llvm::all_of(code->getUsers(), [&](Operation *user) {
    auto difference = llvm::dyn_cast<arith::SubIOp>(user);
    if (!difference)
      return isFloat(user);
    return difference.getLhs() == code.getResult() && isKnown(difference.getRhs()) &&
           llvm::all_of(difference->getUsers(), isFloat);
  });
}

/// Codes of at most 16 bits fit the fraction: rounding them needs no integers. Clamped between
/// float(lo - zero point) and float(hi - zero point) first, a number plus 1.5 * 2^23 is that plus
/// the rounded number; the subtraction then is exact, and its zero is positive.
bool BodyEmitter::roundAsFloat(arith::SIToFPOp conversion) {
  RoundedFloat rounded = RoundedFloat::of(conversion);
  qir::ToCodeOp code = rounded.code;
  if (!code || mapping.contains(code.getResult()))
    return false;
  Type real = b.getF32Type();
  auto number = [&](int64_t value) { return b.integer(b.getI32Type(), value); };
  SmallVector<Value> known{number(static_cast<int32_t>(code.getZeroPoint())), number(0)};
  if (Value dynamic = code.getDynamicZeroPoint())
    known[1] = uniform(dynamic);
  known.push_back(rounded.zero ? uniform(rounded.zero) : number(0));
  auto floatOf = [&](int64_t value, bool subtractsZero) -> Value {
    Value zeroPoint = arith::AddIOp::create(b, known[0], known[1]);
    Value sum =
        subtractsZero ? arith::SubIOp::create(b, zeroPoint, known[2]).getResult() : zeroPoint;
    return arith::SIToFPOp::create(b, real, arith::SubIOp::create(b, number(value), sum));
  };
  constexpr int64_t toInteger = 3 << 22;
  int64_t range = static_cast<int32_t>(code.getHi()) - static_cast<int32_t>(code.getLo());
  Value least = b.once(code.getResult(), known,
                       [&] { return floatOf(static_cast<int32_t>(code.getLo()), false); });
  Value most = b.once(least, least, [&]() -> Value {
    return arith::AddFOp::create(b, least, b.real(real, range));
  });
  Value back = b.once(conversion.getResult(), known, [&] { return floatOf(toInteger, true); });
  Value x = b.maxOrBound(mapping.lookup(code.getInput()), b.splat(least, lanes));
  x = b.minOrBound(x, b.splat(most, lanes));
  x = arith::AddFOp::create(b, x, b.real(x.getType(), toInteger));
  mapping.map(conversion.getResult(), arith::SubFOp::create(b, x, b.splat(back, lanes)));
  return true;
}

void BodyEmitter::emitOp(Operation &op) {
  auto isDeferredCode = [&](Value value) {
    auto code = value.getDefiningOp<qir::ToCodeOp>();
    return code && !mapping.contains(value);
  };
  if (auto code = llvm::dyn_cast<qir::ToCodeOp>(op)) {
    bool onlyYielded = llvm::all_of(code->getUsers(),
                                    [](Operation *user) { return llvm::isa<qir::YieldOp>(user); });
    if (!onlyYielded && !isDeferred(code))
      mapping.map(code.getResult(), finish(b, toYielded(code)));
    return;
  }
  if (llvm::isa<arith::SubIOp>(op) && isDeferredCode(op.getOperand(0)))
    return;
  auto conversion = llvm::dyn_cast<arith::SIToFPOp>(op);
  if ((conversion && roundAsFloat(conversion)) || emitOnce(op))
    return;
  cloneWithLanes(op);
}

SmallVector<Yielded> BodyEmitter::emit() {
  for (Operation &op : body.without_terminator())
    emitOp(op);
  SmallVector<Yielded> result;
  for (Value value : body.getTerminator()->getOperands()) {
    auto code = value.getDefiningOp<qir::ToCodeOp>();
    if (code && !mapping.contains(value))
      result.push_back(toYielded(code));
    else
      result.push_back({mapping.lookup(value), nullptr, Value()});
  }
  return result;
}

SmallVector<Yielded> emitBody(KernelBuilder &b, Block &body, ValueRange arguments, int64_t lanes) {
  return BodyEmitter(b, body, arguments, lanes).emit();
}

Value finish(KernelBuilder &b, const Yielded &yielded) {
  if (!yielded.code)
    return yielded.value;
  qir::ToCodeOp code = yielded.code;
  Value x = yielded.value;
  Type real = x.getType();
  if (!code.getBounded()) {
    // Order matters: NaN takes the lower bound first. 2^30 leaves room for the zero point.
    x = b.maxOrBound(x, b.real(real, -1073741824.0f));
    x = b.minOrBound(x, b.real(real, 1073741824.0f));
  }
  Value rounded = b.roundToInteger(x);
  Type type = rounded.getType();
  if (yielded.dynamicZeroPoint)
    rounded = arith::AddIOp::create(b, rounded, yielded.dynamicZeroPoint);
  auto zeroPoint = static_cast<int32_t>(code.getZeroPoint());
  if (zeroPoint != 0)
    rounded = arith::AddIOp::create(b, rounded, b.integer(type, zeroPoint));
  rounded = arith::MaxSIOp::create(b, rounded, b.integer(type, static_cast<int32_t>(code.getLo())));
  return arith::MinSIOp::create(b, rounded, b.integer(type, static_cast<int32_t>(code.getHi())));
}

void StoreEmitter::store(KernelBuilder &b, ArrayRef<PendingStore> stores) const {
  for (const PendingStore &pending : stores) {
    Value value = b.toMemory(finish(b, pending.yielded), pending.buffer.element());
    if (pending.table)
      value = pending.table->lookUp(b, value);
    b.storeRaw(value, pending.buffer.memref, b.add(pending.base, pending.delta), pending.valid);
  }
}

} // namespace quern
