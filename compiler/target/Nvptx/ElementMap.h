// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_NVPTX_ELEMENTMAP_H
#define QUERN_COMPILER_TARGET_NVPTX_ELEMENTMAP_H

#include "compiler/target/Kernel/CpuBackend.h"

namespace quern {

/// A map with a unit for each element of its results, in the order of memory: neighbouring threads
/// write neighbouring elements. Halos are not filled.
mlir::LogicalResult emitElementMap(const EmitContext &context);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_NVPTX_ELEMENTMAP_H
