// RUN: %quern_opt %s --fold-batch-norm --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @conv
// CHECK-DAG: %[[W:.*]] = quern.constant(dense<5.000000e-01>
// CHECK-DAG: %[[B:.*]] = quern.constant(dense<[1.000000e+00, 2.000000e+00]>
// CHECK-DAG: %[[M:.*]] = quern.constant(dense<[3.000000e+00, 4.000000e+00]>
// CHECK-DAG: %[[A:.*]] = quern.constant(dense<[5.000000e+00, 6.000000e+00]>
// CHECK: %[[MW:.*]] = quern.reshape %[[M]] : tensor<2xf32> -> tensor<2x1x1x1xf32>
// CHECK: %[[WM:.*]] = quern.binary mul %[[W]], %[[MW]]
// CHECK: %[[Y:.*]] = quern.conv %arg0, %[[WM]]
// CHECK: %[[BM:.*]] = quern.binary mul %[[B]], %[[M]]
// CHECK: %[[S:.*]] = quern.binary add %[[BM]], %[[A]]
// CHECK: %[[R:.*]] = quern.binary add %[[Y]], %[[S]]
// CHECK-NEXT: return %[[R]]
func.func @conv(%x: tensor<1x4x4x3xf32>) -> tensor<1x4x4x2xf32> {
  %w = quern.constant(dense<0.5> : tensor<2x1x1x3xf32>) : tensor<2x1x1x3xf32>
  %b = quern.constant(dense<[1.0, 2.0]> : tensor<2xf32>) : tensor<2xf32>
  %y = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x3xf32>, tensor<2x1x1x3xf32> -> tensor<1x4x4x2xf32>
  %yb = quern.binary add %y, %b : tensor<1x4x4x2xf32>, tensor<2xf32> -> tensor<1x4x4x2xf32>
  %m = quern.constant(dense<[3.0, 4.0]> : tensor<2xf32>) : tensor<2xf32>
  %a = quern.constant(dense<[5.0, 6.0]> : tensor<2xf32>) : tensor<2xf32>
  %ym = quern.binary mul %yb, %m : tensor<1x4x4x2xf32>, tensor<2xf32> -> tensor<1x4x4x2xf32>
  %r = quern.binary add %ym, %a : tensor<1x4x4x2xf32>, tensor<2xf32> -> tensor<1x4x4x2xf32>
  return %r : tensor<1x4x4x2xf32>
}

// -----

// The weights' columns take the factor; a transposed matrix has its channels first.
// CHECK-LABEL: func.func @matmul
// CHECK: %[[C:.*]] = quern.reshape %{{.*}} : tensor<1x2xf32> -> tensor<2x1xf32>
// CHECK: %[[WM:.*]] = quern.binary mul %{{.*}}, %[[C]] : tensor<2x3xf32>, tensor<2x1xf32>
// CHECK: %[[Y:.*]] = quern.matmul %arg0, %[[WM]] transposed
// CHECK-NEXT: return %[[Y]]
func.func @matmul(%x: tensor<4x3xf32>) -> tensor<4x2xf32> {
  %w = quern.constant(dense<0.5> : tensor<2x3xf32>) : tensor<2x3xf32>
  %m = quern.constant(dense<[[3.0, 4.0]]> : tensor<1x2xf32>) : tensor<1x2xf32>
  %y = quern.matmul %x, %w transposed : tensor<4x3xf32>, tensor<2x3xf32> -> tensor<4x2xf32>
  %r = quern.binary mul %y, %m : tensor<4x2xf32>, tensor<1x2xf32> -> tensor<4x2xf32>
  return %r : tensor<4x2xf32>
}

// -----

// Codes keep their scales, and a product that others read keeps its weights.
// CHECK-LABEL: func.func @kept
// CHECK: quern.dequantize
// CHECK: quern.matmul
// CHECK-NEXT: quern.binary mul
// CHECK: quern.matmul
// CHECK-NEXT: quern.binary mul
func.func @kept(%x: tensor<4x3xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>) {
  %q = quern.constant(dense<1> : tensor<3x2xsi8>) : tensor<3x2xsi8>
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %f = quern.constant(dense<0.5> : tensor<3x2xf32>) : tensor<3x2xf32>
  %m = quern.constant(dense<[3.0, 4.0]> : tensor<2xf32>) : tensor<2xf32>
  %w = quern.dequantize %q, %s : tensor<3x2xsi8>, tensor<f32> -> tensor<3x2xf32>
  %a = quern.matmul %x, %w : tensor<4x3xf32>, tensor<3x2xf32> -> tensor<4x2xf32>
  %am = quern.binary mul %a, %m : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
  %b = quern.matmul %x, %f : tensor<4x3xf32>, tensor<3x2xf32> -> tensor<4x2xf32>
  %bm = quern.binary mul %b, %m : tensor<4x2xf32>, tensor<2xf32> -> tensor<4x2xf32>
  return %am, %b, %bm : tensor<4x2xf32>, tensor<4x2xf32>, tensor<4x2xf32>
}
