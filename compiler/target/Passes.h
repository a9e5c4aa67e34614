// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_PASSES_H
#define QUERN_COMPILER_TARGET_PASSES_H

#include "mlir/Pass/Pass.h"

#include <memory>

namespace quern {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "compiler/target/Passes.h.inc"

} // namespace quern

#endif // QUERN_COMPILER_TARGET_PASSES_H
