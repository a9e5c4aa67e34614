// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_X86_X86DOTS_H
#define QUERN_COMPILER_TARGET_X86_X86DOTS_H

#include "compiler/target/Kernel/Contraction.h"

namespace quern {

/// u8 x s8, 16 channels x 4 terms per VPDPBUSD.
const DotKernel &getVnniDot();
/// u8 x s8 by VPMADDWD on values widened to 16 bits: exact, no VPMADDUBSW whose 16-bit sums could
/// saturate. 8 channels x 4 terms; weights are widened when packed.
const DotKernel &getAvx2Dot();
/// f32, one fused multiply-add per term in order; 16 (AVX-512) or 8 (AVX2) channels. Weights are
/// stored as f32, f16, bf16 or integer codes and widened, which is exact, as they are loaded; codes
/// of at most 4 bits lie two in a byte.
const DotKernel &getFloatDot(int64_t lanes, mlir::Type weights);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_X86_X86DOTS_H
