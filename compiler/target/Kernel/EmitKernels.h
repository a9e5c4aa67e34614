// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_EMITKERNELS_H
#define QUERN_COMPILER_TARGET_KERNEL_EMITKERNELS_H

#include "compiler/target/Kernel/DispatchView.h"

namespace quern {

/// Makes a function for each different dispatch of @main, lets `emit` write its body and names it
/// in the dispatch's `kernel`. Its arguments are the dispatch's buffers, in memory space `space`,
/// and the range of units.
mlir::LogicalResult
emitEachKernel(mlir::ModuleOp module, unsigned space,
               llvm::function_ref<mlir::LogicalResult(KernelBuilder &, DispatchView &)> emit);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_EMITKERNELS_H
