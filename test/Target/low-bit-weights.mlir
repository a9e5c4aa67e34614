// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Weights of less than 8 bits take their bits in packed forms, and scales by blocks lie in the order in which
// panels read them.

// RUN: %quern_opt %s -split-input-file --quern-codegen=target=x86-vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: %quern_opt %s -split-input-file --quern-codegen=target=x86-avx2 | FileCheck %s --check-prefixes=CHECK,AVX2
// RUN: %quern_opt %s -split-input-file --quern-codegen=target=portable | FileCheck %s --check-prefixes=CHECK,PLAIN

// 20 channels fill two vectors of 16 or three of 8; the 6 terms of a row of the kernel one step of 8 or two of 4.
// CHECK-LABEL: @main
// VNNI: quern.constant({{.*}}) : tensor<20x3x3x2xsi4, #quern.packed<"vnni-s4", 32, 8, 384>>
// AVX2: quern.constant({{.*}}) : tensor<20x3x3x2xsi4, #quern.packed<"avx2-s4", {{[0-9]+}}, 4, 288>>
// PLAIN: quern.constant({{.*}}) : tensor<20x3x3x2xsi4, #quern.packed<"bits", 2, 1, 181>>
func.func @main(%x: tensor<1x8x8x2xui8>, %p: tensor<1xui8>) -> tensor<1x6x6x20xsi32> {
  %w = quern.constant(dense<3> : tensor<20x3x3x2xsi4>) : tensor<20x3x3x2xsi4>
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x2xui8>, tensor<20x3x3x2xsi4> -> tensor<1x6x6x20xsi32>
  return %y : tensor<1x6x6x20xsi32>
}

// -----

// 3 bits: 32 terms of 16 channels in 192 bytes.
// CHECK-LABEL: @main
// VNNI: quern.constant({{.*}}) : tensor<64x16xsi3, #quern.packed<"vnni-s3", 16, 32, 384>>
// AVX2: quern.constant({{.*}}) : tensor<64x16xsi3, #quern.packed<"avx2-s3", {{[0-9]+}}, 16, 384>>
// PLAIN: quern.constant({{.*}}) : tensor<64x16xsi3, #quern.packed<"bits", 16, 1, 385>>
func.func @main(%x: tensor<4x64xui8>) -> tensor<4x16xsi32> {
  %w = quern.constant(dense<3> : tensor<64x16xsi3>) : tensor<64x16xsi3>
  %y = quern.matmul %x, %w : tensor<4x64xui8>, tensor<64x16xsi3> -> tensor<4x16xsi32>
  return %y : tensor<4x16xsi32>
}

// -----

// CHECK-LABEL: @main
// VNNI-DAG: quern.constant({{.*}}) : tensor<64x20xui4, #quern.packed<"vnni-u4", 32, 8, 1024>>
// VNNI-DAG: quern.constant({{.*}}) : tensor<2x20xf32, #quern.packed<"blocks", 32, 1, 256>>
// VNNI-DAG: quern.constant({{.*}}) : tensor<2x20xui4, #quern.packed<"blocks", 32, 1, 64>>
// AVX2-DAG: quern.constant({{.*}}) : tensor<64x20xui4, #quern.packed<"avx2-u4", {{[0-9]+}}, 4, 768>>
// PLAIN-DAG: quern.constant({{.*}}) : tensor<64x20xui4, #quern.packed<"bits", 20, 1, 641>>
// PLAIN-DAG: quern.constant({{.*}}) : tensor<2x20xf32>
func.func @main(%x: tensor<4x64xsi8>, %t: tensor<4x2xf32>, %u: tensor<4x2xsi32>) -> tensor<4x20xf32> {
  %w = quern.constant(dense<3> : tensor<64x20xui4>) : tensor<64x20xui4>
  %s = quern.constant(dense<0.5> : tensor<2x20xf32>) : tensor<2x20xf32>
  %z = quern.constant(dense<7> : tensor<2x20xui4>) : tensor<2x20xui4>
  %y = quern.matmul %x, %w blocks 32 scales %s zeros %z lhs_scales %t lhs_sums %u : tensor<4x64xsi8>, tensor<64x20xui4> scales tensor<2x20xf32> zeros tensor<2x20xui4> lhs_scales tensor<4x2xf32> lhs_sums tensor<4x2xsi32> -> tensor<4x20xf32>
  return %y : tensor<4x20xf32>
}
