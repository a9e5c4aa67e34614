// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Passes.h"

#include "dialects/Quern/QuernOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace quern {
#define GEN_PASS_DEF_VERIFYINTEGERFORM
#include "passes/Integerize/Passes.h.inc"
} // namespace quern

using namespace mlir;

namespace quern {

namespace {

class VerifyIntegerFormPass : public impl::VerifyIntegerFormBase<VerifyIntegerFormPass> {
public:
  void runOnOperation() override {
    bool clean = true;
    getOperation().walk([&](Operation *op) {
      if (!llvm::isa<qir::QuantizeOp, qir::DequantizeOp, qir::UnaryOp, qir::BinaryOp, qir::ClampOp,
                     qir::SelectOp, qir::CastOp>(op))
        return;
      op->emitError("'") << op->getName() << "' is left in integer form, expected a 'quern.map'";
      clean = false;
    });
    if (!clean)
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

} // namespace quern
