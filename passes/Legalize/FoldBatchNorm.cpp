// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Passes.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {

#define GEN_PASS_DEF_FOLDBATCHNORM
#include "passes/Legalize/Passes.h.inc"

namespace {

struct FoldBatchNorm : impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    getOperation()->emitError("'fold-batch-norm' is not built yet");
    signalPassFailure();
  }
};

} // namespace
} // namespace quern
