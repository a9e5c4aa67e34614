// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_EXPLAIN_H
#define QUERN_COMPILER_DRIVER_EXPLAIN_H

#include "mlir/IR/BuiltinOps.h"

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace quern::driver {

/// Prints what became of the model: a line for each dispatch of a planned module with its kernel,
/// operators, shapes, precision, work, tile, units and the reason for its form.
void explainTable(mlir::ModuleOp module, llvm::raw_ostream &stream);

/// The same as JSON: {"arena_bytes": N, "dispatches": [{...}]}.
void explainJson(mlir::ModuleOp module, llvm::raw_ostream &stream);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_EXPLAIN_H
