// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Passes.h"
#include "compiler/target/TargetBackend.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace quern {

#define GEN_PASS_DEF_EMITKERNELS
#include "compiler/target/Passes.h.inc"

namespace {
struct EmitKernels : impl::EmitKernelsBase<EmitKernels> {
  using EmitKernelsBase::EmitKernelsBase;

  void runOnOperation() override {
    const TargetBackend *backend = lookupTargetBackend(target);
    if (!backend) {
      getOperation().emitError("unknown target '") << target << "'";
      return signalPassFailure();
    }
    if (mlir::failed(backend->emitKernels(getOperation())))
      signalPassFailure();
  }
};
} // namespace

} // namespace quern
