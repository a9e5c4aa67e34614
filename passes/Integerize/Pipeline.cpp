// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "passes/Interfaces/TargetModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace quern {

void buildIntegerizePipeline(OpPassManager &manager, const TargetModel &target) {
  bool isUnsigned = target.wantsUnsignedActivations();
  OpPassManager &function = manager.nest<func::FuncOp>();
  function.addPass(createPropagateCodes());
  function.addPass(createSignActivations({isUnsigned}));
  function.addPass(createScaleFloatCodes({/*widens=*/!target.multipliesFloatCodes()}));
  function.addPass(createIntegerizeContractions({isUnsigned}));
  function.addPass(createIntegerizePools());
  function.addPass(createIntegerizeElementwise());
  function.addPass(createLowerElementwise());
  // Equal constants must be one value before inputs of maps can be merged.
  function.addPass(createCSEPass());
  function.addPass(createFuseMaps({/*anchors=*/false}));
  function.addPass(createComposeTables());
  function.addPass(createFuseMaps({/*anchors=*/true}));
  function.addPass(createMergeScalars());
  function.addPass(createCSEPass());
  function.addPass(createVerifyIntegerForm());
}

} // namespace quern
