// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file A target for tests: it has every wish that a real one may have and no kernels.

#ifndef QUERN_PASSES_CODEGEN_FAKETARGET_H
#define QUERN_PASSES_CODEGEN_FAKETARGET_H

#include "passes/Interfaces/TargetModel.h"

#include <memory>

namespace quern {

/// Wants padded inputs; packs the right operand of integer contractions, depthwise ones excepted,
/// in panels of 16 columns by 4 values of the reduction; divides work by rows of the result.
std::unique_ptr<TargetModel> makeFakeTarget();

/// Registers it as `fake`.
void registerFakeTarget();

} // namespace quern

#endif // QUERN_PASSES_CODEGEN_FAKETARGET_H
