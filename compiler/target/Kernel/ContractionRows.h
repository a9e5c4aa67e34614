// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONROWS_H
#define QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONROWS_H

#include "compiler/target/Kernel/ContractionEpilogue.h"
#include "compiler/target/Kernel/RowEmitter.h"

namespace quern {

/// The softmax that follows a contraction: the sums of a line of tiles, all channels of as many
/// pixels as a tile has, are kept on the stack as they are. Then the rows go through the
/// contraction's epilogue and the softmax, where registers are free for those.
class ContractionRows {
public:
  ContractionRows(const EmitContext &outer, const ContractionShape &shape,
                  const ContractionTile &tile, const DotKernel &dot);

  /// Keeps a tile's accumulators ([pixel][vector], then the sums of the left operand, [pixel]).
  void keep(const ContractionPanel &panel, const PixelTile &tile, mlir::ValueRange accumulators);
  /// Finishes the pixels of a line of tiles, and stores them.
  void finish(const PixelTile &tile);

private:
  const ContractionShape &shape;
  const DotKernel &dot;
  KernelBuilder &b;
  mlir::Operation *contraction;
  DispatchView view;   ///< of the softmax
  EmitContext context; ///< with it
  int64_t rowStep;     ///< elements of a row of sums, whole vectors
  ProducedRows produced;
  std::optional<RowEmitter> rows;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONROWS_H
