// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What a product does with scales by blocks of its reduction (`quern.matmul` with scales).

#ifndef QUERN_COMPILER_TARGET_KERNEL_BLOCKSCALES_H
#define QUERN_COMPILER_TARGET_KERNEL_BLOCKSCALES_H

#include "compiler/target/Kernel/ContractionEpilogue.h"

namespace quern {

/// Scales and zero points of a panel's columns, block by block. Floats meet weights that are scaled
/// as they are loaded; codes give exact sums of blocks, which are scaled and added.
class BlockScales {
public:
  BlockScales(const EmitContext &context, const ContractionShape &shape, const DotKernel &dot);

  /// Whether codes meet codes: each block has sums of its own.
  bool hasBlockSums() const { return lhsSums.has_value(); }
  /// Loads what a panel reads for one block.
  void load(const ContractionPanel &panel, mlir::Value block);

  /// One vector of weights for float products; codes less their zero point (exact) times their
  /// scale.
  llvm::SmallVector<mlir::Value> scaleWeights(int64_t vector,
                                              llvm::SmallVector<mlir::Value> weights);

  /// The sums of a block before its first term, [pixel][vector]: -zero * sum of the left codes.
  llvm::SmallVector<mlir::Value> start(const ContractionPanel &panel, const PixelTile &tile,
                                       mlir::Value block);
  /// Adds the block's sums, scaled, to the results so far: fma(float(sum), scale, result).
  llvm::SmallVector<mlir::Value> add(const ContractionPanel &panel, const PixelTile &tile,
                                     mlir::Value block, mlir::ValueRange sums,
                                     mlir::ValueRange results);

  /// The packed form of scales or zero points: in the order in which kernels read them, panel by
  /// panel and block by block, a whole vector where columns end.
  static qir::PackedAttr getForm(qir::MatMulOp matmul, mlir::Value parameter,
                                 qir::PackedAttr weights, const DotKernel &dot);
  static bool isForm(qir::PackedAttr form);
  static std::vector<char> pack(qir::MatMulOp matmul, qir::PackedAttr form, const DotKernel &dot,
                                llvm::ArrayRef<char> bytes);

private:
  mlir::Value loadOfPixel(const Buffer &buffer, const PixelTile &tile, int64_t pixel,
                          mlir::Value block);
  mlir::Value panelOffset(const Buffer &buffer, const ContractionPanel &panel, mlir::Value block);

  KernelBuilder &b;
  const ContractionShape &shape;
  const DotKernel &dot;
  std::optional<Buffer> scales, zeros, lhsScales, lhsSums;
  llvm::SmallVector<mlir::Value> panelScales, panelZeros; ///< of the block that was loaded last
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_BLOCKSCALES_H
