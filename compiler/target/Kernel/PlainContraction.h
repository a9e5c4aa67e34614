// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_PLAINCONTRACTION_H
#define QUERN_COMPILER_TARGET_KERNEL_PLAINCONTRACTION_H

#include "compiler/target/Kernel/CpuBackend.h"
#include "compiler/target/Kernel/Extremes.h"

namespace quern {

/// Takes single elements of a contraction's result through the epilogue to memory.
class ElementEpilogue {
public:
  explicit ElementEpilogue(const EmitContext &context)
      : context(context),
        map(context.view, context.view.epilogue, context.view.anchor->getResults()),
        extremes(context) {}
  /// To be called before the first element of units [first, last).
  void begin(mlir::Value first, mlir::Value last) { extremes.begin(first, last); }
  /// `accumulated` are the anchor's results at `indices`, the element's place in the result.
  void finish(llvm::ArrayRef<mlir::Value> indices, llvm::ArrayRef<mlir::Value> accumulated,
              mlir::Value unit);

private:
  const EmitContext &context;
  FusedMap map;
  Extremes extremes;
};

/// `emitPlainContraction` with a unit for each element of the result, as the threads of a GPU take
/// them. Halos are not filled.
mlir::LogicalResult emitPlainContractionByElement(const EmitContext &context);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_PLAINCONTRACTION_H
