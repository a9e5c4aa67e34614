// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/Reduction.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;

namespace quern {

Value reductionStart(KernelBuilder &b, qir::ReduceKind kind, Type type) {
  bool isReal = llvm::isa<FloatType>(getElementTypeOrSelf(type));
  bool isMax = kind == qir::ReduceKind::Max;
  if (!isMax && kind != qir::ReduceKind::Min) {
    int64_t start = kind == qir::ReduceKind::Prod ? 1 : 0;
    return isReal ? b.real(type, start) : b.integer(type, start);
  }
  if (isReal) {
    float infinity = std::numeric_limits<float>::infinity();
    return b.real(type, isMax ? -infinity : infinity);
  }
  unsigned width = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  APInt bound = isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width);
  return b.integer(type, bound.getSExtValue());
}

Value combine(KernelBuilder &b, qir::ReduceKind kind, Value accumulator, Value x) {
  bool isReal = llvm::isa<FloatType>(getElementTypeOrSelf(x));
  switch (kind) {
  case qir::ReduceKind::Sum:
  case qir::ReduceKind::Mean:
    return isReal ? arith::AddFOp::create(b, accumulator, x).getResult()
                  : arith::AddIOp::create(b, accumulator, x).getResult();
  case qir::ReduceKind::Prod:
    return isReal ? arith::MulFOp::create(b, accumulator, x).getResult()
                  : arith::MulIOp::create(b, accumulator, x).getResult();
  case qir::ReduceKind::Max:
    return isReal ? b.maxOrBound(x, accumulator)
                  : arith::MaxSIOp::create(b, accumulator, x).getResult();
  case qir::ReduceKind::Min:
    return isReal ? b.minOrBound(x, accumulator)
                  : arith::MinSIOp::create(b, accumulator, x).getResult();
  }
  llvm_unreachable("a kind of reduction");
}

Value combineLanes(KernelBuilder &b, qir::ReduceKind kind, Value partial) {
  for (int64_t half = KernelBuilder::lanesOf(partial.getType()) / 2; half >= 1; half /= 2)
    partial = combine(b, kind, b.extract(partial, 0, half), b.extract(partial, half, half));
  return vector::ExtractOp::create(b, partial, 0);
}

Value selectValid(KernelBuilder &b, Value value, int64_t valid, Value other) {
  auto type = llvm::dyn_cast<VectorType>(value.getType());
  if (!type || valid >= type.getNumElements())
    return value;
  SmallVector<bool> bits(type.getNumElements(), false);
  std::fill_n(bits.begin(), valid, true);
  auto mask = DenseElementsAttr::get(VectorType::get(type.getShape(), b.getI1Type()), bits);
  return arith::SelectOp::create(b, arith::ConstantOp::create(b, mask), value, other);
}

namespace {
/// Reductions. Units are the positions of all dimensions of the result but the last. Lanes lie over
/// the last dimension where it stays; where it goes it is reduced in 16 partial results.
class ReduceEmitter {
public:
  explicit ReduceEmitter(const EmitContext &context);
  LogicalResult emit();

private:
  bool reducesLast() { return llvm::is_contained(reduce.getAxes(), rank - 1); }
  Value load(ArrayRef<Value> indices, int64_t delta, int64_t lanes, int64_t valid);
  /// Loops over the reduced dimensions [from, until); others come from `indices`.
  SmallVector<Value>
  reduceOver(size_t from, size_t until, SmallVector<Value> indices, ValueRange carried,
             llvm::function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body);
  void emitLanes(ArrayRef<Value> outer, Value first, int64_t vectors, int64_t valid);
  void emitRow(ArrayRef<Value> outer);
  Value accumulateRun(ArrayRef<Value> outer, Value accumulator);
  bool sumsBytes();
  Value accumulateBytes(ArrayRef<Value> outer, Value accumulator);
  Value accumulateByElement(ArrayRef<Value> outer);
  Value finishMean(Value sum);
  bool isReduced(size_t d) { return llvm::is_contained(reduce.getAxes(), static_cast<int64_t>(d)); }

  const EmitContext &context;
  KernelBuilder &b;
  qir::ReduceOp reduce;
  qir::ReduceKind kind;
  AnchorReader reader;
  AnchorWriter writer;
  SmallVector<int64_t> sizes; ///< of the input, as the reduction was written
  int64_t rank;
  Type scalar;   ///< in which is computed
  size_t suffix; ///< first of the reduced dimensions at the end
};
} // namespace

ReduceEmitter::ReduceEmitter(const EmitContext &context)
    : context(context), b(context.b), reduce(llvm::cast<qir::ReduceOp>(context.view.anchor)),
      kind(reduce.getKind()), reader(context, reduce.getInput()), writer(context),
      sizes(reader.shape()), rank(sizes.size()),
      scalar(getComputeType(
          llvm::cast<RankedTensorType>(reduce.getResult().getType()).getElementType())),
      suffix(rank) {
  while (suffix > 0 && isReduced(suffix - 1))
    --suffix;
}

Value ReduceEmitter::load(ArrayRef<Value> indices, int64_t delta, int64_t lanes, int64_t valid) {
  Value x = reader.load(indices, delta, lanes, valid);
  Type type = KernelBuilder::withLanes(scalar, lanes);
  // Only sums of 64-bit integers are narrower than their terms: they wrap.
  return x.getType() == type ? x : arith::TruncIOp::create(b, type, x).getResult();
}

SmallVector<Value> ReduceEmitter::reduceOver(
    size_t from, size_t until, SmallVector<Value> indices, ValueRange carried,
    llvm::function_ref<SmallVector<Value>(ArrayRef<Value>, ValueRange)> body) {
  while (from < until && (!isReduced(from) || sizes[from] == 1))
    ++from;
  if (from == until)
    return body(indices, carried);
  return b.loop(b.index(0), b.index(sizes[from]), 1, carried, [&](Value i, ValueRange values) {
    indices[from] = i;
    return reduceOver(from + 1, until, indices, values, body);
  });
}

Value ReduceEmitter::finishMean(Value sum) {
  if (kind != qir::ReduceKind::Mean)
    return sum;
  int64_t count = 1;
  for (int64_t axis : reduce.getAxes())
    count *= sizes[axis];
  return arith::DivFOp::create(b, sum, b.real(sum.getType(), static_cast<float>(count)));
}

void ReduceEmitter::emitLanes(ArrayRef<Value> outer, Value first, int64_t vectors, int64_t valid) {
  int64_t lanes = context.isa.lanes();
  Type type = KernelBuilder::withLanes(scalar, lanes);
  SmallVector<Value> start(vectors, reductionStart(b, kind, type));
  SmallVector<Value> indices(outer);
  indices.push_back(first);
  SmallVector<Value> results = reduceOver(
      0, rank - 1, indices, start, [&](ArrayRef<Value> position, ValueRange accumulators) {
        SmallVector<Value> next;
        for (int64_t v = 0; v < vectors; ++v) {
          Value x = load(position, v * lanes, lanes, v + 1 == vectors ? valid : lanes);
          next.push_back(combine(b, kind, accumulators[v], x));
        }
        return next;
      });
  for (Value &result : results)
    result = finishMean(result);
  writer.write(indices, results, valid);
}

/// Whether the target sums codes as they lie in memory. The sum is exact: its order is free.
bool ReduceEmitter::sumsBytes() {
  auto element = llvm::dyn_cast<IntegerType>(reader.element());
  return context.isa.bytesPerSum() != 0 && kind == qir::ReduceKind::Sum && element &&
         element.getWidth() == 8 && !element.isSignless() && scalar.isInteger(32) &&
         !reader.isComputed() && reader.isContiguous(reader.shape().size() - 1);
}

Value ReduceEmitter::accumulateBytes(ArrayRef<Value> outer, Value accumulator) {
  int64_t run = reader.shape().back(), step = context.isa.bytesPerSum(), whole = run / step * step;
  bool isSigned = reader.element().isSignedInteger();
  SmallVector<Value> indices(outer);
  indices.push_back(b.index(0));
  auto add = [&](Value sum, int64_t delta, int64_t valid) {
    return context.isa.sumBytes(b, sum, reader.loadRaw(indices, delta, step, valid), isSigned);
  };
  constexpr int64_t mostUnrolled = 8;
  if (whole <= mostUnrolled * step) {
    for (int64_t i = 0; i < whole; i += step)
      accumulator = add(accumulator, i, step);
  } else {
    accumulator = b.loop(b.index(0), b.index(whole), step, accumulator,
                         [&](Value i, ValueRange sums) -> SmallVector<Value> {
                           indices.back() = i;
                           return {add(sums.front(), 0, step)};
                         })
                      .front();
    indices.back() = b.index(0);
  }
  return whole == run ? accumulator : add(accumulator, whole, run - whole);
}

/// One run of the last dimension of what is read, into 16 partial results.
Value ReduceEmitter::accumulateRun(ArrayRef<Value> outer, Value accumulator) {
  int64_t run = reader.shape().back();
  SmallVector<Value> indices(outer);
  indices.push_back(b.index(0));
  auto element = [&](Value i, int64_t delta, int64_t valid) {
    indices.back() = i;
    Value x = load(indices, delta, reductionLanes, valid);
    return selectValid(b, x, valid, reductionStart(b, kind, x.getType()));
  };
  // Sums of reals are added one by one, by definition; else the order is free and four vectors are
  // combined before they meet the accumulator.
  bool isOrdered =
      llvm::isa<FloatType>(scalar) && kind != qir::ReduceKind::Max && kind != qir::ReduceKind::Min;
  auto step = [&](Value i, int64_t vectors, Value sum) {
    if (vectors == 1)
      return combine(b, kind, sum, element(i, 0, reductionLanes));
    // From the neutral value, so that a NaN loses here, too.
    Value group = reductionStart(b, kind, sum.getType());
    for (int64_t v = 0; v < vectors; ++v)
      group = combine(b, kind, group, element(i, v * reductionLanes, reductionLanes));
    return combine(b, kind, sum, group);
  };
  int64_t position = 0;
  for (int64_t vectors : {isOrdered ? 1 : 4, 1}) {
    int64_t length = vectors * reductionLanes, until = run - (run - position) % length;
    if (until == position)
      continue;
    accumulator = b.loop(b.index(position), b.index(until), length, accumulator,
                         [&](Value i, ValueRange sums) -> SmallVector<Value> {
                           return {step(i, vectors, sums.front())};
                         })
                      .front();
    position = until;
  }
  if (position == run)
    return accumulator;
  return combine(b, kind, accumulator, element(b.index(position), 0, run - position));
}

/// The general case, in which runs of 16 elements cross rows: partial results in memory.
Value ReduceEmitter::accumulateByElement(ArrayRef<Value> outer) {
  auto type = VectorType::get({reductionLanes}, scalar);
  OpBuilder::InsertPoint here = b.saveInsertionPoint();
  b.setInsertionPointToStart(&b.getFunction().getBody().front());
  Value partial = b.stackBuffer(reductionLanes, scalar);
  b.restoreInsertionPoint(here);
  b.storeRaw(reductionStart(b, kind, type), partial, b.index(0), reductionLanes);
  SmallVector<Value> start(outer);
  start.append(rank - suffix, b.index(0));
  reduceOver(0, rank, start, {}, [&](ArrayRef<Value> position, ValueRange) -> SmallVector<Value> {
    Value linear = b.index(0);
    for (int64_t d = suffix; d < rank; ++d)
      linear = b.add(b.mul(linear, sizes[d]), position[d]);
    Value slot = arith::RemUIOp::create(b, linear, b.index(reductionLanes));
    Value sum = b.loadRaw(partial, slot, 1, 1);
    b.storeRaw(combine(b, kind, sum, load(position, 0, 1, 1)), partial, slot, 1);
    return {};
  });
  return b.loadRaw(partial, b.index(0), reductionLanes, reductionLanes);
}

void ReduceEmitter::emitRow(ArrayRef<Value> outer) {
  SmallVector<Value> indices(outer);
  indices.resize(suffix);
  bool isRun = static_cast<int64_t>(reader.shape().size()) == static_cast<int64_t>(suffix) + 1;
  Value partial;
  if (isRun || sizes.back() % reductionLanes == 0) {
    auto type = VectorType::get({reductionLanes}, scalar);
    size_t until = reader.shape().size() - 1;
    indices.resize(until, b.index(0));
    SmallVector<Value> start{reductionStart(b, kind, type)};
    partial = reduceOver(0, until, indices, start,
                         [&](ArrayRef<Value> position, ValueRange sums) -> SmallVector<Value> {
                           return {sumsBytes() ? accumulateBytes(position, sums.front())
                                               : accumulateRun(position, sums.front())};
                         })
                  .front();
  } else {
    partial = accumulateByElement(indices);
  }
  SmallVector<Value> position(outer);
  position.push_back(b.index(0));
  writer.write(position, finishMean(combineLanes(b, kind, partial)), 1);
}

static SmallVector<int64_t> outerSizes(qir::ReduceOp reduce) {
  return SmallVector<int64_t>(
      llvm::cast<RankedTensorType>(reduce.getResult().getType()).getShape().drop_back());
}

LogicalResult ReduceEmitter::emit() {
  if (rank == 0)
    return context.view.dispatch.emitError("expected a reduction of at least one dimension");
  int64_t lanes = context.isa.lanes(), group = lanes == 1 ? 1 : 4 * lanes;
  if (reducesLast())
    reader.mergeFrom(suffix);
  forEachRow(context, outerSizes(reduce), [&](ArrayRef<Value> outer) {
    if (reducesLast())
      return emitRow(outer);
    int64_t whole = sizes.back() / group * group, rest = sizes.back() - whole;
    b.loop(0, whole, group, [&](Value i) { emitLanes(outer, i, group / lanes, lanes); });
    int64_t vectors = (rest + lanes - 1) / lanes;
    if (rest > 0)
      emitLanes(outer, b.index(whole), vectors, rest - (vectors - 1) * lanes);
  });
  return success();
}

LogicalResult emitReduce(const EmitContext &context) { return ReduceEmitter(context).emit(); }

int64_t getReduceUnits(const DispatchView &view) {
  auto reduce = llvm::cast<qir::ReduceOp>(view.anchor);
  return reduce.getAxes().empty() && outerSizes(reduce).empty()
             ? 1
             : countRowUnits(view, outerSizes(reduce));
}

} // namespace quern
