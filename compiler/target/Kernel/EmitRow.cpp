// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/RowEmitter.h"
#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <algorithm>
#include <functional>
#include <numeric>

using namespace mlir;

namespace quern {

static ArrayRef<int64_t> shapeOf(const DispatchView &view) {
  return llvm::cast<RankedTensorType>(view.anchor->getResult(0).getType()).getShape();
}

static int64_t countRows(const DispatchView &view) {
  ArrayRef<int64_t> outer = shapeOf(view).drop_back();
  return std::accumulate(outer.begin(), outer.end(), int64_t{1}, std::multiplies<>());
}

int64_t getRowKernelUnits(const DispatchView &view) {
  return countRowUnits(view, shapeOf(view).drop_back());
}

/// Rows up to this size are kept on the stack (elements).
static constexpr int64_t maxScratch = 16384;
/// Most rows of a block, and most elements of those (they stay in the first-level cache).
static constexpr int64_t maxBlockRows = 8, maxBlock = 4096;

RowEmitter::RowEmitter(const EmitContext &context, int64_t rows, const ProducedRows *produced)
    : context(context), b(context.b), reader(context, context.view.anchor->getOperand(0), produced),
      writer(context), size(shapeOf(context.view).back()),
      vectors((size + reductionLanes - 1) / reductionLanes), blockRows(rows),
      isShort(vectors <= 16), type(VectorType::get({reductionLanes}, b.getF32Type())) {
  int64_t length = std::max<int64_t>(1, vectors * reductionLanes);
  if (blockRows == 0)
    blockRows = std::clamp<int64_t>(maxBlock / length, 1,
                                    std::clamp<int64_t>(countRows(context.view), 1, maxBlockRows));
  first = {b.stackBuffer(blockRows, b.getF32Type())};
  second = {b.stackBuffer(blockRows, b.getF32Type())};
  auto softmax = llvm::dyn_cast<qir::SoftmaxOp>(context.view.anchor);
  bool keepsExp = softmax && !softmax.getLog();
  if (length <= maxScratch && (keepsExp || reader.isComputed()))
    scratch = b.stackBuffer(blockRows * length, b.getF32Type());
}

void RowEmitter::forEachChunk(llvm::function_ref<void(const Chunk &)> body) {
  int64_t step = 4 * reductionLanes, whole = size / step * step;
  if (isShort)
    for (int64_t i = 0; i < whole; i += step)
      body({b.index(i), 4, reductionLanes});
  else
    b.loop(0, whole, step, [&](Value i) { body({i, 4, reductionLanes}); });
  int64_t rest = vectors - whole / reductionLanes;
  if (whole < size)
    body({b.index(whole), rest, size - whole - (rest - 1) * reductionLanes});
}

Value RowEmitter::fold(qir::ReduceKind kind, Step step) {
  Value accumulator = reductionStart(b, kind, type);
  auto chunkStep = [&](const Chunk &chunk, Value value) {
    for (int64_t v = 0; v < chunk.vectors; ++v)
      value = step(value, chunk, v);
    return value;
  };
  int64_t length = 4 * reductionLanes, whole = size / length * length;
  if (isShort)
    for (int64_t i = 0; i < whole; i += length)
      accumulator = chunkStep({b.index(i), 4, reductionLanes}, accumulator);
  else
    accumulator = b.loop(b.index(0), b.index(whole), length, accumulator,
                         [&](Value i, ValueRange values) -> SmallVector<Value> {
                           return {chunkStep({i, 4, reductionLanes}, values.front())};
                         })
                      .front();
  int64_t rest = vectors - whole / reductionLanes;
  if (whole < size)
    accumulator =
        chunkStep({b.index(whole), rest, size - whole - (rest - 1) * reductionLanes}, accumulator);
  return combineLanes(b, kind, accumulator);
}

void RowEmitter::keep(Value value, const Row &row, const Chunk &chunk, int64_t v) {
  if (scratch)
    b.storeRaw(value, scratch, scratchOffset(row, chunk, v), reductionLanes);
}

Value RowEmitter::operand(const Row &row, const Chunk &chunk, int64_t v, bool isFirst) {
  bool isKept = scratch && reader.isComputed();
  if (isKept && !isFirst)
    return load(row, chunk, v);
  SmallVector<Value> indices(row.indices);
  indices.append({chunk.index, row.number});
  Value x = reader.load(indices, v * reductionLanes, reductionLanes, chunk.validOf(v));
  if (isKept)
    keep(x, row, chunk, v);
  return x;
}

void RowEmitter::writeRow(const Row &row,
                          llvm::function_ref<Value(const Chunk &, int64_t)> compute) {
  forEachChunk([&](const Chunk &chunk) {
    SmallVector<Value> indices(row.indices), values;
    indices.push_back(chunk.index);
    for (int64_t v = 0; v < chunk.vectors; ++v)
      values.push_back(compute(chunk, v));
    writer.write(indices, values, chunk.valid);
  });
}

void RowEmitter::foldMaximum(const Row &row) {
  qir::ReduceKind maximum = qir::ReduceKind::Max;
  Value lowest = reductionStart(b, maximum, type);
  Value max = fold(maximum, [&](Value accumulator, const Chunk &chunk, int64_t v) {
    Value x = operand(row, chunk, v, true);
    return combine(b, maximum, accumulator, selectValid(b, x, chunk.validOf(v), lowest));
  });
  keep(max, row, first);
}

/// y = exp(x - max) * (1 / sum of exp(x - max)).
void RowEmitter::emitSoftmax(ForEachRow forEachRow) {
  Value zero = b.real(type, 0.0f);
  auto exponential = [&](const Row &row, Value max, const Chunk &chunk, int64_t v) {
    Value difference = arith::SubFOp::create(b, operand(row, chunk, v, false), max);
    return numerics::emitExpNonPositive(b, difference);
  };
  forEachRow([&](const Row &row) { foldMaximum(row); });
  forEachRow([&](const Row &row) {
    Value max = load(row, first);
    Value sum = fold(qir::ReduceKind::Sum, [&](Value accumulator, const Chunk &chunk, int64_t v) {
      Value e = exponential(row, max, chunk, v);
      keep(e, row, chunk, v);
      return arith::AddFOp::create(b, accumulator, selectValid(b, e, chunk.validOf(v), zero))
          .getResult();
    });
    keep(arith::DivFOp::create(b, b.real(b.getF32Type(), 1.0f), sum), row, second);
  });
  forEachRow([&](const Row &row) {
    Value factor = load(row, second), max = scratch ? Value() : load(row, first);
    writeRow(row, [&](const Chunk &chunk, int64_t v) -> Value {
      Value e = scratch ? load(row, chunk, v) : exponential(row, max, chunk, v);
      return arith::MulFOp::create(b, e, factor);
    });
  });
}

/// y = (x - max) - log(sum of exp(x - max)).
void RowEmitter::emitLogSoftmax(ForEachRow forEachRow) {
  Value zero = b.real(type, 0.0f);
  auto difference = [&](const Row &row, Value max, const Chunk &chunk, int64_t v) -> Value {
    return arith::SubFOp::create(b, operand(row, chunk, v, false), max);
  };
  forEachRow([&](const Row &row) { foldMaximum(row); });
  forEachRow([&](const Row &row) {
    Value max = load(row, first);
    Value sum = fold(qir::ReduceKind::Sum, [&](Value accumulator, const Chunk &chunk, int64_t v) {
      Value e = numerics::emitExpNonPositive(b, difference(row, max, chunk, v));
      return arith::AddFOp::create(b, accumulator, selectValid(b, e, chunk.validOf(v), zero))
          .getResult();
    });
    keep(numerics::emitLog(b, sum), row, second);
  });
  forEachRow([&](const Row &row) {
    Value max = load(row, first), logSum = load(row, second);
    writeRow(row, [&](const Chunk &chunk, int64_t v) -> Value {
      return arith::SubFOp::create(b, difference(row, max, chunk, v), logSum);
    });
  });
}

/// d = x - sum(x) / D; y = (d * (1 / sqrt(sum(d * d) / D + epsilon))) * scale + bias, the squares
/// and the last step by fma. RMS: d = x.
void RowEmitter::emitLayerNorm(ForEachRow forEachRow, qir::LayerNormOp norm) {
  Type scalar = b.getF32Type();
  Value count = b.real(scalar, static_cast<float>(size)), zero = b.real(type, 0.0f);
  qir::ReduceKind add = qir::ReduceKind::Sum;
  bool isRms = norm.getRms();
  if (!isRms)
    forEachRow([&](const Row &row) {
      Value sum = fold(add, [&](Value accumulator, const Chunk &chunk, int64_t v) {
        Value x = operand(row, chunk, v, true);
        return combine(b, add, accumulator, selectValid(b, x, chunk.validOf(v), zero));
      });
      keep(arith::DivFOp::create(b, sum, count), row, first);
    });
  auto centered = [&](const Row &row, Value mean, const Chunk &chunk, int64_t v,
                      bool isFirst) -> Value {
    Value x = operand(row, chunk, v, isFirst);
    return isRms ? x : arith::SubFOp::create(b, x, mean).getResult();
  };
  forEachRow([&](const Row &row) {
    Value mean = isRms ? Value() : load(row, first);
    Value squares = fold(add, [&](Value accumulator, const Chunk &chunk, int64_t v) -> Value {
      Value d = selectValid(b, centered(row, mean, chunk, v, isRms), chunk.validOf(v), zero);
      return math::FmaOp::create(b, d, d, accumulator);
    });
    Value variance = arith::DivFOp::create(b, squares, count);
    Value epsilon = b.real(scalar, norm.getEpsilon().convertToFloat());
    Value root = math::SqrtOp::create(b, arith::AddFOp::create(b, variance, epsilon));
    keep(arith::DivFOp::create(b, b.real(scalar, 1.0f), root), row, second);
  });
  Buffer scale = context.view.input(norm.getScale()), bias;
  if (norm.getBias())
    bias = context.view.input(norm.getBias());
  forEachRow([&](const Row &row) {
    Value mean = isRms ? Value() : load(row, first), factor = load(row, second);
    writeRow(row, [&](const Chunk &chunk, int64_t v) -> Value {
      auto parameter = [&](const Buffer &buffer) {
        return loadLanes(b, buffer, b.add(chunk.index, v * reductionLanes), 1, reductionLanes,
                         chunk.validOf(v));
      };
      Value normal = arith::MulFOp::create(b, centered(row, mean, chunk, v, false), factor);
      if (!norm.getBias())
        return arith::MulFOp::create(b, normal, parameter(scale));
      return math::FmaOp::create(b, normal, parameter(scale), parameter(bias));
    });
  });
}

void RowEmitter::emitBlock(ForEachRow forEachRow) {
  auto softmax = llvm::dyn_cast<qir::SoftmaxOp>(context.view.anchor);
  if (!softmax)
    emitLayerNorm(forEachRow, llvm::cast<qir::LayerNormOp>(context.view.anchor));
  else if (softmax.getLog())
    emitLogSoftmax(forEachRow);
  else
    emitSoftmax(forEachRow);
}

LogicalResult emitRowKernel(const EmitContext &context) {
  KernelBuilder &b = context.b;
  RowEmitter emitter(context);
  forEachRowBlock(context, shapeOf(context.view).drop_back(), emitter.mostRows(),
                  [&](Value count, llvm::function_ref<SmallVector<Value>(Value)> indicesOf) {
                    emitter.emitBlock([&](llvm::function_ref<void(const RowEmitter::Row &)> visit) {
                      b.loop(b.index(0), count, 1,
                             [&](Value number) { visit({indicesOf(number), number}); });
                    });
                  });
  return success();
}

} // namespace quern
