// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/Extremes.h"

#include "compiler/target/Kernel/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace quern {

void Extremes::begin(Value first, Value last) {
  for (const DispatchView::Extreme &extreme : context.view.extremes) {
    int64_t lanes = extreme.parts.type.getDimSize(1);
    // Scalar code has no vectors.
    int64_t step = context.isa.lanes() == 1 ? 1 : lanes;
    Type type = KernelBuilder::withLanes(extreme.parts.element(), step);
    Value neutral = reductionStart(b, extreme.reduce.getKind(), type);
    b.loop(first, last, 1, [&](Value unit) {
      for (int64_t lane = 0; lane < lanes; lane += step)
        b.storeRaw(neutral, extreme.parts.memref, b.add(b.mul(unit, lanes), lane), step);
    });
  }
}

/// The extremes of a vector's halves, again until it has as many lanes as `other` or fewer.
static Value foldTo(KernelBuilder &b, qir::ReduceKind kind, Value value, Value other) {
  int64_t lanes = KernelBuilder::lanesOf(value.getType());
  for (; lanes > KernelBuilder::lanesOf(other.getType()); lanes /= 2)
    value =
        combine(b, kind, b.extract(value, 0, lanes / 2), b.extract(value, lanes / 2, lanes / 2));
  return value;
}

void Extremes::take(ArrayRef<Yielded> values, Value accumulator, ArrayRef<bool> exist) {
  taken.resize(context.view.extremes.size());
  for (auto [known, extreme] : llvm::zip(taken, context.view.extremes)) {
    auto source = llvm::cast<OpResult>(extreme.reduce.getInput());
    Value value = source.getOwner() == context.view.anchor
                      ? accumulator
                      : finish(b, values[source.getResultNumber()]);
    qir::ReduceKind kind = extreme.reduce.getKind();
    Value neutral = reductionStart(b, kind, value.getType());
    if (llvm::is_contained(exist, false)) {
      auto mask = DenseElementsAttr::get(
          VectorType::get({static_cast<int64_t>(exist.size())}, b.getI1Type()), exist);
      value = arith::SelectOp::create(b, arith::ConstantOp::create(b, mask), value, neutral);
    }
    // From the neutral value, so that a NaN loses against it.
    if (!known)
      known = neutral;
    // A panel's last group of vectors may be smaller.
    if (KernelBuilder::lanesOf(value.getType()) > KernelBuilder::lanesOf(known.getType()))
      value = foldTo(b, kind, combine(b, kind, neutral, value), known);
    known = combine(b, kind, foldTo(b, kind, known, value), value);
  }
}

void Extremes::takeFirst(ArrayRef<Yielded> values, Value accumulator, int64_t valid) {
  SmallVector<bool> exist(KernelBuilder::lanesOf(accumulator.getType()), false);
  std::fill_n(exist.begin(), std::min<int64_t>(valid, exist.size()), true);
  take(values, accumulator, exist);
}

void Extremes::store(Value unit) {
  for (auto [value, extreme] : llvm::zip(taken, context.view.extremes)) {
    int64_t lanes = KernelBuilder::lanesOf(value.getType());
    Value place = b.mul(unit, extreme.parts.type.getDimSize(1));
    Value known = b.loadRaw(extreme.parts.memref, place, lanes, lanes);
    Value both = combine(b, extreme.reduce.getKind(), known, value);
    b.storeRaw(both, extreme.parts.memref, place, lanes);
  }
  taken.clear();
}

} // namespace quern
