// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_NVPTX_WARPROWS_H
#define QUERN_COMPILER_TARGET_NVPTX_WARPROWS_H

#include "compiler/target/Kernel/CpuBackend.h"

namespace quern {

/// Softmax and layer normalization, half a warp to a row: its 16 lanes are the 16 partial results
/// of docs/numerics.md, which shuffles combine. Rows are read again where they are needed again.
mlir::LogicalResult emitWarpRows(const EmitContext &context);
int64_t getWarpRowUnits(const DispatchView &view); ///< rows

} // namespace quern

#endif // QUERN_COMPILER_TARGET_NVPTX_WARPROWS_H
