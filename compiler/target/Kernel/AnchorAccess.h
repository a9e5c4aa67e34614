// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file How emitters other than contractions read their anchor's operand and write its result:
/// through the maps before and behind it, row by row.

#ifndef QUERN_COMPILER_TARGET_KERNEL_ANCHORACCESS_H
#define QUERN_COMPILER_TARGET_KERNEL_ANCHORACCESS_H

#include "compiler/target/Kernel/CpuBackend.h"

namespace quern {

/// What else the kernel computes and keeps, row by row, for the map that the anchor reads:
/// `buffers` hold each value's rows of the block under way, whose numbers stand behind the indices.
struct ProducedRows {
  llvm::SmallVector<mlir::Value> values;
  llvm::SmallVector<Buffer> buffers;
  llvm::SmallVector<int64_t> rowSteps;
};

/// Reads an anchor's operand at its own indices, computed by the prologue when there is one.
class AnchorReader {
public:
  AnchorReader(const EmitContext &context, mlir::Value operand,
               const ProducedRows *produced = nullptr);

  llvm::ArrayRef<int64_t> shape() const { return sizes; }
  bool isComputed() const { return static_cast<bool>(prologue.map); }
  mlir::Type element() const { return type.getElementType(); }
  /// Makes the trailing dimensions from `first` one, if all that is read walks them as one.
  bool mergeFrom(size_t first);
  /// Whether neighbours along a dimension are neighbours (or the same element) in memory.
  bool isContiguous(size_t dimension) const;
  /// Lets lanes lie along another dimension than the last.
  void setLaneDimension(size_t dimension) { laneDimension = dimension; }
  /// `lanes` elements along the lane dimension, `delta` behind the indices, in their compute type.
  /// Only the first `valid` are read; the others are unspecified.
  mlir::Value load(llvm::ArrayRef<mlir::Value> indices, int64_t delta, int64_t lanes,
                   int64_t valid) const;
  /// The same as it lies in memory, of an operand that is not computed and is contiguous along the
  /// lane dimension; lanes that are not valid are 0.
  mlir::Value loadRaw(llvm::ArrayRef<mlir::Value> indices, int64_t delta, int64_t lanes,
                      int64_t valid) const;

private:
  void readProduced(const ProducedRows &produced, int64_t index, int64_t laneStep);

  KernelBuilder &b;
  mlir::RankedTensorType type;
  llvm::SmallVector<int64_t> sizes;
  size_t laneDimension;
  FusedMap prologue;
  llvm::SmallVector<Buffer> buffers;
  llvm::SmallVector<LinearAccess> accesses;
};

/// Writes an anchor's only result, or what the epilogue makes of it.
class AnchorWriter {
public:
  /// At the indices of the result.
  explicit AnchorWriter(const EmitContext &context);
  /// At other indices: `accesses` as `resultAccesses` gives them, seen from those.
  AnchorWriter(const EmitContext &context, llvm::ArrayRef<LinearAccess> accesses);

  /// What is accessed at the result's indices: the epilogue's inputs, then the results. The view
  /// need not be bound.
  static llvm::SmallVector<LinearAccess> resultAccesses(const DispatchView &view);

  /// Values in compute type, one vector behind the other along the last index; the last one has
  /// `valid` lanes.
  void write(llvm::ArrayRef<mlir::Value> indices, mlir::ValueRange vectors, int64_t valid) const;
  /// Elements as they are in memory, where `copies`.
  void writeRaw(llvm::ArrayRef<mlir::Value> indices, mlir::Value raw, int64_t valid) const;
  /// Whether the anchor's elements are stored as they are.
  bool copies() const;
  /// Whether neighbours along the last index are neighbours in all results.
  bool isContiguous() const;

private:
  llvm::ArrayRef<LinearAccess> results() const;
  llvm::SmallVector<mlir::Value> arguments(llvm::ArrayRef<mlir::Value> indices, mlir::Value value,
                                           int64_t delta, int64_t lanes, int64_t valid) const;
  const EmitContext &context;
  KernelBuilder &b;
  FusedMap epilogue;
  llvm::SmallVector<LinearAccess> accesses;
};

/// The largest vector that the target holds of elements of this memory type, at most 64 lanes.
int64_t rawLanes(const CpuIsa &isa, mlir::Type memoryType);

/// Whether a result of the dispatch carries a halo.
bool hasPaddedResult(const DispatchView &view);
/// The indices of a position in row-major order.
llvm::SmallVector<mlir::Value> delinearize(KernelBuilder &b, mlir::Value position,
                                           llvm::ArrayRef<int64_t> sizes);

/// How the positions of all dimensions but the last are shared out: units are the positions of the
/// first `unitRank` dimensions (N and H where a result carries a halo), the others are loops.
size_t getRowUnitRank(const DispatchView &view, size_t outerRank);
int64_t countRowUnits(const DispatchView &view, llvm::ArrayRef<int64_t> outerSizes);
/// Writes the loops over the kernel's units; halos are filled behind each.
void forEachUnit(const EmitContext &context, llvm::ArrayRef<int64_t> unitSizes,
                 llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> body);
/// Writes the loops over all positions in units of `countRowUnits`.
void forEachRow(const EmitContext &context, llvm::ArrayRef<int64_t> outerSizes,
                llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> body);
/// The same positions in blocks of at most `most` rows: `body` gets a block's number of rows and
/// the indices of its row with a number.
void forEachRowBlock(
    const EmitContext &context, llvm::ArrayRef<int64_t> outerSizes, int64_t most,
    llvm::function_ref<void(mlir::Value count,
                            llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value)>)>
        body);
/// Nested loops over sizes, outermost first.
void forEachIndex(KernelBuilder &b, llvm::ArrayRef<int64_t> sizes,
                  llvm::SmallVector<mlir::Value> prefix,
                  llvm::function_ref<void(llvm::ArrayRef<mlir::Value>)> body);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_ANCHORACCESS_H
