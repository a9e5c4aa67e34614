// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_X86_X86LOWBITDOTS_H
#define QUERN_COMPILER_TARGET_X86_X86LOWBITDOTS_H

#include "compiler/target/Kernel/Contraction.h"

namespace quern {

/// u8 x s2, s3 or s4: constant weights that keep their width in memory and are unpacked in
/// registers, for all rows of a tile at once. VPDPBUSD, 16 channels.
const DotKernel &getVnniLowBitDot(unsigned bits);
/// The same by VPMADDWD, 8 channels.
const DotKernel &getAvx2LowBitDot(unsigned bits);
/// s8 x u2, u3, u4 or u8, for weights with scales by blocks: the weights are VPDPBUSD's unsigned
/// operand.
const DotKernel &getVnniBlockDot(unsigned bits);
const DotKernel &getAvx2BlockDot(unsigned bits);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_X86_X86LOWBITDOTS_H
