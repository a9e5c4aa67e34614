// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The passes of the Integerize stage: from the waist to integer form (docs/ir.md). Each pass
/// is described, with an example, in Passes.td.

#ifndef QUERN_PASSES_INTEGERIZE_PASSES_H
#define QUERN_PASSES_INTEGERIZE_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace mlir {
class ModuleOp;
class OpPassManager;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace quern {

class TargetModel;

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Integerize/Passes.h.inc"

/// Adds the whole stage, in order, to a pass manager of modules: the waist in, integer form out.
void buildIntegerizePipeline(mlir::OpPassManager &manager, const TargetModel &target);

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_PASSES_H
