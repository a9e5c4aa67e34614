// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/BlockScales.h"
#include "compiler/target/Kernel/ContractionRows.h"
#include "compiler/target/Kernel/ContractionScratch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace quern {

namespace {
class ContractionEmitter {
public:
  ContractionEmitter(const EmitContext &context, const ContractionShape &shape,
                     const ContractionTile &tile, const DotKernel &dot);
  LogicalResult emit();

private:
  void emitHalos(Value begin, Value end);
  void emitPixels(Value begin, Value end, llvm::function_ref<void(const PixelTile &)> body);
  void packPixels(Value begin, Value end, Value group);
  LogicalResult emitByPanels();
  Value leftBase(const PixelTile &tile, Value group);
  /// Bytes or elements of the left operand from one step to the next.
  int64_t leftStep(int64_t pixels) const {
    return scratch.isUsed() ? scratch.stepBytes(pixels) : dot.depth();
  }
  void emitLine(SmallVector<Value> row, Value unit, Value firstSlot,
                llvm::function_ref<void(const PixelTile &)> body);
  void emitPanels(Value begin, Value end, llvm::function_ref<void(const ContractionPanel &)> body);
  void emitRows();
  void emitTile(const ContractionPanel &panel, const PixelTile &tile, Value group);
  SmallVector<Value> delinearize(Value row);

  SmallVector<Value> reduce(const ContractionPanel &panel, const PixelTile &tile, Value group,
                            ArrayRef<Value> accumulators);
  SmallVector<Value> reduceTaps(const ContractionPanel &panel, const PixelTile &tile, Value left,
                                Value right, ValueRange accumulators);
  SmallVector<Value> reduceBlock(const ContractionPanel &panel, const PixelTile &tile, Value block,
                                 Value left, Value right, ValueRange results);
  SmallVector<Value> reduceRun(const ContractionPanel &panel, int64_t count, Value left,
                               Value right, ValueRange accumulators);
  SmallVector<Value> step(const ContractionPanel &panel, int64_t count, Value left, Value right,
                          int64_t u, int64_t terms, ValueRange accumulators);
  SmallVector<Value> addRemainder(const ContractionPanel &panel, int64_t count, Value left,
                                  ValueRange accumulators);
  /// Steps by the target's own reduction of tiles; `lastTerms` of the last one exist.
  SmallVector<Value> multiplyTile(const ContractionPanel &panel, int64_t count, Value leftOffset,
                                  Value rightOffset, int64_t steps, int64_t lastTerms,
                                  ValueRange registers);

  const EmitContext &context;
  KernelBuilder &b;
  const DispatchView &view;
  const ContractionShape &shape;
  const ContractionTile &tile;
  const DotKernel &dot;
  ContractionEpilogue epilogue;
  std::optional<ContractionRows> rows; ///< where a softmax follows
  ContractionScratch scratch;
  Buffer left;
  Value right;
  BlockScales scales; ///< of weights that stay codes, loaded at the run's start
  int64_t steps;      ///< per run
};
} // namespace

ContractionEmitter::ContractionEmitter(const EmitContext &context, const ContractionShape &shape,
                                       const ContractionTile &tile, const DotKernel &dot)
    : context(context), b(context.b), view(context.view), shape(shape), tile(tile), dot(dot),
      epilogue(context, shape, dot), scratch(context, shape, tile, dot),
      scales(context, shape, dot) {
  if (llvm::isa_and_present<qir::SoftmaxOp>(view.follower))
    rows.emplace(context, shape, tile, dot);
  left = view.input(view.anchor->getOperand(0));
  right = view.input(view.anchor->getOperand(1)).memref;
  steps = (shape.run + dot.depth() - 1) / dot.depth();
}

SmallVector<Value> ContractionEmitter::delinearize(Value row) {
  SmallVector<Value> indices(shape.rowSizes.size());
  for (size_t d = shape.rowSizes.size(); d-- > 0;) {
    int64_t outer = 1;
    for (size_t i = 0; i < d; ++i)
      outer *= shape.rowSizes[i];
    if (outer == 1) { // what is left is this index
      indices[d] = row;
      for (size_t i = 0; i < d; ++i)
        indices[i] = b.index(0);
      break;
    }
    Value size = b.index(shape.rowSizes[d]);
    indices[d] = arith::RemUIOp::create(b, row, size);
    row = arith::DivUIOp::create(b, row, size);
  }
  return indices;
}

/// Tiles of one line of pixels.
void ContractionEmitter::emitLine(SmallVector<Value> row, Value unit, Value firstSlot,
                                  llvm::function_ref<void(const PixelTile &)> body) {
  int64_t before = 0;
  for (const Pieces &pieces : divideEvenly(shape.columns, tile.rows)) {
    b.loop(0, pieces.count, 1, [&](Value i) {
      Value slot = scratch.isUsed() ? b.add(b.add(firstSlot, i), before) : Value();
      body({row, b.add(b.mul(i, pieces.size), pieces.first), pieces.size, unit, slot});
    });
    before += pieces.count;
  }
}

/// Tiles of the units [begin, end): whole rows, or tiles of the one line.
void ContractionEmitter::emitPixels(Value begin, Value end,
                                    llvm::function_ref<void(const PixelTile &)> body) {
  // Only the scratch needs slots.
  auto slotOf = [&](Value unit) {
    return scratch.isUsed() ? arith::SubIOp::create(b, unit, begin).getResult() : Value();
  };
  if (!shape.flat) {
    b.loop(begin, end, 1, [&](Value row) {
      Value slot = slotOf(row);
      emitLine(delinearize(row), row, slot ? b.mul(slot, scratch.tilesPerUnit()) : slot, body);
    });
    return;
  }
  int64_t firstTile = 0;
  for (const Pieces &pieces : divideEvenly(shape.columns, tile.rows)) {
    Value low = arith::MaxSIOp::create(b, begin, b.index(firstTile));
    Value high = b.minimum(end, b.index(firstTile + pieces.count));
    int64_t offset = pieces.first - firstTile * pieces.size;
    b.loop(low, high, 1, [&](Value i) {
      body({{}, b.add(b.mul(i, pieces.size), offset), pieces.size, i, slotOf(i)});
    });
    firstTile += pieces.count;
  }
}

/// Panels [begin, end); the last one apart when its last vector is not full.
void ContractionEmitter::emitPanels(Value begin, Value end,
                                    llvm::function_ref<void(const ContractionPanel &)> body) {
  int64_t vectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
  int64_t tail = shape.channels - (vectors - 1) * dot.lanes();
  SmallVector<Pieces> classes = divideEvenly(vectors, tile.vectors);
  if (tail != dot.lanes() && classes.back().count > 1) {
    Pieces &last = classes.back();
    --last.count;
    classes.push_back({last.first + last.count * last.size, 1, last.size});
  }
  int64_t firstPanel = 0;
  for (const Pieces &pieces : classes) {
    int64_t valid = &pieces == &classes.back() ? tail : dot.lanes();
    int64_t offset = pieces.first - firstPanel * pieces.size;
    auto emit = [&](Value i) {
      body({pieces.size, valid, i, b.add(b.mul(i, pieces.size), offset)});
    };
    if (!begin) {
      b.loop(firstPanel, firstPanel + pieces.count, 1, emit);
    } else {
      Value low = arith::MaxSIOp::create(b, begin, b.index(firstPanel));
      b.loop(low, b.minimum(end, b.index(firstPanel + pieces.count)), 1, emit);
    }
    firstPanel += pieces.count;
  }
}

/// The halo of padded results; these are never flat, so units are rows.
void ContractionEmitter::emitHalos(Value begin, Value end) {
  for (const Buffer &result : view.results)
    if (llvm::isa_and_present<qir::PaddedAttr>(result.type.getEncoding()))
      b.loop(begin, end, 1, [&](Value row) { emitHalo(context, result, row); });
}

/// All channels of a few pixels after the other, so that each pixel's are whole.
void ContractionEmitter::emitRows() {
  emitPixels(view.begin, view.end, [&](PixelTile t) {
    if (scratch.isUsed()) {
      t.slot = b.index(0);
      scratch.pack(t, left, leftBase(t, b.index(0)));
    }
    emitPanels(Value(), Value(),
               [&](const ContractionPanel &panel) { emitTile(panel, t, b.index(0)); });
    rows->finish(t);
  });
  emitHalos(view.begin, view.end);
}

/// Copies the pixels of the units into the scratch, if that is used.
void ContractionEmitter::packPixels(Value begin, Value end, Value group) {
  if (scratch.isUsed())
    emitPixels(begin, end, [&](const PixelTile &t) { scratch.pack(t, left, leftBase(t, group)); });
}

/// Units are panels: all pixels for each, as many at once as the scratch holds.
LogicalResult ContractionEmitter::emitByPanels() {
  int64_t units = shape.flat ? (shape.columns + tile.rows - 1) / tile.rows : shape.rows();
  Value group = b.index(0);
  epilogue.begin(view.begin, view.end);
  auto emitBlock = [&](Value first, Value last) {
    packPixels(first, last, group);
    emitPanels(view.begin, view.end, [&](const ContractionPanel &panel) {
      emitPixels(first, last, [&](PixelTile t) {
        t.unit = panel.index;
        emitTile(panel, t, group);
      });
    });
  };
  int64_t block = scratch.isUsed() ? scratch.unitsAtOnce() : units;
  if (block >= units)
    emitBlock(b.index(0), b.index(units));
  else
    b.loop(0, units, block,
           [&](Value first) { emitBlock(first, b.minimum(b.add(first, block), b.index(units))); });
  // Whoever has the first panel fills the halo of all rows.
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, view.begin, b.index(0));
  b.ifThen(isFirst, [&] { emitHalos(b.index(0), b.index(shape.rows())); });
  return success();
}

LogicalResult ContractionEmitter::emit() {
  if (rows && tile.splitColumns)
    return view.dispatch.emitError("expected a tile whose units are rows, for a softmax follows");
  if (rows) {
    emitRows();
    return success();
  }
  if (tile.splitColumns)
    return emitByPanels();
  int64_t block = scratch.isUsed() ? std::min(tile.block, scratch.unitsAtOnce()) : tile.block;
  b.loop(view.begin, view.end, block, [&](Value first) {
    Value last = b.minimum(b.add(first, block), view.end);
    epilogue.begin(first, last);
    b.loop(0, shape.groups, 1, [&](Value group) {
      packPixels(first, last, group);
      emitPanels(Value(), Value(), [&](const ContractionPanel &panel) {
        emitPixels(first, last, [&](const PixelTile &t) { emitTile(panel, t, group); });
      });
    });
    emitHalos(first, last);
  });
  return success();
}

void ContractionEmitter::emitTile(const ContractionPanel &panel, const PixelTile &t, Value group) {
  Value channel = b.add(b.mul(panel.firstVector, dot.lanes()), b.mul(group, shape.channels));
  SmallVector<Value> accumulators = epilogue.initial(panel, t, channel);
  accumulators = reduce(panel, t, group, accumulators);
  if (rows)
    rows->keep(panel, t, accumulators);
  else
    epilogue.finish(panel, t, channel, accumulators);
}

/// The first term of the tile's first pixel, where the operand lies.
Value ContractionEmitter::leftBase(const PixelTile &t, Value group) {
  SmallVector<Value> indices(t.row);
  indices.push_back(t.column);
  return b.add(shape.left.offset(b, indices), b.mul(group, shape.leftGroup));
}

SmallVector<Value> ContractionEmitter::reduce(const ContractionPanel &panel, const PixelTile &t,
                                              Value group, ArrayRef<Value> accumulators) {
  const TileKernel *tiles = scales.hasBlockSums() ? nullptr : dot.tiles();
  bool wantsSum = epilogue.wantsSum();
  int64_t taps = shape.kernelRows * shape.kernelColumns;
  Value firstLeft = scratch.isUsed() ? scratch.offset(t.slot) : leftBase(t, group);
  int64_t vectorBytes = taps * steps * dot.stepBytes();
  int64_t allVectors = (shape.channels + dot.lanes() - 1) / dot.lanes();
  Value rightBase =
      b.add(b.mul(panel.firstVector, vectorBytes), b.mul(group, allVectors * vectorBytes));
  for (auto [index, matrices] : llvm::zip(t.row, shape.rightRow))
    rightBase = b.add(b.mul(index, matrices * shape.groups * allVectors * vectorBytes), rightBase);
  SmallVector<Value> sums(accumulators);
  if (tiles)
    sums = tiles->begin(b, sums, t.count, panel.vectors, wantsSum);
  sums = reduceTaps(panel, t, firstLeft, rightBase, sums);
  if (tiles)
    sums = tiles->end(b, sums, t.count, panel.vectors, wantsSum);
  // Remainders are added pixel by pixel and vector by vector.
  return WeightRemainder::isNeeded(view.anchor) ? addRemainder(panel, t.count, firstLeft, sums)
                                                : sums;
}

/// All runs of the kernel.
SmallVector<Value> ContractionEmitter::reduceTaps(const ContractionPanel &panel, const PixelTile &t,
                                                  Value leftBase, Value rightBase,
                                                  ValueRange accumulators) {
  int64_t runBytes = steps * panel.vectors * dot.stepBytes();
  int64_t leftColumn = shape.leftKernelColumn, leftRow = shape.leftKernelRow;
  if (scratch.isUsed()) {
    leftColumn = steps * leftStep(t.count);
    leftRow = shape.kernelColumns * leftColumn;
  }
  auto row = [&](Value ky, Value leftStart, Value rightStart, ValueRange carried) {
    scales.load(panel, ky);
    if (scales.hasBlockSums())
      return reduceBlock(panel, t, ky, leftStart, rightStart, carried);
    if (shape.kernelColumns == 1)
      return reduceRun(panel, t.count, leftStart, rightStart, carried);
    return b.loop(b.index(0), b.index(shape.kernelColumns), 1, carried,
                  [&](Value kx, ValueRange values) {
                    return reduceRun(panel, t.count, b.add(leftStart, b.mul(kx, leftColumn)),
                                     b.add(rightStart, b.mul(kx, runBytes)), values);
                  });
  };
  if (shape.kernelRows == 1)
    return row(b.index(0), leftBase, rightBase, accumulators);
  return b.loop(b.index(0), b.index(shape.kernelRows), 1, accumulators,
                [&](Value ky, ValueRange values) {
                  return row(ky, b.add(leftBase, b.mul(ky, leftRow)),
                             b.add(rightBase, b.mul(ky, shape.kernelColumns * runBytes)), values);
                });
}

/// A block of codes by codes: its sums, scaled and added.
SmallVector<Value> ContractionEmitter::reduceBlock(const ContractionPanel &panel,
                                                   const PixelTile &t, Value block, Value leftBase,
                                                   Value rightBase, ValueRange results) {
  SmallVector<Value> sums = scales.start(panel, t, block);
  const TileKernel *tiles = dot.tiles();
  if (tiles)
    sums = tiles->begin(b, sums, t.count, panel.vectors, /*wantsSum=*/false);
  sums = reduceRun(panel, t.count, leftBase, rightBase, sums);
  if (tiles)
    sums = tiles->end(b, sums, t.count, panel.vectors, /*wantsSum=*/false);
  return scales.add(panel, t, block, sums, results);
}

/// Steps unrolled per iteration of the innermost loop: enough to hide its overhead, and few
/// enough to keep the code small.
static int64_t chooseUnroll(int64_t steps, int64_t accumulators) {
  if (steps <= 4)
    return steps;
  int64_t most = accumulators <= 4 ? 8 : 4;
  for (int64_t unroll = most; unroll >= 3; --unroll)
    if (steps % unroll == 0)
      return unroll;
  return most;
}

SmallVector<Value> ContractionEmitter::reduceRun(const ContractionPanel &panel, int64_t count,
                                                 Value leftBase, Value rightBase,
                                                 ValueRange accumulators) {
  int64_t leftTerms = leftStep(count);
  int64_t panelStep = panel.vectors * dot.stepBytes();
  // Past the run's end the weights are zeros but a sum's ones are not: that step stands apart.
  int64_t rest = shape.run % dot.depth();
  int64_t full = steps - ((epilogue.wantsSum() || dot.seesTerms()) && rest != 0);
  int64_t unroll = dot.tiles() ? std::min(full, dot.tiles()->unroll())
                               : chooseUnroll(full, count * panel.vectors);
  int64_t whole = unroll == 0 ? 0 : full / unroll * unroll;
  SmallVector<Value> carried(accumulators);
  auto unrolled = [&](Value leftOffset, Value rightOffset, int64_t n, ValueRange values) {
    SmallVector<Value> next(values);
    if (dot.tiles())
      return multiplyTile(panel, count, leftOffset, rightOffset, n, dot.depth(), next);
    for (int64_t u = 0; u < n; ++u)
      next = step(panel, count, leftOffset, rightOffset, u, dot.depth(), next);
    return next;
  };
  if (whole == unroll)
    carried = unrolled(leftBase, rightBase, unroll, carried);
  else
    carried = b.loop(b.index(0), b.index(whole), unroll, carried, [&](Value k, ValueRange values) {
      return unrolled(b.add(leftBase, b.mul(k, leftTerms)), b.add(rightBase, b.mul(k, panelStep)),
                      unroll, values);
    });
  if (whole < full)
    carried = unrolled(b.add(leftBase, whole * leftTerms), b.add(rightBase, whole * panelStep),
                       full - whole, carried);
  if (full == steps)
    return carried;
  Value leftOffset = b.add(leftBase, full * leftTerms);
  Value rightOffset = b.add(rightBase, full * panelStep);
  if (dot.tiles())
    return multiplyTile(panel, count, leftOffset, rightOffset, 1, rest, carried);
  return step(panel, count, leftOffset, rightOffset, 0, rest, carried);
}

SmallVector<Value> ContractionEmitter::multiplyTile(const ContractionPanel &panel, int64_t count,
                                                    Value leftOffset, Value rightOffset,
                                                    int64_t steps, int64_t lastTerms,
                                                    ValueRange registers) {
  int64_t pixelStep = shape.left.coefficients.back();
  TileSteps tile{scratch.isUsed() ? scratch.buffer() : left,
                 leftOffset,
                 count,
                 pixelStep,
                 right,
                 rightOffset,
                 panel.vectors,
                 steps,
                 lastTerms,
                 epilogue.wantsSum(),
                 scratch.isUsed()};
  return dot.tiles()->multiply(b, tile, registers);
}

SmallVector<Value> ContractionEmitter::step(const ContractionPanel &panel, int64_t count,
                                            Value leftBase, Value rightBase, int64_t u,
                                            int64_t terms, ValueRange accumulators) {
  SmallVector<Value> next(accumulators);
  SmallVector<SmallVector<Value>> weights;
  for (int64_t v = 0; v < panel.vectors; ++v)
    weights.push_back(scales.scaleWeights(
        v, dot.loadRight(b, right, b.add(rightBase, (u * panel.vectors + v) * dot.stepBytes()))));
  int64_t pixelStep = shape.left.coefficients.back();
  for (int64_t pixel = 0; pixel < count; ++pixel) {
    SmallVector<Value> x =
        dot.loadLeft(b, left, b.add(leftBase, pixel * pixelStep + u * dot.depth()));
    for (int64_t v = 0; v < panel.vectors; ++v) {
      Value &accumulator = next[pixel * panel.vectors + v];
      accumulator = dot.multiplyAdd(b, accumulator, x, weights[v]);
    }
    if (epilogue.wantsSum()) {
      Value &sum = next[count * panel.vectors + pixel];
      sum = dot.multiplyAdd(b, sum, x, dot.ones(b, terms));
    }
  }
  return next;
}

/// What the panels do not hold of si16 weights: the steps that are listed behind them.
SmallVector<Value> ContractionEmitter::addRemainder(const ContractionPanel &panel, int64_t count,
                                                    Value leftBase, ValueRange accumulators) {
  WeightRemainder layout = WeightRemainder::of(shape, dot, tile.vectors);
  auto load = [&](Value offset) {
    Value word = b.bitcast(b.loadRaw(right, offset, 4, 4), VectorType::get({1}, b.getI32Type()));
    return arith::IndexCastOp::create(b, b.getIndexType(), vector::ExtractOp::create(b, word, 0))
        .getResult();
  };
  Value start = b.add(b.mul(panel.index, 4), layout.starts);
  return b.loop(
      load(start), load(b.add(start, 4)), 1, accumulators, [&](Value entry, ValueRange carried) {
        Value place = b.add(b.mul(entry, layout.entryBytes), layout.entries);
        Value x = b.add(leftBase, load(b.add(place, 8)));
        if (shape.kernelRows > 1)
          x = b.add(x, b.mul(load(place), shape.leftKernelRow));
        if (shape.kernelColumns > 1)
          x = b.add(x, b.mul(load(b.add(place, 4)), shape.leftKernelColumn));
        SmallVector<Value> next(carried);
        size_t products = count * panel.vectors; // sums of the left operand are complete
        SmallVector<Value> added = step(panel, count, x, b.add(place, WeightRemainder::placeBytes),
                                        0, dot.depth(), carried);
        llvm::copy(ArrayRef(added).take_front(products), next.begin());
        return next;
      });
}

LogicalResult emitContraction(const EmitContext &context, const ContractionShape &shape,
                              const ContractionTile &tile, const DotKernel &dot) {
  return ContractionEmitter(context, shape, tile, dot).emit();
}

} // namespace quern
