// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file How passes with a `target` option find their target.

#ifndef QUERN_PASSES_CODEGEN_TARGETOPTION_H
#define QUERN_PASSES_CODEGEN_TARGETOPTION_H

#include "passes/Interfaces/TargetModel.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LogicalResult.h"

namespace quern {

/// Sets `chosen` to the registered target `name` unless it is set already; reports an unknown name.
mlir::LogicalResult findTarget(mlir::MLIRContext *context, llvm::StringRef name,
                               const TargetModel *&chosen);

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_TARGETOPTION_H
