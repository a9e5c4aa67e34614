// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_X86_X86DEPTHWISEPLAN_H
#define QUERN_COMPILER_TARGET_X86_X86DEPTHWISEPLAN_H

#include "compiler/target/Kernel/DispatchView.h"

#include <algorithm>

namespace quern {

struct EmitContext;

/// Sizes of a depthwise convolution as VPDPBUSD does it.
struct VnniDepthwisePlan {
  int64_t kernelRows, kernelColumns, strideRows, strideColumns;
  int64_t images, outputRows, outputColumns, channels;
  int64_t rows;  ///< output rows of a unit
  int64_t quads; ///< groups of four input rows under a unit
  /// The kernel's columns as their weights are packed: each once, then once more those in which
  /// si16 weights leave something that 8 bits do not hold.
  llvm::SmallVector<int64_t> columns;

  static VnniDepthwisePlan of(qir::ConvOp conv);
  int64_t unitsPerImage() const { return (outputRows + rows - 1) / rows; }
  /// Vectors of weights of one output row, and of one block.
  int64_t rowVectors() const { return quads * static_cast<int64_t>(columns.size()) * 4; }
  /// With one quad the second row's weights are the first one's, moved down by the stride.
  bool derivesRows() const { return quads == 1; }
  int64_t packedRows() const { return derivesRows() ? 1 : rows; }
  int64_t blockVectors() const { return packedRows() * rowVectors(); }
};

/// What a register of 64 bytes holds: `channels` of each of `parts` pixels.
struct VnniDepthwiseBlock {
  int64_t channels; ///< 64, 32 or 16
  int64_t valid;    ///< of them exist
  int64_t parts() const { return 64 / channels; }
  /// Columns of a row that each part of a register walks, and where the parts start; the last part
  /// may do columns of the one before it once more.
  int64_t segment(int64_t columns) const { return (columns + parts() - 1) / parts(); }
  int64_t partStart(int64_t part, int64_t columns) const {
    return std::min(part * segment(columns), columns - segment(columns));
  }
  /// The channel, within the block, of 128-bit lane `lane` and element `e` of interleaved vector i.
  int64_t channelOf(int64_t i, int64_t lane, int64_t e) const {
    return lane % (channels / 16) * 16 + 4 * i + e;
  }
  /// The block of the channels behind all whole ones.
  static VnniDepthwiseBlock ofRest(int64_t channels) {
    int64_t rest = channels % 64;
    return {rest > 32 ? 64 : rest > 16 ? 32 : 16, rest};
  }
};

void emitVnniDepthwise(const EmitContext &context);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_X86_X86DEPTHWISEPLAN_H
