// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_TARGETS_H
#define QUERN_COMPILER_TARGET_TARGETS_H

#include "compiler/target/TargetBackend.h"

namespace quern {

/// The targets that exist; a new one adds its line here and in Targets.cpp.
const TargetBackend &getVnniBackend();
const TargetBackend &getAvx2Backend();
const TargetBackend &getArmNeonBackend();
const TargetBackend &getArmDotprodBackend();
const TargetBackend &getArmI8mmBackend();
const TargetBackend &getPortableBackend();
/// One for each chip, `cuda-sm_89` and so on.
llvm::ArrayRef<const TargetBackend *> getNvptxBackends();

} // namespace quern

#endif // QUERN_COMPILER_TARGET_TARGETS_H
