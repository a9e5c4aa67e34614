// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The passes of the Codegen stage: from integer form to a plan of dispatches. Each pass is
/// described, with an example, in Passes.td.

#ifndef QUERN_PASSES_CODEGEN_PASSES_H
#define QUERN_PASSES_CODEGEN_PASSES_H

#include "passes/Interfaces/TargetModel.h"

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

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/Codegen/Passes.h.inc"

/// The passes that ask the target, for this target (which must outlive the pass) instead of one
/// named by an option.
std::unique_ptr<mlir::Pass> createExtendContractionsPass(const TargetModel &target);
std::unique_ptr<mlir::Pass> createAssignLayoutPass(const TargetModel &target);
std::unique_ptr<mlir::Pass> createPackWeightsPass(const TargetModel &target);
std::unique_ptr<mlir::Pass> createAssignTilesPass(const TargetModel &target);
std::unique_ptr<mlir::Pass> createCombineExtremesPass(const TargetModel &target);
std::unique_ptr<mlir::Pass> createPlanThreadsPass(const TargetModel &target, int64_t threads);
std::unique_ptr<mlir::Pass> createWarnSlowCodesPass(const TargetModel &target);

/// Adds the whole stage to a pass manager of modules. `threads` is the number among which work is
/// divided, 0 for the one that plan-threads expects by itself.
void buildCodegenPipeline(mlir::OpPassManager &manager, const TargetModel &target,
                          int64_t threads = 0);

/// Registers the passes, the pipeline `quern-codegen` (option `target`) and the target `fake`.
void registerCodegenPasses();

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_PASSES_H
