// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_NVPTX_DEVICEHALO_H
#define QUERN_COMPILER_TARGET_NVPTX_DEVICEHALO_H

#include "compiler/target/Kernel/CpuBackend.h"

namespace quern::device {

/// Fills the halos of the dispatch's results, for kernels whose units are no rows: all threads of
/// the grid share the rows.
void fillHalos(const EmitContext &context);

} // namespace quern::device

#endif // QUERN_COMPILER_TARGET_NVPTX_DEVICEHALO_H
