// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt %s --mlir-print-op-generic | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @small
// CHECK: quern.constant(dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>) {site = "scale"} : tensor<2xf32>
// CHECK: quern.constant(dense<-8> : tensor<3xsi4>) : tensor<3xsi4>
// CHECK: quern.constant(dense<true> : tensor<i1>) : tensor<i1>
func.func @small() -> (tensor<2xf32>, tensor<3xsi4>, tensor<i1>) {
  %0 = quern.constant(dense<[1.0, 2.0]> : tensor<2xf32>) {site = "scale"} : tensor<2xf32>
  %1 = quern.constant(dense<-8> : tensor<3xsi4>) : tensor<3xsi4>
  %2 = quern.constant(dense<true> : tensor<i1>) : tensor<i1>
  return %0, %1, %2 : tensor<2xf32>, tensor<3xsi4>, tensor<i1>
}

// CHECK-LABEL: func.func @blob
// CHECK: quern.constant(#quern.blob<"00112233445566778899aabbccddeeff", 864>) {site = "conv1.weight"} : tensor<32x3x3x3xsi8>
// CHECK: quern.constant(#quern.blob<"00112233445566778899aabbccddeeff", 128>) : tensor<8x9xsi8, #quern.packed<"vnni", 16, 4, 128>>
// CHECK: quern.constant(#quern.blob<"00112233445566778899aabbccddeeff", 20>) : tensor<20xui4>
func.func @blob() {
  %0 = quern.constant(#quern.blob<"00112233445566778899aabbccddeeff", 864>) {site = "conv1.weight"} : tensor<32x3x3x3xsi8>
  %1 = quern.constant(#quern.blob<"00112233445566778899aabbccddeeff", 128>) : tensor<8x9xsi8, #quern.packed<"vnni", 16, 4, 128>>
  %2 = quern.constant(#quern.blob<"00112233445566778899aabbccddeeff", 20>) : tensor<20xui4>
  return
}

// CHECK-LABEL: func.func @quantize
// CHECK: quern.quantize %{{.*}}, %{{.*}} : tensor<2x4xf32>, tensor<f32> -> tensor<2x4xui8>
// CHECK: quern.quantize %{{.*}}, %{{.*}}, %{{.*}} {hi = 127 : i64, lo = -127 : i64, site = "x"} : tensor<2x4xf32>, tensor<1xf32>, tensor<1xsi8> -> tensor<2x4xsi8>
// CHECK: quern.quantize %{{.*}}, %{{.*}} {axis = 1 : i64} : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xsi16>
// CHECK: quern.quantize %{{.*}}, %{{.*}} {axis = 1 : i64, block_size = 3 : i64} : tensor<2x4xf32>, tensor<2x2xf32> -> tensor<2x4xf4E2M1FN>
func.func @quantize(%x: tensor<2x4xf32>, %s: tensor<f32>, %s1: tensor<1xf32>, %z: tensor<1xsi8>,
                    %s4: tensor<4xf32>, %sb: tensor<2x2xf32>) {
  %0 = quern.quantize %x, %s : tensor<2x4xf32>, tensor<f32> -> tensor<2x4xui8>
  %1 = quern.quantize %x, %s1, %z {lo = -127 : i64, hi = 127 : i64, site = "x"} : tensor<2x4xf32>, tensor<1xf32>, tensor<1xsi8> -> tensor<2x4xsi8>
  %2 = quern.quantize %x, %s4 {axis = 1 : i64} : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xsi16>
  %3 = quern.quantize %x, %sb {axis = 1 : i64, block_size = 3 : i64} : tensor<2x4xf32>, tensor<2x2xf32> -> tensor<2x4xf4E2M1FN>
  return
}

// Every storage scheme.
// CHECK-LABEL: func.func @schemes
// CHECK-COUNT-19: quern.quantize
func.func @schemes(%x: tensor<4xf32>, %s: tensor<f32>) {
  %ui2 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui2>
  %si2 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi2>
  %ui3 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui3>
  %si3 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi3>
  %ui4 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui4>
  %si4 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi4>
  %ui5 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui5>
  %si5 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi5>
  %ui6 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui6>
  %si6 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi6>
  %ui7 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui7>
  %si7 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi7>
  %ui8 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  %si8 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi8>
  %ui16 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui16>
  %si16 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi16>
  %f8E4M3FN = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xf8E4M3FN>
  %f8E5M2 = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xf8E5M2>
  %f4E2M1FN = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xf4E2M1FN>
  return
}

// CHECK-LABEL: func.func @dequantize
// CHECK: quern.dequantize %{{.*}}, %{{.*}}, %{{.*}} : tensor<2x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xf32>
// CHECK: quern.dequantize %{{.*}}, %{{.*}} codebook %{{.*}} {axis = 0 : i64, block_size = 2 : i64} : tensor<2x4xui4>, tensor<1x4xf32> codebook tensor<16xf32> -> tensor<2x4xf32>
// CHECK: quern.dequantize %{{.*}}, %{{.*}} {axis = 0 : i64, site = "b"} : tensor<8xsi32>, tensor<8xf32> -> tensor<8xf32>
// CHECK: quern.dequantize %{{.*}}, %{{.*}} : tensor<8xf8E4M3FN>, tensor<1xf32> -> tensor<8xf32>
func.func @dequantize(%c: tensor<2x4xui8>, %s: tensor<1xf32>, %z: tensor<1xui8>, %w: tensor<2x4xui4>,
                      %sb: tensor<1x4xf32>, %book: tensor<16xf32>, %b: tensor<8xsi32>,
                      %s8: tensor<8xf32>, %f: tensor<8xf8E4M3FN>) {
  %0 = quern.dequantize %c, %s, %z : tensor<2x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xf32>
  %1 = quern.dequantize %w, %sb codebook %book {axis = 0 : i64, block_size = 2 : i64} : tensor<2x4xui4>, tensor<1x4xf32> codebook tensor<16xf32> -> tensor<2x4xf32>
  %2 = quern.dequantize %b, %s8 {axis = 0 : i64, site = "b"} : tensor<8xsi32>, tensor<8xf32> -> tensor<8xf32>
  %3 = quern.dequantize %f, %s : tensor<8xf8E4M3FN>, tensor<1xf32> -> tensor<8xf32>
  return
}
