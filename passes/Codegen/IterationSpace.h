// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Rewrites of a `quern.map`'s iteration space and of how it reads its inputs.

#ifndef QUERN_PASSES_CODEGEN_ITERATIONSPACE_H
#define QUERN_PASSES_CODEGEN_ITERATIONSPACE_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/PatternMatch.h"

namespace quern {

/// Whether the map reads this input at its own index (dimensions of size 1 may be written as 0).
bool readsAtIdentity(qir::MapOp map, unsigned input);

/// Whether every input that is `value` is read at its own index (and there is one).
bool readsAtIdentity(qir::MapOp map, mlir::Value value);

/// The index of a layout op's operand as a function of the result's index: transpose, slice or
/// broadcast; a null map for other ops.
mlir::AffineMap getReadMap(mlir::Operation *layoutOp);

/// Makes a map that only copies, for a transpose, slice or broadcast, and erases that.
void replaceByCopy(mlir::RewriterBase &rewriter, mlir::Operation *layoutOp);

/// A map that copies a value, with the value's type.
qir::MapOp makeCopy(mlir::OpBuilder &builder, mlir::Location location, mlir::Value value);

/// Rewrites the map to iterate over `shape` (as many elements, row-major) by putting reshapes on
/// its inputs and results. Fails, changing nothing, when an input is not read in a way that can be
/// said in the new dimensions.
mlir::LogicalResult changeIterationSpace(mlir::RewriterBase &rewriter, qir::MapOp map,
                                         llvm::ArrayRef<int64_t> shape);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_ITERATIONSPACE_H
