// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Rewrites of single maps: how they read, and putting one into another.

#ifndef QUERN_PASSES_INTEGERIZE_MAPFUSION_H
#define QUERN_PASSES_INTEGERIZE_MAPFUSION_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

namespace quern {

mlir::AffineMap inputMap(qir::MapOp map, unsigned input);

/// Whether the body's values are what a reader would find in memory: narrow floats are rounded
/// there.
bool keepsValues(qir::MapOp map);

/// Whether the input's elements are read in row-major order, each once: at the map's own index,
/// apart from dimensions of size 1.
bool isReadInOrder(qir::MapOp map, unsigned input);

/// Makes `old` iterate over `shape`, which differs by dimensions of size 1 only; its results are
/// reshaped for their readers. Gives the map that replaces `old`.
qir::MapOp changeSpace(qir::MapOp old, llvm::ArrayRef<int64_t> shape);

/// Makes `consumer` compute what it reads of `producer` itself; the new map replaces `consumer`,
/// which is erased. Inputs read twice in the same way are merged.
qir::MapOp fuseInto(qir::MapOp producer, qir::MapOp consumer);

/// Reads through transposes, slices, broadcasts and reshapes that only add or drop dimensions of
/// size 1. Gives the map that replaces `consumer`, or `consumer` itself.
qir::MapOp foldLayoutOps(qir::MapOp consumer);

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_MAPFUSION_H
