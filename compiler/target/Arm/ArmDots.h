// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_ARM_ARMDOTS_H
#define QUERN_COMPILER_TARGET_ARM_ARMDOTS_H

#include "compiler/target/Arm/ArmCpus.h"
#include "compiler/target/Kernel/Contraction.h"

namespace quern {

/// s8 x s8, 4 channels x 4 terms per SDOT; 16 bytes of a pixel serve four steps, lane by lane.
std::unique_ptr<DotKernel> makeSdot(const ArmCpu &cpu);
/// s8 x s8, 2 pixels x 2 channels x 8 terms per SMMLA; two pixels' bytes are interleaved by 8.
std::unique_ptr<DotKernel> makeSmmla(const ArmCpu &cpu);
/// s8 x s8 without either: SMULL to 16 bits, pairs of products added to 32 bits by SADALP.
std::unique_ptr<DotKernel> makeSmull(const ArmCpu &cpu);
/// f32, one FMLA by lane per term in order, 4 channels.
std::unique_ptr<DotKernel> makeArmFloatDot(const ArmCpu &cpu);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_ARM_ARMDOTS_H
