// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The two halves of AssignLayout.

#ifndef QUERN_PASSES_CODEGEN_LAYOUTS_H
#define QUERN_PASSES_CODEGEN_LAYOUTS_H

#include "passes/Interfaces/TargetModel.h"

#include "mlir/IR/Builders.h"

namespace quern {

/// Gives the inputs of window ops with pads a halo where the target's kernels read one.
void padInputs(mlir::OpBuilder &builder, mlir::Block &block, const TargetModel &target);

/// Brings the right operands of contractions into the target's packed forms. Reports convolutions
/// whose weights are not constant where the target would pack them.
mlir::LogicalResult packRightOperands(mlir::OpBuilder &builder, mlir::Block &block,
                                      const TargetModel &target);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_LAYOUTS_H
