// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_X86_X86DEPTHWISE_H
#define QUERN_COMPILER_TARGET_X86_X86DEPTHWISE_H

#include "compiler/target/Kernel/Depthwise.h"

namespace quern {

/// u8 x s8 depthwise convolution by VPDPBUSD on AVX-512: the bytes of four input rows are
/// interleaved in 128-bit lanes, so that one instruction does four vertical taps of 16 channels.
///
/// Channels are cut into blocks of 64. What is left is one block of 64, or of 32 or 16 channels of
/// two or four columns, each from its own part of the row; it is filled up with zero weights.
/// Interleaved, vector i holds in its 128-bit lane L, double word e, channel 16L + 4i + e (L
/// counted in the part); packing four vectors to bytes restores the order.
///
/// Packed weights ("depthwise-vnni"), for each block: [output row of the unit][quad of input
/// rows][kernel column][vector][16 double words][4 rows].
///
/// Units are groups of `rows` output rows of one image: two where both need the same quads of
/// input rows, else one.
const DepthwiseKernel &getVnniDepthwise();

} // namespace quern

#endif // QUERN_COMPILER_TARGET_X86_X86DEPTHWISE_H
