// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Kernel/ContractionScratch.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace quern {

/// Bytes of stack: half of a first-level cache of 64 KB. Fewer panels than `leastPanels` do not pay
/// for the stores.
static constexpr int64_t mostBytes = int64_t{1} << 15, leastPanels = 3;

ContractionScratch::ContractionScratch(const EmitContext &context, const ContractionShape &shape,
                                       const ContractionTile &tile, const DotKernel &dot)
    : b(context.b), shape(shape), dot(dot) {
  int64_t vectors = llvm::divideCeil(shape.channels, dot.lanes());
  bool pays = llvm::divideCeil(vectors, tile.vectors) >= leastPanels;
  if (!dot.tiles() || dot.tiles()->packedBytes(1) == 0 || !pays ||
      WeightRemainder::isNeeded(context.view.anchor))
    return;
  int64_t steps = shape.kernelRows * shape.kernelColumns * stepsOfRun();
  tileBytes = steps * stepBytes(tile.rows);
  if (!shape.flat)
    tiles = llvm::divideCeil(shape.columns, tile.rows);
  units = mostBytes / (tileBytes * tiles);
  if (units == 0)
    return;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&b.getFunction().getBody().front());
  auto type = MemRefType::get({units * tiles * tileBytes}, b.getI8Type());
  scratch.memref = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
  scratch.type = RankedTensorType::get(type.getShape(), b.getI8Type());
}

int64_t ContractionScratch::stepsOfRun() const { return llvm::divideCeil(shape.run, dot.depth()); }

void ContractionScratch::packRun(const PixelTile &place, const Buffer &left, Value leftOffset,
                                 Value target) const {
  const TileKernel &kernel = *dot.tiles();
  int64_t steps = stepsOfRun(), unroll = std::min(steps, kernel.unroll()),
          whole = steps / unroll * unroll, bytes = stepBytes(place.count);
  auto copy = [&](Value step, int64_t count) {
    TileSteps part;
    part.left = left;
    part.leftOffset = b.add(leftOffset, b.mul(step, dot.depth()));
    part.pixels = place.count;
    part.pixelStep = shape.left.coefficients.back();
    part.count = count;
    kernel.pack(b, part, scratch.memref, b.add(target, b.mul(step, bytes)));
  };
  b.loop(0, whole, unroll, [&](Value step) { copy(step, unroll); });
  if (whole < steps)
    copy(b.index(whole), steps - whole);
}

void ContractionScratch::pack(const PixelTile &place, const Buffer &left, Value leftBase) const {
  int64_t runBytes = stepsOfRun() * stepBytes(place.count);
  b.loop(0, shape.kernelRows, 1, [&](Value ky) {
    b.loop(0, shape.kernelColumns, 1, [&](Value kx) {
      Value from =
          b.add(b.add(leftBase, b.mul(ky, shape.leftKernelRow)), b.mul(kx, shape.leftKernelColumn));
      Value tap = b.add(b.mul(ky, shape.kernelColumns), kx);
      packRun(place, left, from, b.add(offset(place.slot), b.mul(tap, runBytes)));
    });
  });
}

} // namespace quern
