// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Reshapes stay outside of dispatches: those between ops that one dispatch could hold are
/// moved away.

#ifndef QUERN_PASSES_CODEGEN_RESHAPES_H
#define QUERN_PASSES_CODEGEN_RESHAPES_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/PatternMatch.h"

namespace quern {

/// Whether no op but this one reads the value.
bool isOnlyUser(mlir::Value value, mlir::Operation *user);

/// Whether the anchor can compute its first operand from a map's inputs.
bool takesPrologue(mlir::Operation *anchor);

/// Reshapes between an anchor and the map that could join it move to the map's other side; those
/// before a table or softmax of what a contraction computes move behind it.
void moveReshapes(mlir::RewriterBase &rewriter, mlir::Block &block);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_RESHAPES_H
