// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Body.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace quern {

/// Clones a scalar op on vectors: operands are mapped already, results get the lanes.
static void cloneWithLanes(KernelBuilder &b, Operation &op, IRMapping &mapping, int64_t lanes) {
  if (auto constant = llvm::dyn_cast<arith::ConstantOp>(op)) {
    Type type = KernelBuilder::withLanes(constant.getType(), lanes);
    Value value;
    if (auto real = llvm::dyn_cast<FloatAttr>(constant.getValue()))
      value = b.real(type, real.getValueAsDouble());
    else
      value = b.integer(type, llvm::cast<IntegerAttr>(constant.getValue()).getInt());
    mapping.map(constant.getResult(), value);
    return;
  }
  Operation *clone = b.clone(op, mapping);
  for (auto [oldResult, result] : llvm::zip(op.getResults(), clone->getResults()))
    result.setType(KernelBuilder::withLanes(oldResult.getType(), lanes));
}

SmallVector<Yielded> emitBody(KernelBuilder &b, Block &body, ValueRange arguments, int64_t lanes) {
  IRMapping mapping;
  mapping.map(body.getArguments(), arguments);
  auto toYielded = [&](qir::ToCodeOp code) {
    Value zeroPoint = code.getDynamicZeroPoint();
    return Yielded{mapping.lookup(code.getInput()), code,
                   zeroPoint ? mapping.lookup(zeroPoint) : Value()};
  };
  for (Operation &op : body.without_terminator()) {
    auto code = llvm::dyn_cast<qir::ToCodeOp>(op);
    bool onlyYielded = code && llvm::all_of(code->getUsers(), [](Operation *user) {
                         return llvm::isa<qir::YieldOp>(user);
                       });
    if (onlyYielded)
      continue;
    if (code)
      mapping.map(code.getResult(), finish(b, toYielded(code)));
    else
      cloneWithLanes(b, op, mapping, lanes);
  }
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
    b.storeRaw(value, pending.buffer.memref, b.add(pending.base, pending.delta), pending.valid);
  }
}

} // namespace quern
