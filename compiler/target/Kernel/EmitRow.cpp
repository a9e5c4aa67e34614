// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/Reduction.h"
#include "passes/Numerics/Algorithms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace quern {

static ArrayRef<int64_t> shapeOf(const DispatchView &view) {
  return llvm::cast<RankedTensorType>(view.anchor->getResult(0).getType()).getShape();
}

int64_t getRowKernelUnits(const DispatchView &view) {
  return countRowUnits(view, shapeOf(view).drop_back());
}

namespace {
/// Softmax and layer normalization. Units are the rows. Vectors have 16 lanes on every target, as
/// the order of the sums asks for. A row is kept on the stack where it would be computed twice;
/// rows too long for that are computed again.
class RowEmitter {
public:
  explicit RowEmitter(const EmitContext &context);
  LogicalResult emit();

private:
  /// Some vectors of the row, the first at `index` and the last with `valid` lanes.
  struct Chunk {
    Value index;
    int64_t vectors, valid;
    int64_t validOf(int64_t v) const { return v + 1 == vectors ? valid : reductionLanes; }
  };
  void forEachChunk(llvm::function_ref<void(const Chunk &)> body);
  /// 16 partial results of the row's vectors, `step` called in order.
  Value fold(qir::ReduceKind kind,
             llvm::function_ref<Value(Value accumulator, const Chunk &, int64_t v)> step);
  /// A vector of the row's operand, from the stack once it is there.
  Value operand(ArrayRef<Value> row, const Chunk &chunk, int64_t v, bool isFirst);
  Value scratchOffset(const Chunk &chunk, int64_t v) {
    return b.add(chunk.index, v * reductionLanes);
  }
  void keep(Value value, const Chunk &chunk, int64_t v);
  Value spread(Value scalar) { return b.splat(scalar, reductionLanes); }

  void emitSoftmax(ArrayRef<Value> row, bool isLog);
  void emitLayerNorm(ArrayRef<Value> row, qir::LayerNormOp norm);
  void writeRow(ArrayRef<Value> row,
                llvm::function_ref<Value(const Chunk &chunk, int64_t v)> compute);

  const EmitContext &context;
  KernelBuilder &b;
  AnchorReader reader;
  AnchorWriter writer;
  int64_t size, vectors;
  Value scratch; ///< a row, or null
  bool isShort;  ///< few enough vectors to live in registers: unrolled
  Type type;
};
} // namespace

/// Rows up to this size are kept on the stack (elements).
static constexpr int64_t maxScratch = 16384;

RowEmitter::RowEmitter(const EmitContext &context)
    : context(context), b(context.b), reader(context, context.view.anchor->getOperand(0)),
      writer(context), size(shapeOf(context.view).back()),
      vectors((size + reductionLanes - 1) / reductionLanes), isShort(vectors <= 16),
      type(VectorType::get({reductionLanes}, b.getF32Type())) {
  auto softmax = llvm::dyn_cast<qir::SoftmaxOp>(context.view.anchor);
  bool keepsExp = softmax && !softmax.getLog();
  if (vectors * reductionLanes > maxScratch || !(keepsExp || reader.isComputed()))
    return;
  auto rowType = MemRefType::get({vectors * reductionLanes}, b.getF32Type());
  scratch = memref::AllocaOp::create(b, rowType, b.getI64IntegerAttr(64));
  b.getFunction()->setAttr("quern.stack_bytes", b.getI64IntegerAttr(4 * vectors * reductionLanes));
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

Value RowEmitter::fold(qir::ReduceKind kind,
                       llvm::function_ref<Value(Value, const Chunk &, int64_t)> step) {
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

void RowEmitter::keep(Value value, const Chunk &chunk, int64_t v) {
  if (scratch)
    b.storeRaw(value, scratch, scratchOffset(chunk, v), reductionLanes);
}

Value RowEmitter::operand(ArrayRef<Value> row, const Chunk &chunk, int64_t v, bool isFirst) {
  bool isKept = scratch && reader.isComputed();
  if (isKept && !isFirst)
    return b.loadRaw(scratch, scratchOffset(chunk, v), reductionLanes, reductionLanes);
  SmallVector<Value> indices(row);
  indices.push_back(chunk.index);
  Value x = reader.load(indices, v * reductionLanes, reductionLanes, chunk.validOf(v));
  if (isKept)
    keep(x, chunk, v);
  return x;
}

void RowEmitter::writeRow(ArrayRef<Value> row,
                          llvm::function_ref<Value(const Chunk &, int64_t)> compute) {
  forEachChunk([&](const Chunk &chunk) {
    SmallVector<Value> indices(row), values;
    indices.push_back(chunk.index);
    for (int64_t v = 0; v < chunk.vectors; ++v)
      values.push_back(compute(chunk, v));
    writer.write(indices, values, chunk.valid);
  });
}

/// y = exp(x - max) * (1 / sum of exp(x - max)); log: y = (x - max) - log(sum).
void RowEmitter::emitSoftmax(ArrayRef<Value> row, bool isLog) {
  qir::ReduceKind maximum = qir::ReduceKind::Max;
  Value lowest = reductionStart(b, maximum, type), zero = b.real(type, 0.0f);
  Value max = fold(maximum, [&](Value accumulator, const Chunk &chunk, int64_t v) {
    Value x = operand(row, chunk, v, true);
    return combine(b, maximum, accumulator, selectValid(b, x, chunk.validOf(v), lowest));
  });
  max = spread(max);
  auto exponential = [&](const Chunk &chunk, int64_t v) {
    Value difference = arith::SubFOp::create(b, operand(row, chunk, v, false), max);
    return numerics::emitExp(b, difference);
  };
  Value sum = fold(qir::ReduceKind::Sum, [&](Value accumulator, const Chunk &chunk, int64_t v) {
    Value e = exponential(chunk, v);
    if (!isLog)
      keep(e, chunk, v);
    return arith::AddFOp::create(b, accumulator, selectValid(b, e, chunk.validOf(v), zero))
        .getResult();
  });
  if (isLog) {
    Value logSum = spread(numerics::emitLog(b, sum));
    return writeRow(row, [&](const Chunk &chunk, int64_t v) -> Value {
      Value difference = arith::SubFOp::create(b, operand(row, chunk, v, false), max);
      return arith::SubFOp::create(b, difference, logSum);
    });
  }
  Value one = b.real(b.getF32Type(), 1.0f);
  Value factor = spread(arith::DivFOp::create(b, one, sum));
  writeRow(row, [&](const Chunk &chunk, int64_t v) -> Value {
    Value e = scratch ? b.loadRaw(scratch, scratchOffset(chunk, v), reductionLanes, reductionLanes)
                      : exponential(chunk, v);
    return arith::MulFOp::create(b, e, factor);
  });
}

/// d = x - sum(x) / D; y = (d * (1 / sqrt(sum(d * d) / D + epsilon))) * scale + bias, the squares
/// and the last step by fma. RMS: d = x.
void RowEmitter::emitLayerNorm(ArrayRef<Value> row, qir::LayerNormOp norm) {
  Type scalar = b.getF32Type();
  Value count = b.real(scalar, static_cast<float>(size)), zero = b.real(type, 0.0f);
  qir::ReduceKind add = qir::ReduceKind::Sum;
  bool isRms = norm.getRms();
  Value mean;
  if (!isRms) {
    Value sum = fold(add, [&](Value accumulator, const Chunk &chunk, int64_t v) {
      Value x = operand(row, chunk, v, true);
      return combine(b, add, accumulator, selectValid(b, x, chunk.validOf(v), zero));
    });
    mean = spread(arith::DivFOp::create(b, sum, count));
  }
  auto centered = [&](const Chunk &chunk, int64_t v, bool isFirst) -> Value {
    Value x = operand(row, chunk, v, isFirst);
    return isRms ? x : arith::SubFOp::create(b, x, mean).getResult();
  };
  Value squares = fold(add, [&](Value accumulator, const Chunk &chunk, int64_t v) -> Value {
    Value d = selectValid(b, centered(chunk, v, isRms), chunk.validOf(v), zero);
    return math::FmaOp::create(b, d, d, accumulator);
  });
  Value variance = arith::DivFOp::create(b, squares, count);
  Value epsilon = b.real(scalar, norm.getEpsilon().convertToFloat());
  Value root = math::SqrtOp::create(b, arith::AddFOp::create(b, variance, epsilon));
  Value factor = spread(arith::DivFOp::create(b, b.real(scalar, 1.0f), root));
  Buffer scale = context.view.input(norm.getScale()), bias;
  if (norm.getBias())
    bias = context.view.input(norm.getBias());
  writeRow(row, [&](const Chunk &chunk, int64_t v) -> Value {
    auto parameter = [&](const Buffer &buffer) {
      return loadLanes(b, buffer, scratchOffset(chunk, v), 1, reductionLanes, chunk.validOf(v));
    };
    Value normal = arith::MulFOp::create(b, centered(chunk, v, false), factor);
    if (!norm.getBias())
      return arith::MulFOp::create(b, normal, parameter(scale));
    return math::FmaOp::create(b, normal, parameter(scale), parameter(bias));
  });
}

LogicalResult RowEmitter::emit() {
  forEachRow(context, shapeOf(context.view).drop_back(), [&](ArrayRef<Value> row) {
    if (auto softmax = llvm::dyn_cast<qir::SoftmaxOp>(context.view.anchor))
      emitSoftmax(row, softmax.getLog());
    else
      emitLayerNorm(row, llvm::cast<qir::LayerNormOp>(context.view.anchor));
  });
  return success();
}

LogicalResult emitRowKernel(const EmitContext &context) { return RowEmitter(context).emit(); }

} // namespace quern
