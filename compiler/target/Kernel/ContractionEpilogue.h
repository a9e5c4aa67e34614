// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONEPILOGUE_H
#define QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONEPILOGUE_H

#include "compiler/target/Kernel/Contraction.h"
#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Kernel/Extremes.h"

namespace quern {

/// A panel: groups of lanes [first, first + vectors) of a group's channels.
struct ContractionPanel {
  int64_t vectors;
  int64_t valid;           ///< lanes of the last vector that exist
  mlir::Value index;       ///< of the panel
  mlir::Value firstVector; ///< index of the panel's first vector
};

/// A tile's place: `count` pixels from `column` of the row with these indices.
struct PixelTile {
  llvm::SmallVector<mlir::Value> row;
  mlir::Value column;
  int64_t count;
  mlir::Value unit; ///< of the kernel that the tile belongs to
  mlir::Value slot; ///< number of the tile among those of the units that are worked on at once
};

/// What precedes and follows a contraction's reduction: the accumulators' start, the epilogue of
/// its kernel and the stores. Accumulators are [pixel][vector], then, if wanted, the sums of the
/// left operand, [pixel].
class ContractionEpilogue {
public:
  ContractionEpilogue(const EmitContext &context, const ContractionShape &shape,
                      const DotKernel &dot);

  /// Whether the sums of the left operand are used.
  bool wantsSum() const;
  /// The accumulators of a tile before its first term; `channel` is the panel's first.
  llvm::SmallVector<mlir::Value> initial(const ContractionPanel &panel, const PixelTile &tile,
                                         mlir::Value channel);
  /// To be called before the first tile of units [first, last).
  void begin(mlir::Value first, mlir::Value last) { extremes.begin(first, last); }
  /// Finishes and stores a tile.
  void finish(const ContractionPanel &panel, const PixelTile &tile, mlir::Value channel,
              mlir::ValueRange accumulators);

private:
  /// Output positions of an access: rows by their dimensions, one step per pixel and per channel.
  struct OutputAccess {
    LinearAccess rows;
    int64_t column = 0, channel = 0;
  };

  /// Vectors [first, first + count) of a pixel, which the epilogue takes as one.
  struct Group {
    int64_t pixel, first, count;
  };
  /// Where inner products have fewer lanes than the other kernels' vectors: as many as fill one.
  int64_t groupSize(int64_t vectors) const;
  llvm::SmallVector<Yielded> finishLanes(const ContractionPanel &panel, const PixelTile &tile,
                                         mlir::Value channel, mlir::ValueRange accumulators,
                                         const Group &group);
  mlir::Value source(const FusedMap::Source &source, const OutputAccess &access,
                     const PixelTile &tile, mlir::Value channel, const Group &group, int64_t valid);
  bool takesEpilogue() const;
  OutputAccess project(const LinearAccess &access) const;
  int64_t validLanes(const ContractionPanel &panel, const Group &group) const;
  PendingStore pendingStore(size_t result, llvm::ArrayRef<Yielded> values, mlir::Value sums) const;
  /// The input that the epilogue's first step adds to the accumulator, if that is all its use.
  int64_t findBias() const;

  const EmitContext &context;
  KernelBuilder &b;
  const DispatchView &view;
  const ContractionShape &shape;
  const DotKernel &dot;
  FusedMap map;
  Extremes extremes;
  std::optional<StoredTable> table; ///< what follows
  llvm::SmallVector<OutputAccess> sourceAccesses, resultAccesses;
  int64_t bias = -1;
  bool isFloat; ///< the sums
  mlir::Type accumulatorType;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_CONTRACTIONEPILOGUE_H
