// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Passes.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {

#define GEN_PASS_DEF_RECOGNIZEACTIVATIONS
#include "passes/Legalize/Passes.h.inc"

namespace {

struct RecognizeActivations : impl::RecognizeActivationsBase<RecognizeActivations> {
  void runOnOperation() override {
    getOperation()->emitError("'recognize-activations' is not built yet");
    signalPassFailure();
  }
};

} // namespace
} // namespace quern
