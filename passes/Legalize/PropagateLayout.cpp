// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Legalize/Passes.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {

#define GEN_PASS_DEF_PROPAGATELAYOUT
#include "passes/Legalize/Passes.h.inc"

namespace {

struct PropagateLayout : impl::PropagateLayoutBase<PropagateLayout> {
  void runOnOperation() override {
    getOperation()->emitError("'propagate-layout' is not built yet");
    signalPassFailure();
  }
};

} // namespace
} // namespace quern
