// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Codegen/Passes.h"

#include "passes/Codegen/FakeTarget.h"
#include "passes/Codegen/TargetOption.h"
#include "passes/Interfaces/TargetRegistry.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace quern {

LogicalResult findTarget(MLIRContext *context, llvm::StringRef name, const TargetModel *&chosen) {
  if (!chosen)
    chosen = lookupTargetModel(name);
  if (chosen)
    return success();
  return emitError(UnknownLoc::get(context), "unknown target '")
         << name << "', expected one of " << llvm::join(listTargets(), ", ");
}

void buildCodegenPipeline(OpPassManager &manager, const TargetModel &target, int64_t threads) {
  manager.addNestedPass<func::FuncOp>(createDetachSums());
  manager.addNestedPass<func::FuncOp>(createFormDispatches());
  manager.addNestedPass<func::FuncOp>(createShareLiterals());
  manager.addNestedPass<func::FuncOp>(createExtendContractionsPass(target));
  manager.addNestedPass<func::FuncOp>(createAssignLayoutPass(target));
  manager.addPass(createPackWeightsPass(target));
  manager.addNestedPass<func::FuncOp>(createAssignTilesPass(target));
  manager.addNestedPass<func::FuncOp>(createCombineExtremesPass(target));
  manager.addNestedPass<func::FuncOp>(createPlanThreadsPass(target, threads));
  manager.addNestedPass<func::FuncOp>(createWarnSlowCodesPass(target));
  manager.addPass(createPlanMemory());
}

namespace {

struct CodegenOptions : PassPipelineOptions<CodegenOptions> {
  Option<std::string> target{*this, "target", llvm::cl::desc("name of a registered target"),
                             llvm::cl::init("fake")};
};

} // namespace

void registerCodegenPasses() {
  registerCodegenStagePasses();
  registerFakeTarget();
  PassPipelineRegistration<CodegenOptions>(
      "quern-codegen", "The Codegen stage: from integer form to a plan of dispatches",
      [](OpPassManager &manager, const CodegenOptions &options) {
        if (const TargetModel *target = lookupTargetModel(options.target))
          buildCodegenPipeline(manager, *target);
        else
          llvm::report_fatal_error(llvm::Twine("unknown target '") + options.target + "'");
      });
}

} // namespace quern
