// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/AnchorAccess.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace quern {

namespace {
/// Positions [lower, upper) of a window along one dimension; null values mean all of them.
struct WindowRange {
  Value lower, upper;
  bool isWhole() const { return !lower; }
};

/// Channels handled together: `vectors` of `lanes`, the last with `valid`.
struct ChannelGroup {
  Value channel;
  int64_t vectors, lanes, valid;
};

/// Pooling: lanes over channels. Units are the N*OH rows of the result. Windows that lie inside the
/// input are unrolled, others run over the positions that exist; a halo is never read.
class PoolEmitter {
public:
  explicit PoolEmitter(const EmitContext &context);
  void emit();

private:
  void emitColumns(ArrayRef<Value> row, Value top, const WindowRange &rows);
  void emitPixel(ArrayRef<Value> row, Value column, Value top, const WindowRange &rows,
                 bool isInside);
  void emitGroup(ArrayRef<Value> pixel, Value base, const WindowRange &rows,
                 const WindowRange &columns, const ChannelGroup &group);
  SmallVector<Value> reduceWindow(Value base, const WindowRange &rows, const WindowRange &columns,
                                  const ChannelGroup &group);
  SmallVector<Value> reduceTaps(Value base, const WindowRange &range, size_t dimension,
                                ValueRange carried,
                                llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body);
  SmallVector<Value> accumulate(Value base, const ChannelGroup &group, ValueRange accumulators);
  void writeGroup(ArrayRef<Value> indices, ValueRange values, const ChannelGroup &group);
  WindowRange clip(Value start, size_t dimension);
  /// Result positions along H (0) or W (1) whose windows lie inside the input.
  std::pair<int64_t, int64_t> inside(size_t dimension);

  const EmitContext &context;
  KernelBuilder &b;
  qir::PoolOp pool;
  Buffer input;
  Layout layout;
  AnchorWriter writer;
  ArrayRef<int64_t> outputSizes;
  int64_t channels;
  bool isMax;
  bool isRaw; ///< maximum of codes, on the elements as they are in memory
};
} // namespace

PoolEmitter::PoolEmitter(const EmitContext &context)
    : context(context), b(context.b), pool(llvm::cast<qir::PoolOp>(context.view.anchor)),
      input(context.view.input(pool.getInput())), layout(Layout::of(input.type)), writer(context),
      outputSizes(llvm::cast<RankedTensorType>(pool.getResult().getType()).getShape()),
      channels(input.type.getDimSize(3)), isMax(pool.getKind() == qir::PoolKind::Max),
      isRaw(isMax && llvm::isa<IntegerType>(input.element())) {}

std::pair<int64_t, int64_t> PoolEmitter::inside(size_t d) {
  int64_t stride = pool.getStrides()[d], pad = pool.getPads()[d], size = outputSizes[1 + d];
  int64_t reach = (pool.getKernel()[d] - 1) * pool.getDilations()[d];
  int64_t first = (pad + stride - 1) / stride;
  int64_t room = input.type.getDimSize(1 + d) - 1 - reach + pad;
  int64_t last = room < 0 ? 0 : room / stride + 1;
  first = std::min(first, size);
  return {first, std::clamp(last, first, size)};
}

/// The window positions from input position `start` (which may be negative) that exist.
WindowRange PoolEmitter::clip(Value start, size_t d) {
  int64_t dilation = pool.getDilations()[d];
  auto positionsBelow = [&](Value bound) -> Value { // of distances 0, dilation, …
    bound = arith::MaxSIOp::create(b, bound, b.index(0));
    if (dilation == 1)
      return bound;
    return arith::DivUIOp::create(b, b.add(bound, dilation - 1), b.index(dilation));
  };
  Value before = arith::SubIOp::create(b, b.index(0), start);
  Value until = arith::SubIOp::create(b, b.index(input.type.getDimSize(1 + d)), start);
  return {positionsBelow(before), b.minimum(positionsBelow(until), b.index(pool.getKernel()[d]))};
}

/// The value added for each window position along a dimension.
SmallVector<Value>
PoolEmitter::reduceTaps(Value base, const WindowRange &range, size_t d, ValueRange carried,
                        llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  int64_t size = pool.getKernel()[d], step = pool.getDilations()[d] * layout.strides[1 + d];
  // Small windows are unrolled whole, of others only the rows.
  int64_t unrolled = d == 0 ? pool.getKernel()[0] * pool.getKernel()[1] : 3 * size;
  if (range.isWhole() && unrolled <= 25) {
    SmallVector<Value> values(carried);
    for (int64_t tap = 0; tap < size; ++tap)
      values = body(b.add(base, tap * step), values);
    return values;
  }
  Value lower = range.isWhole() ? b.index(0) : range.lower;
  Value upper = range.isWhole() ? b.index(size) : range.upper;
  return b.loop(lower, upper, 1, carried, [&](Value tap, ValueRange values) {
    return body(b.add(base, b.mul(tap, step)), values);
  });
}

SmallVector<Value> PoolEmitter::accumulate(Value base, const ChannelGroup &group,
                                           ValueRange accumulators) {
  SmallVector<Value> next;
  for (int64_t v = 0; v < group.vectors; ++v) {
    int64_t valid = v + 1 == group.vectors ? group.valid : group.lanes;
    Value offset = b.add(base, v * group.lanes), old = accumulators[v];
    if (isRaw) {
      Value x = b.loadRaw(input.memref, offset, group.lanes, valid);
      next.push_back(input.element().isSignedInteger()
                         ? arith::MaxSIOp::create(b, old, x).getResult()
                         : arith::MaxUIOp::create(b, old, x).getResult());
      continue;
    }
    Value x = loadLanes(b, input, offset, 1, group.lanes, valid);
    if (isMax)
      next.push_back(b.maxOrBound(x, old));
    else if (llvm::isa<FloatType>(getElementTypeOrSelf(x)))
      next.push_back(arith::AddFOp::create(b, old, x));
    else
      next.push_back(arith::AddIOp::create(b, old, x));
  }
  return next;
}

SmallVector<Value> PoolEmitter::reduceWindow(Value base, const WindowRange &rows,
                                             const WindowRange &columns,
                                             const ChannelGroup &group) {
  Type scalar = isRaw ? getMemoryType(input.element()) : getComputeType(input.element());
  Type type = KernelBuilder::withLanes(scalar, group.lanes);
  Value start;
  if (llvm::isa<FloatType>(scalar)) {
    start = b.real(type, isMax ? -std::numeric_limits<float>::infinity() : 0.0f);
  } else {
    bool isSigned = isRaw && input.element().isSignedInteger();
    start = b.integer(type, isSigned ? -(int64_t{1} << (scalar.getIntOrFloatBitWidth() - 1)) : 0);
  }
  SmallVector<Value> accumulators(group.vectors, start);
  return reduceTaps(base, rows, 0, accumulators, [&](Value row, ValueRange carried) {
    return reduceTaps(row, columns, 1, carried, [&](Value position, ValueRange values) {
      return accumulate(position, group, values);
    });
  });
}

void PoolEmitter::writeGroup(ArrayRef<Value> indices, ValueRange values,
                             const ChannelGroup &group) {
  if (!isRaw)
    return writer.write(indices, values, group.valid);
  if (writer.copies())
    return writer.writeRaw(indices, values.front(), group.valid);
  SmallVector<Value> lanes;
  int64_t width = std::min(group.lanes, context.isa.lanes());
  for (int64_t first = 0; first < group.valid; first += width) {
    Value part = group.lanes == width ? values.front() : b.extract(values.front(), first, width);
    lanes.push_back(b.toCompute(part, input.element()));
  }
  writer.write(indices, lanes, group.valid - (lanes.size() - 1) * width);
}

void PoolEmitter::emitGroup(ArrayRef<Value> pixel, Value base, const WindowRange &rows,
                            const WindowRange &columns, const ChannelGroup &group) {
  SmallVector<Value> values = reduceWindow(b.add(base, group.channel), rows, columns, group);
  SmallVector<Value> indices(pixel);
  indices.push_back(group.channel);
  writeGroup(indices, values, group);
}

void PoolEmitter::emitPixel(ArrayRef<Value> row, Value column, Value top, const WindowRange &rows,
                            bool isInside) {
  Value left = b.mul(column, pool.getStrides()[1]);
  left = b.add(left, -pool.getPads()[1]);
  WindowRange columns = isInside ? WindowRange{} : clip(left, 1);
  Value base = b.add(b.mul(row[0], layout.strides[0]), b.mul(top, layout.strides[1]));
  base = b.add(b.add(base, b.mul(left, layout.strides[2])), layout.base);
  SmallVector<Value> pixel(row);
  pixel.push_back(column);
  int64_t lanes =
      isRaw ? rawLanes(context.isa, getMemoryType(input.element())) : context.isa.lanes();
  int64_t vectors = isRaw || lanes == 1 ? 1 : 4, whole = channels / (vectors * lanes);
  whole *= vectors * lanes;
  b.loop(0, whole, vectors * lanes, [&](Value channel) {
    emitGroup(pixel, base, rows, columns, {channel, vectors, lanes, lanes});
  });
  // What is left in as few registers as hold it: narrower ones rather than masked ones.
  int64_t rest = channels - whole;
  if (!isRaw && rest > 0) {
    vectors = (rest + lanes - 1) / lanes;
    emitGroup(pixel, base, rows, columns,
              {b.index(whole), vectors, lanes, rest - (vectors - 1) * lanes});
    return;
  }
  for (int64_t first = whole; first < channels;) {
    rest = channels - first;
    while (lanes / 2 >= rest || (lanes > rest && lanes > 16))
      lanes /= 2;
    int64_t valid = std::min(rest, lanes);
    emitGroup(pixel, base, rows, columns, {b.index(first), 1, lanes, valid});
    first += valid;
  }
}

void PoolEmitter::emitColumns(ArrayRef<Value> row, Value top, const WindowRange &rows) {
  auto [first, last] = inside(1);
  auto emitRange = [&](int64_t lower, int64_t upper, bool isInside) {
    b.loop(lower, upper, 1, [&](Value column) { emitPixel(row, column, top, rows, isInside); });
  };
  emitRange(0, first, false);
  emitRange(first, last, true);
  emitRange(last, outputSizes[2], false);
}

void PoolEmitter::emit() {
  auto [first, last] = inside(0);
  forEachUnit(context, outputSizes.take_front(2), [&](ArrayRef<Value> row) {
    Value top = b.add(b.mul(row[1], pool.getStrides()[0]), -pool.getPads()[0]);
    if (first == 0 && last == outputSizes[1])
      return emitColumns(row, top, {});
    Value afterFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, row[1], b.index(first));
    Value beforeLast = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, row[1], b.index(last));
    Value isInside = arith::AndIOp::create(b, afterFirst, beforeLast);
    Value isOutside = arith::XOrIOp::create(b, isInside, b.integer(b.getI1Type(), 1));
    b.ifThen(isInside, [&] { emitColumns(row, top, {}); });
    b.ifThen(isOutside, [&] { emitColumns(row, top, clip(top, 0)); });
  });
}

LogicalResult emitPool(const EmitContext &context) {
  PoolEmitter(context).emit();
  return success();
}

} // namespace quern
