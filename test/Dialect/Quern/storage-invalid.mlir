// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @c1() {
  // expected-error @+1 {{(C1) expected dense elements or #quern.blob, found 1 : i64}}
  %y = quern.constant(1 : i64) : tensor<1xsi64>
  return
}

// -----

func.func @c2() {
  // expected-error @+1 {{(C2) expected a value of type 'tensor<3xf32>', found 'tensor<2xf32>'}}
  %y = quern.constant(dense<1.0> : tensor<2xf32>) : tensor<3xf32>
  return
}

// -----

func.func @c2_2() {
  // expected-error @+1 {{(C2) expected a value of type 'tensor<2xui8>', found 'tensor<2xsi8>'}}
  %y = quern.constant(dense<1> : tensor<2xsi8>) : tensor<2xui8>
  return
}

// -----

func.func @c3() {
  // expected-error @+1 {{(C3) expected 40 bytes, found 39}}
  %y = quern.constant(#quern.blob<"0f", 39>) : tensor<10xf32>
  return
}

// -----

func.func @c3_2() {
  // expected-error @+1 {{(C3) expected 128 bytes, found 10}}
  %y = quern.constant(#quern.blob<"0f", 10>) : tensor<10xsi8, #quern.packed<"vnni", 16, 4, 128>>
  return
}

// -----

func.func @type() {
  // expected-error @+1 {{result #0 must be statically shaped tensor of integer or floating-point values, but got 'tensor<?xf32>'}}
  %y = quern.constant(dense<1.0> : tensor<2xf32>) : tensor<?xf32>
  return
}

// -----

func.func @type_2() {
  // expected-error @+1 {{result #0 must be statically shaped tensor of integer or floating-point values, but got 'tensor<2xindex>'}}
  %y = quern.constant(#quern.blob<"0f", 16>) : tensor<2xindex>
  return
}

// -----

func.func @type_3() {
  // expected-error @+1 {{result #0 must be statically shaped tensor of integer or floating-point values, but got 'tensor<2xcomplex<f32>>'}}
  %y = quern.constant(#quern.blob<"0f", 16>) : tensor<2xcomplex<f32>>
  return
}

// -----

func.func @q1(%x: tensor<4x8xf16>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q1) expected an f32 input, found 'f16'}}
  %y = quern.quantize %x, %s : tensor<4x8xf16>, tensor<f32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q2(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q2) expected a code type such as ui8, found 'i8'}}
  %y = quern.quantize %x, %s : tensor<4x8xf32>, tensor<f32> -> tensor<4x8xi8>
  return
}

// -----

func.func @q2_2(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q2) expected a code type such as ui8, found 'si32'}}
  %y = quern.quantize %x, %s : tensor<4x8xf32>, tensor<f32> -> tensor<4x8xsi32>
  return
}

// -----

func.func @q3(%x: tensor<4x8xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{(Q3) expected one scale without an axis, found 8}}
  %y = quern.quantize %x, %s : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q3_2(%x: tensor<4x8xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{(Q3) expected 8 scales along axis 1, found 'tensor<4xf32>'}}
  %y = quern.quantize %x, %s {axis = 1 : i64} : tensor<4x8xf32>, tensor<4xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q3_3(%x: tensor<4x8xf32>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{(Q3) expected scales of shape [4, 3] for blocks of 3, found 'tensor<4x2xf32>'}}
  %y = quern.quantize %x, %s {axis = 1 : i64, block_size = 3 : i64} : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q3_4(%x: tensor<4x8xf32>, %s: tensor<4x2xf32>) {
  // expected-error @+1 {{(Q3) expected scales of shape [4, 1] for blocks of 9223372036854775807, found 'tensor<4x2xf32>'}}
  %y = quern.quantize %x, %s {axis = 1 : i64, block_size = 9223372036854775807 : i64} : tensor<4x8xf32>, tensor<4x2xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q3_5(%x: tensor<4x8xf32>, %s: tensor<4x8xf32>) {
  // expected-error @+1 {{(Q3) expected a block size of at least 1, found 0}}
  %y = quern.quantize %x, %s {axis = 1 : i64, block_size = 0 : i64} : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q3_6(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q3) expected an axis beside the block size}}
  %y = quern.quantize %x, %s {block_size = 4 : i64} : tensor<4x8xf32>, tensor<f32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q3_7(%x: tensor<4x8xf32>, %s: tensor<f16>) {
  // expected-error @+1 {{(Q3) expected scales in f32, found 'tensor<f16>'}}
  %y = quern.quantize %x, %s : tensor<4x8xf32>, tensor<f16> -> tensor<4x8xui8>
  return
}

// -----

func.func @q4(%x: tensor<4x8xf32>, %s: tensor<f32>, %z: tensor<si8>) {
  // expected-error @+1 {{(Q4) expected a zero point of type 'ui8' with the scale's shape, found 'tensor<si8>'}}
  %y = quern.quantize %x, %s, %z : tensor<4x8xf32>, tensor<f32>, tensor<si8> -> tensor<4x8xui8>
  return
}

// -----

func.func @q4_2(%x: tensor<4x8xf32>, %s: tensor<8xf32>, %z: tensor<1xui8>) {
  // expected-error @+1 {{(Q4) expected a zero point of type 'ui8' with the scale's shape, found 'tensor<1xui8>'}}
  %y = quern.quantize %x, %s, %z {axis = 1 : i64} : tensor<4x8xf32>, tensor<8xf32>, tensor<1xui8> -> tensor<4x8xui8>
  return
}

// -----

func.func @q5(%x: tensor<4xf32>) {
  %s = quern.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  // expected-error @+1 {{(Q5) expected positive, finite, normal scales, found 0.000000e+00}}
  %y = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  return
}

// -----

func.func @q5_2(%x: tensor<4xf32>) {
  %s = quern.constant(dense<-1.0> : tensor<f32>) : tensor<f32>
  // expected-error @+1 {{(Q5) expected positive, finite, normal scales, found -1.000000e+00}}
  %y = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  return
}

// -----

func.func @q5_3(%x: tensor<4xf32>) {
  %s = quern.constant(dense<0x7FC00000> : tensor<f32>) : tensor<f32>
  // expected-error @+1 {{(Q5) expected positive, finite, normal scales, found nan}}
  %y = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  return
}

// -----

func.func @q5_4(%x: tensor<4xf32>) {
  %s = quern.constant(dense<0x7F800000> : tensor<f32>) : tensor<f32>
  // expected-error @+1 {{(Q5) expected positive, finite, normal scales, found INF}}
  %y = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  return
}

// -----

func.func @q6(%x: tensor<4x8xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{(Q6) expected an axis in [0, 2), found 2}}
  %y = quern.quantize %x, %s {axis = 2 : i64} : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q6_2(%x: tensor<4x8xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{(Q6) expected an axis in [0, 2), found -1}}
  %y = quern.quantize %x, %s {axis = -1 : i64} : tensor<4x8xf32>, tensor<8xf32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q7(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q7) expected a range of codes inside [0, 255], found [-1, 255] of u8}}
  %y = quern.quantize %x, %s {lo = -1 : i64} : tensor<4x8xf32>, tensor<f32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q7_2(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q7) expected a range of codes inside [0, 255], found [9, 8] of u8}}
  %y = quern.quantize %x, %s {lo = 9 : i64, hi = 8 : i64} : tensor<4x8xf32>, tensor<f32> -> tensor<4x8xui8>
  return
}

// -----

func.func @q7_3(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q7) expected a range of codes inside [0, 0], found [0, 8] of e4m3}}
  %y = quern.quantize %x, %s {hi = 8 : i64} : tensor<4x8xf32>, tensor<f32> -> tensor<4x8xf8E4M3FN>
  return
}

// -----

func.func @q8(%x: tensor<4x8xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{(Q8) expected codes of the input's shape, found 'tensor<8x4xui8>'}}
  %y = quern.quantize %x, %s : tensor<4x8xf32>, tensor<f32> -> tensor<8x4xui8>
  return
}

// -----

func.func @d1(%x: tensor<4x8xui8>, %s: tensor<f32>) {
  // expected-error @+1 {{(D1) expected an f32 result of the codes' shape, found 'tensor<4x8xf16>'}}
  %y = quern.dequantize %x, %s : tensor<4x8xui8>, tensor<f32> -> tensor<4x8xf16>
  return
}

// -----

func.func @d1_2(%x: tensor<4x8xui8>, %s: tensor<f32>) {
  // expected-error @+1 {{(D1) expected an f32 result of the codes' shape, found 'tensor<8x4xf32>'}}
  %y = quern.dequantize %x, %s : tensor<4x8xui8>, tensor<f32> -> tensor<8x4xf32>
  return
}

// -----

func.func @d2(%x: tensor<4x8xsi64>, %s: tensor<f32>) {
  // expected-error @+1 {{(D2) expected a code type such as ui8 or si32, found 'si64'}}
  %y = quern.dequantize %x, %s : tensor<4x8xsi64>, tensor<f32> -> tensor<4x8xf32>
  return
}

// -----

func.func @d3(%x: tensor<4x8xui8>, %s: tensor<4xf32>) {
  // expected-error @+1 {{(D3) expected one scale without an axis, found 4}}
  %y = quern.dequantize %x, %s : tensor<4x8xui8>, tensor<4xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @d3_2(%x: tensor<4x8xui8>, %s: tensor<4x8xf32>) {
  // expected-error @+1 {{(D3) expected scales of shape [2, 8] for blocks of 2, found 'tensor<4x8xf32>'}}
  %y = quern.dequantize %x, %s {axis = 0 : i64, block_size = 2 : i64} : tensor<4x8xui8>, tensor<4x8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @d4(%x: tensor<4x8xui8>, %s: tensor<f32>, %z: tensor<2xui8>) {
  // expected-error @+1 {{(D4) expected a zero point of type 'ui8' with the scale's shape, found 'tensor<2xui8>'}}
  %y = quern.dequantize %x, %s, %z : tensor<4x8xui8>, tensor<f32>, tensor<2xui8> -> tensor<4x8xf32>
  return
}

// -----

func.func @d5(%x: tensor<4xui8>) {
  %s = quern.constant(dense<1.0e-40> : tensor<f32>) : tensor<f32>
  // expected-error @+1 {{(D5) expected positive, finite, normal scales}}
  %y = quern.dequantize %x, %s : tensor<4xui8>, tensor<f32> -> tensor<4xf32>
  return
}

// -----

func.func @d6(%x: tensor<4x8xui8>, %s: tensor<8xf32>) {
  // expected-error @+1 {{(D6) expected an axis in [0, 2), found 7}}
  %y = quern.dequantize %x, %s {axis = 7 : i64} : tensor<4x8xui8>, tensor<8xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @d7(%x: tensor<4x8xui8>, %s: tensor<f32>, %b: tensor<16xf32>) {
  // expected-error @+1 {{(D7) expected a codebook of 2^bits entries in f32, found 'tensor<16xf32>'}}
  %y = quern.dequantize %x, %s codebook %b : tensor<4x8xui8>, tensor<f32> codebook tensor<16xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @d7_2(%x: tensor<4x8xui8>, %s: tensor<f32>, %b: tensor<256xf16>) {
  // expected-error @+1 {{(D7) expected a codebook of 2^bits entries in f32, found 'tensor<256xf16>'}}
  %y = quern.dequantize %x, %s codebook %b : tensor<4x8xui8>, tensor<f32> codebook tensor<256xf16> -> tensor<4x8xf32>
  return
}

// -----

func.func @d7_3(%x: tensor<4x8xsi32>, %s: tensor<f32>, %b: tensor<256xf32>) {
  // expected-error @+1 {{(D7) expected a codebook of 2^bits entries in f32, found 'tensor<256xf32>'}}
  %y = quern.dequantize %x, %s codebook %b : tensor<4x8xsi32>, tensor<f32> codebook tensor<256xf32> -> tensor<4x8xf32>
  return
}
