// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONSCRATCH_H
#define QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONSCRATCH_H

#include "compiler/target/Kernel/ContractionEpilogue.h"

namespace quern {

/// Copies of the left operand on the stack, in the order in which `TileKernel::pack` writes them:
/// made once for some units of pixels, read by all panels. Used where an instruction set has such
/// an order and there are enough panels to pay for the copy.
class ContractionScratch {
public:
  ContractionScratch(const EmitContext &context, const ContractionShape &shape,
                     const ContractionTile &tile, const DotKernel &dot);

  bool isUsed() const { return units > 0; }
  /// Units of pixels that the scratch holds.
  int64_t unitsAtOnce() const { return units; }
  /// Tiles of a unit: those of a line, or one.
  int64_t tilesPerUnit() const { return tiles; }
  /// Bytes of a step of a tile of so many pixels.
  int64_t stepBytes(int64_t pixels) const { return dot.tiles()->packedBytes(pixels); }
  /// As the left operand of a tile's steps; the offset of tile `slot`.
  Buffer buffer() const { return scratch; }
  mlir::Value offset(mlir::Value slot) const { return b.mul(slot, tileBytes); }

  /// Copies a tile; `leftBase` is its first term in `left`.
  void pack(const PixelTile &place, const Buffer &left, mlir::Value leftBase) const;

private:
  void packRun(const PixelTile &place, const Buffer &left, mlir::Value leftOffset,
               mlir::Value target) const;
  int64_t stepsOfRun() const;

  KernelBuilder &b;
  const ContractionShape &shape;
  const DotKernel &dot;
  int64_t units = 0, tiles = 1, tileBytes = 0;
  Buffer scratch;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONSCRATCH_H
