// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @v1(%x: tensor<8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V1) expected an NHWC input and OHWI weights of rank 4, found 'tensor<8x8x4xui8>' and 'tensor<6x3x3x4xsi8>'}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v1_2(%x: tensor<1x8x8x4xui8>, %w: tensor<6x9x4xsi8>) {
  // expected-error @+1 {{(V1) expected an NHWC input and OHWI weights of rank 4}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x9x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v2(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xf32>) {
  // expected-error @+1 {{(V2) expected f32 x f32, f16 or bf16 -> f32, 8-bit floats -> f32 or codes of at most 8 bits -> si32, found 'ui8' x 'f32' -> 'si32'}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xf32> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v2_2(%x: tensor<1x8x8x4xi8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V2) expected f32 x f32, f16 or bf16 -> f32, 8-bit floats -> f32 or codes of at most 8 bits -> si32, found 'i8' x 'si8' -> 'si32'}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xi8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v2_3(%x: tensor<1x8x8x4xui16>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V2) expected f32 x f32, f16 or bf16 -> f32, 8-bit floats -> f32 or codes of at most 8 bits -> si32, found 'ui16' x 'si8' -> 'si32'}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui16>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v3(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V3) expected input channels = groups * 4 and outputs divisible by groups, found 4 channels, 2 groups, 6 outputs}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v3_2(%x: tensor<1x8x8x4xui8>, %w: tensor<5x3x3x2xsi8>) {
  // expected-error @+1 {{(V3) expected input channels = groups * 2 and outputs divisible by groups, found 4 channels, 2 groups, 5 outputs}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : tensor<1x8x8x4xui8>, tensor<5x3x3x2xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v3_3(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V3) expected input channels = groups * 4 and outputs divisible by groups, found 4 channels, 0 groups, 6 outputs}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 0 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v3_4(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V3) expected input channels = groups * 4 and outputs divisible by groups, found 4 channels, 4611686018427387905 groups, 6 outputs}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 4611686018427387905 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected 2 strides, 4 pads and 2 dilations}}
  %y = quern.conv %x, %w strides [1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4_2(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected 2 strides, 4 pads and 2 dilations}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4_3(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.conv %x, %w strides [0, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4_4(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 0] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4_5(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, -1, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4_6(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [9223372036854775807, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v4_7(%x: tensor<1x8x8x4xui8>, %w: tensor<6x0x3x4xsi8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x0x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v5(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V5) expected a result of shape [1, 4, 4, 6], found 'tensor<1x6x6x6xsi32>'}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [2, 2] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v5_2(%x: tensor<1x2x2x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V5) expected a result of shape [1, 0, 0, 6]}}
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x2x2x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v6(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>, %p: tensor<si8>) {
  // expected-error @+1 {{(V6) expected a pad value with one element of the input's type, found 'tensor<si8>'}}
  %y = quern.conv %x, %w pad %p strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> pad tensor<si8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v6_2(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>, %p: tensor<4xui8>) {
  // expected-error @+1 {{(V6) expected a pad value with one element of the input's type, found 'tensor<4xui8>'}}
  %y = quern.conv %x, %w pad %p strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> pad tensor<4xui8> -> tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v7(%x: tensor<1x8x8x4xui8>, %w: tensor<6x3x3x4xsi8>) {
  // expected-error @+1 {{(V7) expected an si32 window sum [1, 6, 6, 1] of an integer convolution}}
  %y:2 = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<6x3x3x4xsi8> -> tensor<1x6x6x6xsi32>, tensor<1x6x6x6xsi32>
  return
}

// -----

func.func @v7_2(%x: tensor<1x8x8x4xf32>, %w: tensor<6x3x3x4xf32>) {
  // expected-error @+1 {{(V7) expected an si32 window sum [1, 6, 6, 1] of an integer convolution}}
  %y:2 = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xf32>, tensor<6x3x3x4xf32> -> tensor<1x6x6x6xf32>, tensor<1x6x6x1xsi32>
  return
}

// -----

func.func @m1(%x: tensor<8xui8>, %w: tensor<8x5xsi8>) {
  // expected-error @+1 {{(M1) expected operands of one rank >= 2, or a right-hand side of rank 2, found 'tensor<8xui8>' and 'tensor<8x5xsi8>'}}
  %y = quern.matmul %x, %w : tensor<8xui8>, tensor<8x5xsi8> -> tensor<4x5xsi32>
  return
}

// -----

func.func @m1_2(%x: tensor<4x8xui8>, %w: tensor<2x8x5xsi8>) {
  // expected-error @+1 {{(M1) expected operands of one rank >= 2, or a right-hand side of rank 2}}
  %y = quern.matmul %x, %w : tensor<4x8xui8>, tensor<2x8x5xsi8> -> tensor<4x5xsi32>
  return
}

// -----

func.func @m1_3(%x: tensor<2x4x8xui8>, %w: tensor<3x8x5xsi8>) {
  // expected-error @+1 {{(M1) expected batch dimensions that broadcast, found 'tensor<2x4x8xui8>' and 'tensor<3x8x5xsi8>'}}
  %y = quern.matmul %x, %w : tensor<2x4x8xui8>, tensor<3x8x5xsi8> -> tensor<4x5xsi32>
  return
}

// -----

func.func @m2(%x: tensor<4x8xui8>, %w: tensor<8x5xsi8>) {
  // expected-error @+1 {{(M2) expected f32 x f32, f16 or bf16 -> f32, 8-bit floats -> f32 or codes of at most 8 bits -> si32, found 'ui8' x 'si8' -> 'f32'}}
  %y = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x5xsi8> -> tensor<4x5xf32>
  return
}

// -----

func.func @m3(%x: tensor<4x8xui8>, %w: tensor<8x5xsi8>) {
  // expected-error @+1 {{(M3) expected equal reduction sizes, found 8 and 5}}
  %y = quern.matmul %x, %w transposed : tensor<4x8xui8>, tensor<8x5xsi8> -> tensor<4x5xsi32>
  return
}

// -----

func.func @m4(%x: tensor<4x8xui8>, %w: tensor<8x5xsi8>) {
  // expected-error @+1 {{(M4) expected a result of shape [4, 5], found 'tensor<5x4xsi32>'}}
  %y = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x5xsi8> -> tensor<5x4xsi32>
  return
}

// -----

func.func @m5(%x: tensor<4x8xf32>, %w: tensor<8x5xf32>) {
  // expected-error @+1 {{(M5) sums belong to integer products}}
  %y:2 = quern.matmul %x, %w : tensor<4x8xf32>, tensor<8x5xf32> -> tensor<4x5xf32> lhs_sum tensor<4x1xsi32>
  return
}

// -----

func.func @m5_2(%x: tensor<4x8xui8>, %w: tensor<8x5xsi8>) {
  // expected-error @+1 {{(M5) expected an si32 sum of shape [4, 1], found 'tensor<4xsi32>'}}
  %y:2 = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x5xsi8> -> tensor<4x5xsi32> lhs_sum tensor<4xsi32>
  return
}

// -----

func.func @m5_3(%x: tensor<4x8xui8>, %w: tensor<8x5xsi8>) {
  // expected-error @+1 {{(M5) expected an si32 sum of shape [1, 5], found 'tensor<1x5xsi16>'}}
  %y:2 = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x5xsi8> -> tensor<4x5xsi32> rhs_sum tensor<1x5xsi16>
  return
}

// -----

func.func @p1(%x: tensor<8x8x4xui8>) {
  // expected-error @+1 {{(P1) expected an NHWC input of rank 4 and a kernel of two sizes, found 'tensor<8x8x4xui8>'}}
  %y = quern.pool max %x kernel [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<8x8x4xui8> -> tensor<1x7x7x4xui8>
  return
}

// -----

func.func @p1_2(%x: tensor<1x8x8x4xui8>) {
  // expected-error @+1 {{(P1) expected an NHWC input of rank 4 and a kernel of two sizes}}
  %y = quern.pool max %x kernel [2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x7x7x4xui8>
  return
}

// -----

func.func @p2(%x: tensor<1x8x8x4xui8>) {
  // expected-error @+1 {{(P2) expected max to keep the type and sum to give f32 or si32, found 'ui8' -> 'si32'}}
  %y = quern.pool max %x kernel [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x7x7x4xsi32>
  return
}

// -----

func.func @p2_2(%x: tensor<1x8x8x4xui8>) {
  // expected-error @+1 {{(P2) expected max to keep the type and sum to give f32 or si32, found 'ui8' -> 'ui8'}}
  %y = quern.pool sum %x kernel [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x7x7x4xui8>
  return
}

// -----

func.func @p3(%x: tensor<1x8x8x4xui8>) {
  // expected-error @+1 {{(P3) expected a result of shape [1, 7, 7, 4], found 'tensor<1x8x8x4xui8>'}}
  %y = quern.pool max %x kernel [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x8x8x4xui8>
  return
}

// -----

func.func @v4_8(%x: tensor<1x8x8x4xui8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.pool max %x kernel [0, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x7x7x4xui8>
  return
}

// -----

func.func @v4_9(%x: tensor<1x8x8x4xui8>) {
  // expected-error @+1 {{(V4) expected window, strides and dilations >= 1 and pads >= 0, all below 2^31}}
  %y = quern.pool max %x kernel [9223372036854775807, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x7x7x4xui8>
  return
}

// -----

func.func @block_size(%x: tensor<2x8xf32>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>) {
  // expected-error @+1 {{(M6) expected a block size that divides 8, found 3}}
  %0 = quern.matmul %x, %w blocks 3 scales %s : tensor<2x8xf32>, tensor<8x4xui4> scales tensor<2x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @block_scales(%x: tensor<2x8xf32>, %w: tensor<8x4xui4>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{(M6) expected f32 scales of shape [2, 4], found 'tensor<4x2xf32>'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s : tensor<2x8xf32>, tensor<8x4xui4> scales tensor<4x2xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @block_zeros(%x: tensor<2x8xf32>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>, %z: tensor<2x4xui8>) {
  // expected-error @+1 {{(M6) expected zero points of the codes' type, one or as many as scales, found 'tensor<2x4xui8>'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s zeros %z : tensor<2x8xf32>, tensor<8x4xui4> scales tensor<2x4xf32> zeros tensor<2x4xui8> -> tensor<2x4xf32>
  return
}

// -----

func.func @block_codes(%x: tensor<2x8xui8>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>) {
  // expected-error @+1 {{(M6) expected f32 or si8 x codes of at most 8 bits of rank 2 -> f32 with scales, found 'tensor<2x8xui8>' and 'tensor<8x4xui4>'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s : tensor<2x8xui8>, tensor<8x4xui4> scales tensor<2x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @no_scales(%x: tensor<2x8xf32>, %w: tensor<8x4xf32>) {
  // expected-error @+1 {{(M6) expected scales where there are zero points or a block size}}
  %0 = quern.matmul %x, %w blocks 4 : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @m7_signed(%x: tensor<2x8xsi8>, %w: tensor<8x4xsi4>, %s: tensor<2x4xf32>, %u: tensor<2x2xsi32>) {
  // expected-error @+1 {{(M7) expected unsigned weights and the sums of the left codes' blocks, found weights of 'si4'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s lhs_sums %u : tensor<2x8xsi8>, tensor<8x4xsi4> scales tensor<2x4xf32> lhs_sums tensor<2x2xsi32> -> tensor<2x4xf32>
  return
}

// -----

func.func @m7_no_sums(%x: tensor<2x8xsi8>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>) {
  // expected-error @+1 {{(M7) expected unsigned weights and the sums of the left codes' blocks, found weights of 'ui4'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s : tensor<2x8xsi8>, tensor<8x4xui4> scales tensor<2x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @m7_sums(%x: tensor<2x8xsi8>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>, %u: tensor<2x4xsi32>) {
  // expected-error @+1 {{(M7) expected si32 sums of the left blocks of shape [2, 2], found 'tensor<2x4xsi32>'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s lhs_sums %u : tensor<2x8xsi8>, tensor<8x4xui4> scales tensor<2x4xf32> lhs_sums tensor<2x4xsi32> -> tensor<2x4xf32>
  return
}

// -----

func.func @m7_scales(%x: tensor<2x8xsi8>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>, %t: tensor<2x1xf32>, %u: tensor<2x2xsi32>) {
  // expected-error @+1 {{(M7) expected f32 scales of the left blocks of shape [2, 2], found 'tensor<2x1xf32>'}}
  %0 = quern.matmul %x, %w blocks 4 scales %s lhs_scales %t lhs_sums %u : tensor<2x8xsi8>, tensor<8x4xui4> scales tensor<2x4xf32> lhs_scales tensor<2x1xf32> lhs_sums tensor<2x2xsi32> -> tensor<2x4xf32>
  return
}

// -----

func.func @m7_float(%x: tensor<2x8xf32>, %w: tensor<8x4xui4>, %s: tensor<2x4xf32>, %u: tensor<2x2xsi32>) {
  // expected-error @+1 {{(M7) expected scales and sums of the left operand's blocks only with codes on both sides of blocks}}
  %0 = quern.matmul %x, %w blocks 4 scales %s lhs_sums %u : tensor<2x8xf32>, tensor<8x4xui4> scales tensor<2x4xf32> lhs_sums tensor<2x2xsi32> -> tensor<2x4xf32>
  return
}
