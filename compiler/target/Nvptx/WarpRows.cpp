// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Nvptx/WarpRows.h"

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/Reduction.h"
#include "compiler/target/Nvptx/Device.h"
#include "compiler/target/Nvptx/DeviceHalo.h"
#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <algorithm>

using namespace mlir;

namespace quern {

static ArrayRef<int64_t> shapeOf(const DispatchView &view) {
  return llvm::cast<RankedTensorType>(view.anchor->getResult(0).getType()).getShape();
}

int64_t getWarpRowUnits(const DispatchView &view) {
  int64_t rows = 1;
  for (int64_t size : shapeOf(view).drop_back())
    rows *= size;
  return rows;
}

namespace {

class WarpRowEmitter {
public:
  explicit WarpRowEmitter(const EmitContext &context)
      : context(context), b(context.b), reader(context, context.view.anchor->getOperand(0)),
        writer(context), size(shapeOf(context.view).back()), rows(getWarpRowUnits(context.view)),
        type(b.getF32Type()) {}
  void emit();

private:
  using Step = llvm::function_ref<Value(Value accumulator, Value x, Value index)>;
  /// All lanes get the result of the row's elements in lanes' strides, then of the lanes in a tree.
  Value fold(qir::ReduceKind kind, Step step);
  Value combineLanes(qir::ReduceKind kind, Value partial);
  Value load(Value index);
  void write(llvm::function_ref<Value(Value x, Value index)> compute);
  void emitSoftmax(bool isLog);
  void emitLayerNorm(qir::LayerNormOp norm);
  Value subtract(Value x, Value y) { return y ? arith::SubFOp::create(b, x, y).getResult() : x; }

  const EmitContext &context;
  KernelBuilder &b;
  AnchorReader reader;
  AnchorWriter writer;
  int64_t size, rows;
  Type type;
  Value lane, laneIndex;      ///< 0 to 15: i32, and as an index
  Value exists;               ///< whether this half of the warp has a row of its own
  SmallVector<Value> indices; ///< of the row
};

} // namespace

Value WarpRowEmitter::load(Value index) {
  SmallVector<Value> place(indices);
  place.push_back(index);
  return reader.load(place, 0, 1, 1);
}

Value WarpRowEmitter::combineLanes(qir::ReduceKind kind, Value partial) {
  for (int64_t distance = reductionLanes / 2; distance > 0; distance /= 2) {
    Value other = device::exchange(b, partial, distance);
    Value bit = arith::AndIOp::create(b, lane, device::constant(b, distance));
    Value isLower = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, bit, device::constant(b, 0));
    // Both lanes of a pair compute the same, from the same sides.
    Value lower = arith::SelectOp::create(b, isLower, partial, other);
    Value upper = arith::SelectOp::create(b, isLower, other, partial);
    partial = combine(b, kind, lower, upper);
  }
  return partial;
}

Value WarpRowEmitter::fold(qir::ReduceKind kind, Step step) {
  Value start = reductionStart(b, kind, type);
  SmallVector<Value> partial = b.loop(laneIndex, b.index(size), reductionLanes, start,
                                      [&](Value index, ValueRange carried) -> SmallVector<Value> {
                                        return {step(carried.front(), load(index), index)};
                                      });
  return combineLanes(kind, partial.front());
}

void WarpRowEmitter::write(llvm::function_ref<Value(Value, Value)> compute) {
  b.ifThen(exists, [&] {
    b.loop(laneIndex, b.index(size), reductionLanes, [&](Value index) {
      SmallVector<Value> place(indices);
      place.push_back(index);
      writer.write(place, {compute(load(index), index)}, 1);
    });
  });
}

/// y = exp(x - max) * (1 / sum of exp(x - max)), or (x - max) - log(sum).
void WarpRowEmitter::emitSoftmax(bool isLog) {
  qir::ReduceKind maximum = qir::ReduceKind::Max;
  Value max = fold(maximum, [&](Value accumulator, Value x, Value) {
    return combine(b, maximum, accumulator, x);
  });
  auto exponential = [&](Value x) { return numerics::emitExpNonPositive(b, subtract(x, max)); };
  Value sum = fold(qir::ReduceKind::Sum, [&](Value accumulator, Value x, Value) -> Value {
    return arith::AddFOp::create(b, accumulator, exponential(x));
  });
  Value last = isLog ? numerics::emitLog(b, sum)
                     : arith::DivFOp::create(b, b.real(type, 1.0), sum).getResult();
  write([&](Value x, Value) -> Value {
    if (isLog)
      return subtract(subtract(x, max), last);
    return arith::MulFOp::create(b, exponential(x), last);
  });
}

/// d = x - sum(x) / D; y = (d * (1 / sqrt(sum(d * d) / D + epsilon))) * scale + bias, the squares
/// and the last step by fma. RMS: d = x.
void WarpRowEmitter::emitLayerNorm(qir::LayerNormOp norm) {
  Value count = b.real(type, static_cast<float>(size)), mean;
  qir::ReduceKind add = qir::ReduceKind::Sum;
  if (!norm.getRms()) {
    Value sum = fold(
        add, [&](Value accumulator, Value x, Value) { return combine(b, add, accumulator, x); });
    mean = arith::DivFOp::create(b, sum, count);
  }
  Value squares = fold(add, [&](Value accumulator, Value x, Value) -> Value {
    Value d = subtract(x, mean);
    return math::FmaOp::create(b, d, d, accumulator);
  });
  Value variance = arith::DivFOp::create(b, squares, count);
  Value epsilon = b.real(type, norm.getEpsilon().convertToFloat());
  Value root = math::SqrtOp::create(b, arith::AddFOp::create(b, variance, epsilon));
  Value factor = arith::DivFOp::create(b, b.real(type, 1.0), root);
  auto parameter = [&](Value tensor, Value index) {
    return loadLanes(b, context.view.input(tensor), index, 1, 1, 1);
  };
  write([&](Value x, Value index) -> Value {
    Value normal = arith::MulFOp::create(b, subtract(x, mean), factor);
    Value scale = parameter(norm.getScale(), index);
    if (!norm.getBias())
      return arith::MulFOp::create(b, normal, scale);
    return math::FmaOp::create(b, normal, scale, parameter(norm.getBias(), index));
  });
}

void WarpRowEmitter::emit() {
  constexpr int64_t threads = 128, warps = threads / 32, mostBlocks = int64_t{1} << 20;
  int64_t pairs = (rows + 1) / 2;
  device::setLaunch(b.getFunction(),
                    std::clamp<int64_t>((pairs + warps - 1) / warps, 1, mostBlocks), 1, threads);
  device::fillHalos(context);
  Value thread = device::gridThread(b), warpSize = b.index(32);
  Value within = device::rem(b, device::threadIndex(b), 32);
  lane = device::rem(b, within, reductionLanes);
  laneIndex = device::toIndex(b, lane);
  Value half = device::toIndex(b, device::div(b, within, reductionLanes));
  // The lanes of a warp stay together: a half without a row computes the last one, and writes
  // nothing.
  Value first = arith::DivUIOp::create(b, thread, warpSize);
  Value step = arith::DivUIOp::create(b, device::gridThreads(b), warpSize);
  auto loop = scf::ForOp::create(b, first, b.index(pairs), step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value row = b.add(b.mul(loop.getInductionVar(), 2), half);
  exists = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, row, b.index(rows));
  indices = delinearize(b, b.minimum(row, b.index(rows - 1)), shapeOf(context.view).drop_back());
  if (auto softmax = llvm::dyn_cast<qir::SoftmaxOp>(context.view.anchor))
    emitSoftmax(softmax.getLog());
  else
    emitLayerNorm(llvm::cast<qir::LayerNormOp>(context.view.anchor));
}

LogicalResult emitWarpRows(const EmitContext &context) {
  WarpRowEmitter(context).emit();
  return success();
}

} // namespace quern
