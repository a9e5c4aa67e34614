// RUN: %quern_opt %s --scale-float-codes=widens=false --split-input-file | FileCheck %s
// RUN: %quern_opt %s --scale-float-codes --split-input-file | FileCheck %s --check-prefix=WIDE

// One factor for each output channel, 0.5 * sw.
// CHECK-LABEL: @convolution
// CHECK: %[[ACC:.*]] = quern.conv %arg0, %{{.*}} : tensor<1x4x4x2xf8E4M3FN>, tensor<3x1x1x2xf8E4M3FN> -> tensor<1x4x4x3xf32>
// CHECK: %[[M:.*]] = quern.constant(dense<[1.250000e-01, 2.500000e-01, 5.000000e-01]> : tensor<3xf32>)
// CHECK: quern.map ins(%[[ACC]], %[[M]] : tensor<1x4x4x3xf32>, tensor<3xf32>)
// CHECK: arith.mulf
// WIDE-LABEL: @convolution
// WIDE: %[[X:.*]] = quern.map ins(%arg0 : tensor<1x4x4x2xf8E4M3FN>)
// WIDE: -> tensor<1x4x4x2xf32>
// WIDE: %[[W:.*]] = quern.constant({{.*}}1.000000e+00, -2.000000e+00{{.*}} : tensor<3x1x1x2xf32>)
// WIDE: %[[ACC:.*]] = quern.conv %[[X]], %[[W]]
// WIDE: quern.map ins(%[[ACC]], %{{.*}} : tensor<1x4x4x3xf32>, tensor<3xf32>)
func.func @convolution(%c: tensor<1x4x4x2xf8E4M3FN>) -> tensor<1x4x4x3xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %c, %s : tensor<1x4x4x2xf8E4M3FN>, tensor<1xf32> -> tensor<1x4x4x2xf32>
  %w = quern.constant(dense<[[[[1.0, -2.0]]], [[[-3.0, 4.0]]], [[[5.0, -6.0]]]]> : tensor<3x1x1x2xf8E4M3FN>) : tensor<3x1x1x2xf8E4M3FN>
  %ws = quern.constant(dense<[0.25, 0.5, 1.0]> : tensor<3xf32>) : tensor<3xf32>
  %wf = quern.dequantize %w, %ws {axis = 0 : i64} : tensor<3x1x1x2xf8E4M3FN>, tensor<3xf32> -> tensor<3x1x1x2xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x2xf32>, tensor<3x1x1x2xf32> -> tensor<1x4x4x3xf32>
  return %y : tensor<1x4x4x3xf32>
}

// -----

// A scale for each row, known at run time only, and one of the other operand, which is no constant;
// the formats may differ.
// CHECK-LABEL: @rows
// CHECK: %[[ACC:.*]] = quern.matmul %arg0, %arg2 : tensor<4x8xf8E4M3FN>, tensor<8x2xf8E5M2> -> tensor<4x2xf32>
// CHECK: quern.map ins(%[[ACC]], %arg1, %arg3 : tensor<4x2xf32>, tensor<4xf32>, tensor<f32>) maps [#{{.*}}, #[[ROW:.*]], #{{.*}}]
// CHECK: %[[M:.*]] = arith.mulf
// CHECK: arith.mulf %{{.*}}, %[[M]]
func.func @rows(%a: tensor<4x8xf8E4M3FN>, %as: tensor<4xf32>, %b: tensor<8x2xf8E5M2>, %bs: tensor<f32>) -> tensor<4x2xf32> {
  %x = quern.dequantize %a, %as {axis = 0 : i64} : tensor<4x8xf8E4M3FN>, tensor<4xf32> -> tensor<4x8xf32>
  %w = quern.dequantize %b, %bs : tensor<8x2xf8E5M2>, tensor<f32> -> tensor<8x2xf32>
  %y = quern.matmul %x, %w : tensor<4x8xf32>, tensor<8x2xf32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// Scales along the reduction, by blocks, or of codes that are no floats stay where they are.
// CHECK-LABEL: @stays
// CHECK-COUNT-2: quern.matmul %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<8x2xf32>
func.func @stays(%a: tensor<4x8xf8E4M3FN>, %s8: tensor<8xf32>, %s2: tensor<4x2xf32>, %b: tensor<8x2xf8E4M3FN>, %one: tensor<f32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %x = quern.dequantize %a, %s8 {axis = 1 : i64} : tensor<4x8xf8E4M3FN>, tensor<8xf32> -> tensor<4x8xf32>
  %z = quern.dequantize %a, %s2 {axis = 1 : i64, block_size = 4 : i64} : tensor<4x8xf8E4M3FN>, tensor<4x2xf32> -> tensor<4x8xf32>
  %w = quern.dequantize %b, %one : tensor<8x2xf8E4M3FN>, tensor<f32> -> tensor<8x2xf32>
  %y0 = quern.matmul %x, %w : tensor<4x8xf32>, tensor<8x2xf32> -> tensor<4x2xf32>
  %y1 = quern.matmul %z, %w : tensor<4x8xf32>, tensor<8x2xf32> -> tensor<4x2xf32>
  return %y0, %y1 : tensor<4x2xf32>, tensor<4x2xf32>
}
