// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt %s --mlir-print-op-generic | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK: quern.conv %{{.*}}, %{{.*}} strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x8x8x4xf32>, tensor<6x3x3x4xf32> -> tensor<1x6x6x6xf32>
// CHECK: quern.conv %{{.*}}, %{{.*}} pad %{{.*}} strides [2, 1] pads [1, 0, 1, 2] dilations [1, 2] groups 2 : tensor<1x8x8x4xui8>, tensor<6x3x3x2xsi8> pad tensor<ui8> -> tensor<1x4x6x6xsi32>, tensor<1x4x6x2xsi32>
func.func @conv(%x: tensor<1x8x8x4xf32>, %w: tensor<6x3x3x4xf32>, %q: tensor<1x8x8x4xui8>,
                %v: tensor<6x3x3x2xsi8>, %p: tensor<ui8>) {
  %0 = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x8x8x4xf32>, tensor<6x3x3x4xf32> -> tensor<1x6x6x6xf32>
  %1, %sum = quern.conv %q, %v pad %p strides [2, 1] pads [1, 0, 1, 2] dilations [1, 2] groups 2
      : tensor<1x8x8x4xui8>, tensor<6x3x3x2xsi8> pad tensor<ui8> -> tensor<1x4x6x6xsi32>, tensor<1x4x6x2xsi32>
  return
}

// CHECK-LABEL: func.func @depthwise
// CHECK: quern.conv {{.*}} groups 4 : tensor<2x5x5x4xui4>, tensor<4x3x3x1xsi4> -> tensor<2x3x3x4xsi32>
func.func @depthwise(%x: tensor<2x5x5x4xui4>, %w: tensor<4x3x3x1xsi4>) {
  %0 = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 4
      : tensor<2x5x5x4xui4>, tensor<4x3x3x1xsi4> -> tensor<2x3x3x4xsi32>
  return
}

// Weights less a zero point that 8 bits do not hold.
// CHECK-LABEL: func.func @wide
// CHECK: quern.conv {{.*}} : tensor<1x5x5x4xui8>, tensor<8x1x1x4xsi16> -> tensor<1x5x5x8xsi32>
// CHECK: quern.matmul {{.*}} : tensor<3x4xui8>, tensor<4x5xsi16> -> tensor<3x5xsi32>
func.func @wide(%x: tensor<1x5x5x4xui8>, %w: tensor<8x1x1x4xsi16>, %a: tensor<3x4xui8>, %b: tensor<4x5xsi16>) {
  %0 = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x5x5x4xui8>, tensor<8x1x1x4xsi16> -> tensor<1x5x5x8xsi32>
  %1 = quern.matmul %a, %b : tensor<3x4xui8>, tensor<4x5xsi16> -> tensor<3x5xsi32>
  return
}

// CHECK-LABEL: func.func @matmul
// CHECK: quern.matmul %{{.*}}, %{{.*}} : tensor<2x1x4x8xf32>, tensor<1x3x8x5xf32> -> tensor<2x3x4x5xf32>
// CHECK: quern.matmul %{{.*}}, %{{.*}} transposed : tensor<2x1x4x8xf32>, tensor<5x8xf32> -> tensor<2x1x4x5xf32>
// CHECK: quern.matmul %{{.*}}, %{{.*}} : tensor<3x4x8xui8>, tensor<3x8x5xsi8> -> tensor<3x4x5xsi32> lhs_sum tensor<3x4x1xsi32> rhs_sum tensor<3x1x5xsi32>
// CHECK: quern.matmul %{{.*}}, %{{.*}} : tensor<3x4x8xui8>, tensor<3x8x5xsi8> -> tensor<3x4x5xsi32> rhs_sum tensor<3x1x5xsi32>
func.func @matmul(%a: tensor<2x1x4x8xf32>, %b: tensor<1x3x8x5xf32>, %t: tensor<5x8xf32>,
                  %x: tensor<3x4x8xui8>, %w: tensor<3x8x5xsi8>) {
  %0 = quern.matmul %a, %b : tensor<2x1x4x8xf32>, tensor<1x3x8x5xf32> -> tensor<2x3x4x5xf32>
  %1 = quern.matmul %a, %t transposed : tensor<2x1x4x8xf32>, tensor<5x8xf32> -> tensor<2x1x4x5xf32>
  %2:3 = quern.matmul %x, %w : tensor<3x4x8xui8>, tensor<3x8x5xsi8> -> tensor<3x4x5xsi32> lhs_sum tensor<3x4x1xsi32> rhs_sum tensor<3x1x5xsi32>
  %3:2 = quern.matmul %x, %w : tensor<3x4x8xui8>, tensor<3x8x5xsi8> -> tensor<3x4x5xsi32> rhs_sum tensor<3x1x5xsi32>
  return
}

// CHECK-LABEL: func.func @half_weights
// CHECK: quern.matmul %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<8x5xf16> -> tensor<4x5xf32>
// CHECK: quern.conv {{.*}} : tensor<1x3x3x2xf32>, tensor<4x1x1x2xbf16> -> tensor<1x3x3x4xf32>
func.func @half_weights(%a: tensor<4x8xf32>, %w: tensor<8x5xf16>, %x: tensor<1x3x3x2xf32>,
                        %v: tensor<4x1x1x2xbf16>) {
  %0 = quern.matmul %a, %w : tensor<4x8xf32>, tensor<8x5xf16> -> tensor<4x5xf32>
  %1 = quern.conv %x, %v strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1
      : tensor<1x3x3x2xf32>, tensor<4x1x1x2xbf16> -> tensor<1x3x3x4xf32>
  return
}

// CHECK-LABEL: func.func @blocks
// CHECK: quern.matmul %{{.*}}, %{{.*}} blocks 4 scales %{{.*}} : tensor<2x8xf32>, tensor<8x5xsi8> scales tensor<2x5xf32> -> tensor<2x5xf32>
// CHECK: quern.matmul %{{.*}}, %{{.*}} transposed blocks 8 scales %{{.*}} zeros %{{.*}} : tensor<2x8xf32>, tensor<5x8xui4> scales tensor<1x5xf32> zeros tensor<1xui4> -> tensor<2x5xf32>
func.func @blocks(%x: tensor<2x8xf32>, %w: tensor<8x5xsi8>, %s: tensor<2x5xf32>, %t: tensor<5x8xui4>,
                  %u: tensor<1x5xf32>, %z: tensor<1xui4>) {
  %0 = quern.matmul %x, %w blocks 4 scales %s : tensor<2x8xf32>, tensor<8x5xsi8> scales tensor<2x5xf32> -> tensor<2x5xf32>
  %1 = quern.matmul %x, %t transposed blocks 8 scales %u zeros %z : tensor<2x8xf32>, tensor<5x8xui4> scales tensor<1x5xf32> zeros tensor<1xui4> -> tensor<2x5xf32>
  return
}

// CHECK-LABEL: func.func @pool
// CHECK: quern.pool max %{{.*}} kernel [3, 2] strides [2, 2] pads [1, 0, 1, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x4x4x4xui8>
// CHECK: quern.pool sum {{.*}} -> tensor<1x4x4x4xsi32>
// CHECK: quern.pool sum {{.*}} -> tensor<1x7x7x2xf32>
func.func @pool(%x: tensor<1x8x8x4xui8>, %f: tensor<1x8x8x2xf32>) {
  %0 = quern.pool max %x kernel [3, 2] strides [2, 2] pads [1, 0, 1, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x4x4x4xui8>
  %1 = quern.pool sum %x kernel [3, 2] strides [2, 2] pads [1, 0, 1, 0] dilations [1, 1] : tensor<1x8x8x4xui8> -> tensor<1x4x4x4xsi32>
  %2 = quern.pool sum %f kernel [2, 2] strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x2xf32> -> tensor<1x7x7x2xf32>
  return
}

// Codes on both sides of blocks: with and without scales of the left ones.
// CHECK-LABEL: func.func @blocked_codes
// CHECK: quern.matmul %{{.*}}, %{{.*}} blocks 4 scales %{{.*}} zeros %{{.*}} lhs_scales %{{.*}} lhs_sums %{{.*}} : tensor<3x2x8xsi8>, tensor<8x5xui3> scales tensor<2x5xf32> zeros tensor<2x5xui3> lhs_scales tensor<3x2x2xf32> lhs_sums tensor<3x2x2xsi32> -> tensor<3x2x5xf32>
// CHECK: quern.matmul %{{.*}}, %{{.*}} blocks 4 scales %{{.*}} lhs_sums %{{.*}} : tensor<3x2x8xsi8>, tensor<8x5xui3> scales tensor<2x5xf32> lhs_sums tensor<3x2x2xsi32> -> tensor<3x2x5xf32>
func.func @blocked_codes(%x: tensor<3x2x8xsi8>, %w: tensor<8x5xui3>, %s: tensor<2x5xf32>, %z: tensor<2x5xui3>,
                         %t: tensor<3x2x2xf32>, %u: tensor<3x2x2xsi32>) {
  %0 = quern.matmul %x, %w blocks 4 scales %s zeros %z lhs_scales %t lhs_sums %u : tensor<3x2x8xsi8>, tensor<8x5xui3> scales tensor<2x5xf32> zeros tensor<2x5xui3> lhs_scales tensor<3x2x2xf32> lhs_sums tensor<3x2x2xsi32> -> tensor<3x2x5xf32>
  %1 = quern.matmul %x, %w blocks 4 scales %s lhs_sums %u : tensor<3x2x8xsi8>, tensor<8x5xui3> scales tensor<2x5xf32> lhs_sums tensor<3x2x2xsi32> -> tensor<3x2x5xf32>
  return
}
