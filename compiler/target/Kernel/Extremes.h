// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_EXTREMES_H
#define QUERN_COMPILER_TARGET_KERNEL_EXTREMES_H

#include "compiler/target/Kernel/CpuBackend.h"

namespace quern {

/// The extremes that a kernel finds among what it computes. A kernel begins the units that it is
/// given, takes each group of lanes that it computes and, now and then, stores what was taken to
/// the part of the unit that it belongs to.
class Extremes {
public:
  explicit Extremes(const EmitContext &context) : context(context), b(context.b) {}

  bool empty() const { return context.view.extremes.empty(); }
  /// Gives the parts of units [first, last) their neutral values.
  void begin(mlir::Value first, mlir::Value last);
  /// `values` are what the epilogue's body yields for these lanes, empty without one; `accumulator`
  /// is the anchor's result. Lanes that do not `exist` are left out; empty: all do.
  void take(llvm::ArrayRef<Yielded> values, mlir::Value accumulator,
            llvm::ArrayRef<bool> exist = {});
  /// The same with the first `valid` lanes.
  void takeFirst(llvm::ArrayRef<Yielded> values, mlir::Value accumulator, int64_t valid);
  /// Combines what was taken since the last call with the unit's part.
  void store(mlir::Value unit);

private:
  const EmitContext &context;
  KernelBuilder &b;
  llvm::SmallVector<mlir::Value> taken; ///< by extreme
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_EXTREMES_H
