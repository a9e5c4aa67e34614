// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_X86_X86DEPTHWISEEPILOGUE_H
#define QUERN_COMPILER_TARGET_X86_X86DEPTHWISEEPILOGUE_H

#include "compiler/target/Kernel/Extremes.h"
#include "compiler/target/X86/X86DepthwisePlan.h"

#include <array>
#include <optional>

namespace quern {

/// Four vectors of accumulators, or of what is combined with them, in the interleaved order.
using VnniQuad = std::array<mlir::Value, 4>;

/// What follows a depthwise convolution's accumulators: the epilogue of its kernel and the stores.
class VnniDepthwiseEpilogue {
public:
  VnniDepthwiseEpilogue(const EmitContext &context, qir::ConvOp conv, int64_t outputColumns);

  /// Begins a block from `channel`: loads the operands that depend on the channel alone.
  void begin(const VnniDepthwiseBlock &which, mlir::Value channel);
  /// What the block's accumulators start from instead of zeros, if the epilogue adds a bias.
  std::optional<VnniQuad> start() const;
  /// Finishes and stores one output position per part; `values` are the convolution's results
  /// there.
  void finish(llvm::ArrayRef<mlir::Value> indices, llvm::ArrayRef<VnniQuad> values);

  /// To be called before the first position of units [first, last), and behind some of a unit's.
  void beginUnits(mlir::Value first, mlir::Value last) { extremes.begin(first, last); }
  void storeExtremes(mlir::Value unit) { extremes.store(unit); }

private:
  void store(const Buffer &result, llvm::ArrayRef<Yielded> values,
             llvm::ArrayRef<mlir::Value> indices);
  VnniQuad loadOperand(const FusedMap::Source &source, llvm::ArrayRef<mlir::Value> indices);
  bool isPerChannel(const FusedMap::Source &source) const;
  int64_t findBias() const;
  VnniQuad transpose(llvm::ArrayRef<mlir::Value> vectors) const;

  const EmitContext &context;
  KernelBuilder &b;
  mutable qir::ConvOp conv; // constness of a handle says nothing about the op
  FusedMap map;
  Extremes extremes;
  int64_t outputColumns;
  int64_t bias;
  VnniDepthwiseBlock block;
  llvm::SmallVector<VnniQuad> operands; ///< those that depend on the channel alone
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_X86_X86DEPTHWISEEPILOGUE_H
