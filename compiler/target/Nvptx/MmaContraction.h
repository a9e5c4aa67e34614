// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Convolutions and matrix products on tensor cores: mma.sync m16n8k32 of 8-bit codes,
/// operands in shared memory (cp.async, ldmatrix).
///
/// A block of threads computes a tile of pixels by channels, each of its warps 64 x 32 of it. The
/// reduction goes in steps of `stepDepth` terms of a run (see `ContractionShape`): three steps are
/// on their way from global memory while one is multiplied. Rows of a step lie in shared memory
/// with their four groups of 16 bytes exchanged so that eight rows are read without conflicts.

#ifndef QUERN_COMPILER_TARGET_NVPTX_MMACONTRACTION_H
#define QUERN_COMPILER_TARGET_NVPTX_MMACONTRACTION_H

#include "compiler/target/Kernel/Contraction.h"
#include "compiler/target/Kernel/CpuBackend.h"

#include <optional>
#include <vector>

namespace quern {

/// How a block's warps stand: a tile is 64 * warpRows pixels by 32 * warpColumns channels.
struct MmaTile {
  static constexpr int64_t warpPixels = 64, warpChannels = 32;
  static constexpr int64_t stepDepth = 64; ///< terms, that is bytes, of a row in a step
  static constexpr int64_t stages = 3;
  int64_t warpRows = 2, warpColumns = 4;

  int64_t pixels() const { return warpPixels * warpRows; }
  int64_t channels() const { return warpChannels * warpColumns; }
  int64_t threads() const { return 32 * warpRows * warpColumns; }
  int64_t stageBytes() const { return (pixels() + channels()) * stepDepth; }

  /// The tile that is estimated to take the least time; larger ones first.
  static MmaTile choose(const ContractionShape &shape);
  static MmaTile parse(mlir::DictionaryAttr attribute);
  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
};

/// What a contraction needs to be done on tensor cores.
struct MmaPlan {
  ContractionShape shape;
  int64_t chunk; ///< bytes of an asynchronous copy of the left operand: 16, 8 or 4

  /// None where it cannot: `why` says so in words. The right operand must be constant.
  static std::optional<MmaPlan> of(mlir::Operation *anchor, std::string &why);
  /// `chunk` of a contraction that is known to have a plan.
  static int64_t chunkOf(mlir::Operation *anchor);
  /// Channels of a group in the packed weights: a multiple of every tile's.
  int64_t packedChannels() const;
  /// Steps of the whole reduction.
  int64_t steps() const;
  int64_t packedBytes() const;
};

/// Weights as the kernels read them: [group][step][channel][64 terms], zeros where there are none.
std::vector<char> packForMma(mlir::Operation *anchor, const MmaPlan &plan,
                             llvm::ArrayRef<char> bytes);

/// Blocks in the two dimensions of the grid: tiles of pixels, tiles of channels of all groups.
std::pair<int64_t, int64_t> getMmaGrid(const ContractionShape &shape, const MmaTile &tile);

mlir::LogicalResult emitMmaContraction(const EmitContext &context, const ContractionShape &shape,
                                       const MmaTile &tile, int64_t chunk);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_NVPTX_MMACONTRACTION_H
