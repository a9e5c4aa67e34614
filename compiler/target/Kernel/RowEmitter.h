// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_ROWEMITTER_H
#define QUERN_COMPILER_TARGET_KERNEL_ROWEMITTER_H

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/Reduction.h"

namespace quern {

/// Softmax and layer normalization. Units are the rows. Vectors have 16 lanes on every target, as
/// the order of the sums asks for. A row is kept on the stack where it would be computed twice;
/// rows too long for that are computed again. Several rows go through each step together: what the
/// end of a row's reduction waits for, the next row's elements fill.
class RowEmitter {
public:
  /// A row of the block that is under way: where it stands in the tensor, its number in the block.
  struct Row {
    llvm::SmallVector<mlir::Value> indices;
    mlir::Value number;
  };
  /// Writes a loop over the rows of a block.
  using ForEachRow = llvm::function_ref<void(llvm::function_ref<void(const Row &)>)>;

  /// For blocks of at most `blockRows` rows, 0: as many as suit the rows' size. `produced` is what
  /// the prologue reads in the kernel itself.
  explicit RowEmitter(const EmitContext &context, int64_t blockRows = 0,
                      const ProducedRows *produced = nullptr);
  void emitBlock(ForEachRow forEachRow);
  int64_t mostRows() const { return blockRows; }

private:
  /// Some vectors of the row, the first at `index` and the last with `valid` lanes.
  struct Chunk {
    mlir::Value index;
    int64_t vectors, valid;
    int64_t validOf(int64_t v) const { return v + 1 == vectors ? valid : reductionLanes; }
  };
  /// A scalar for each row of the block.
  struct RowScalars {
    mlir::Value buffer;
  };
  using Step = llvm::function_ref<mlir::Value(mlir::Value accumulator, const Chunk &, int64_t v)>;

  void forEachChunk(llvm::function_ref<void(const Chunk &)> body);
  /// 16 partial results of the row's vectors, `step` called in order.
  mlir::Value fold(qir::ReduceKind kind, Step step);
  /// A vector of the row's operand, from the stack once it is there.
  mlir::Value operand(const Row &row, const Chunk &chunk, int64_t v, bool isFirst);
  mlir::Value scratchOffset(const Row &row, const Chunk &chunk, int64_t v) {
    return b.add(b.add(b.mul(row.number, vectors * reductionLanes), chunk.index),
                 v * reductionLanes);
  }
  mlir::Value load(const Row &row, const Chunk &chunk, int64_t v) {
    return b.loadRaw(scratch, scratchOffset(row, chunk, v), reductionLanes, reductionLanes);
  }
  void keep(mlir::Value value, const Row &row, const Chunk &chunk, int64_t v);
  void keep(mlir::Value scalar, const Row &row, const RowScalars &scalars) {
    b.storeRaw(scalar, scalars.buffer, row.number, 1);
  }
  mlir::Value load(const Row &row, const RowScalars &scalars) {
    return b.splat(b.loadRaw(scalars.buffer, row.number, 1, 1), reductionLanes);
  }

  void emitSoftmax(ForEachRow forEachRow);
  void emitLogSoftmax(ForEachRow forEachRow);
  void foldMaximum(const Row &row);
  void emitLayerNorm(ForEachRow forEachRow, qir::LayerNormOp norm);
  void writeRow(const Row &row,
                llvm::function_ref<mlir::Value(const Chunk &chunk, int64_t v)> compute);

  const EmitContext &context;
  KernelBuilder &b;
  AnchorReader reader;
  AnchorWriter writer;
  int64_t size, vectors;
  int64_t blockRows = 1;    ///< rows of a block
  mlir::Value scratch;      ///< the block's rows, or null
  RowScalars first, second; ///< what the steps of a row leave for the next
  bool isShort;             ///< few enough vectors to live in registers: unrolled
  mlir::Type type;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_ROWEMITTER_H
