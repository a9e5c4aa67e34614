// RUN: %quern_opt %s --recognize-normalizations --split-input-file | FileCheck %s

// PyTorch before operator set 17.
// CHECK-LABEL: func.func @pow_div
// CHECK: %[[Y:.*]] = quern.layer_norm %arg0, %{{.*}}, %{{.*}} epsilon 9.99999974E-6 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<2x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @pow_div(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v5 = quern.binary sub %x, %v4 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v6 = quern.constant(dense<2.0> : tensor<f32>) : tensor<f32>
  %v7 = quern.binary pow %v5, %v6 : tensor<2x4xf32>, tensor<f32> -> tensor<2x4xf32>
  %v8 = quern.reduce mean %v7 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v9 = quern.binary add %v8, %v3 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v10 = quern.unary sqrt %v9 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v11 = quern.binary div %v5, %v10 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v12 = quern.binary mul %v11, %v1 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  %v13 = quern.binary add %v12, %v2 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return %v13 : tensor<2x4xf32>
}

// -----

// A reciprocal, operands the other way round, and the difference computed once more.
// CHECK-LABEL: func.func @reciprocal
// CHECK: %[[Y:.*]] = quern.layer_norm %arg0, %{{.*}}, %{{.*}} epsilon 9.99999974E-6 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<2x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @reciprocal(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v5 = quern.binary sub %x, %v4 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v6 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v7 = quern.binary sub %x, %v6 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v8 = quern.binary mul %v5, %v5 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v9 = quern.reduce mean %v8 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v10 = quern.binary add %v9, %v3 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v11 = quern.unary sqrt %v10 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v12 = quern.unary reciprocal %v11 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v13 = quern.binary mul %v12, %v7 : tensor<2x1xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v14 = quern.binary mul %v1, %v13 : tensor<4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v15 = quern.binary add %v2, %v14 : tensor<4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %v15 : tensor<2x4xf32>
}

// -----

// TensorFlow's form: x * factor + (bias - mean * factor).
// CHECK-LABEL: func.func @by_factor
// CHECK: %[[Y:.*]] = quern.layer_norm %arg0, %{{.*}}, %{{.*}} epsilon 9.99999974E-6 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32> -> tensor<2x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @by_factor(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v5 = quern.binary sub %x, %v4 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v6 = quern.binary mul %v5, %v5 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v7 = quern.reduce mean %v6 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v8 = quern.binary add %v7, %v3 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v9 = quern.unary sqrt %v8 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v10 = quern.unary reciprocal %v9 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v11 = quern.binary mul %v10, %v1 : tensor<2x1xf32>, tensor<4xf32> -> tensor<2x4xf32>
  %v12 = quern.binary mul %v4, %v11 : tensor<2x1xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v13 = quern.binary sub %v2, %v12 : tensor<4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v14 = quern.binary mul %x, %v11 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v15 = quern.binary add %v14, %v13 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %v15 : tensor<2x4xf32>
}

// -----

// Without the mean, by a power of -0.5, and without a bias.
// CHECK-LABEL: func.func @rms
// CHECK: %[[Y:.*]] = quern.layer_norm %arg0, %{{.*}} epsilon 9.99999974E-6 rms : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @rms(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.binary mul %x, %x : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v5 = quern.reduce mean %v4 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v6 = quern.binary add %v5, %v3 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v7 = quern.constant(dense<-0.5> : tensor<f32>) : tensor<f32>
  %v8 = quern.binary pow %v6, %v7 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v9 = quern.binary mul %x, %v8 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v10 = quern.binary mul %v1, %v9 : tensor<4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  return %v10 : tensor<2x4xf32>
}

// -----

// A scale that is not there is one of ones; what is quantized stays a rounding.
// CHECK-LABEL: func.func @no_scale
// CHECK: %[[S:.*]] = quern.constant(dense<1.000000e+00> : tensor<4xf32>)
// CHECK: %[[Y:.*]] = quern.layer_norm %arg0, %[[S]] epsilon
// CHECK: quern.quantize %[[Y]]
// CHECK: quern.binary mul
func.func @no_scale(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v5 = quern.binary sub %x, %v4 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v6 = quern.binary mul %v5, %v5 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v7 = quern.reduce mean %v6 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v8 = quern.binary add %v7, %v3 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v9 = quern.unary sqrt %v8 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v10 = quern.binary div %v5, %v9 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v11 = quern.quantize %v10, %v3 : tensor<2x4xf32>, tensor<f32> -> tensor<2x4xui8>
  %v12 = quern.dequantize %v11, %v3 : tensor<2x4xui8>, tensor<f32> -> tensor<2x4xf32>
  %v13 = quern.binary mul %v12, %v1 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return %v13 : tensor<2x4xf32>
}

// -----

// Not over the last dimension.
// CHECK-LABEL: func.func @other_axis
// CHECK-NOT: quern.layer_norm
// CHECK: return
func.func @other_axis(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.reduce mean %x axes [0] : tensor<2x4xf32> -> tensor<1x4xf32>
  %v5 = quern.binary sub %x, %v4 : tensor<2x4xf32>, tensor<1x4xf32> -> tensor<2x4xf32>
  %v6 = quern.binary mul %v5, %v5 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v7 = quern.reduce mean %v6 axes [0] : tensor<2x4xf32> -> tensor<1x4xf32>
  %v8 = quern.binary add %v7, %v3 : tensor<1x4xf32>, tensor<f32> -> tensor<1x4xf32>
  %v9 = quern.unary sqrt %v8 : tensor<1x4xf32> -> tensor<1x4xf32>
  %v10 = quern.binary div %v5, %v9 : tensor<2x4xf32>, tensor<1x4xf32> -> tensor<2x4xf32>
  return %v10 : tensor<2x4xf32>
}

// -----

// The deviation of something else.
// CHECK-LABEL: func.func @other_value
// CHECK-NOT: quern.layer_norm
// CHECK: return
func.func @other_value(%x: tensor<2x4xf32>, %z: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v5 = quern.binary sub %x, %v4 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v6 = quern.reduce mean %z axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v7 = quern.binary sub %z, %v6 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v8 = quern.binary mul %v7, %v7 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v9 = quern.reduce mean %v8 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v10 = quern.binary add %v9, %v3 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v11 = quern.unary sqrt %v10 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v12 = quern.binary div %v5, %v11 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  return %v12 : tensor<2x4xf32>
}

// -----

// No layer normalization has such an epsilon.
// CHECK-LABEL: func.func @negative_epsilon
// CHECK-NOT: quern.layer_norm
// CHECK: return
func.func @negative_epsilon(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v1 = quern.constant(dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>) : tensor<4xf32>
  %v2 = quern.constant(dense<[0.1, 0.2, 0.3, 0.4]> : tensor<4xf32>) : tensor<4xf32>
  %v3 = quern.constant(dense<1.0e-5> : tensor<f32>) : tensor<f32>
  %v4 = quern.constant(dense<-1.0> : tensor<f32>) : tensor<f32>
  %v5 = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v6 = quern.binary sub %x, %v5 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  %v7 = quern.binary mul %v6, %v6 : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
  %v8 = quern.reduce mean %v7 axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
  %v9 = quern.binary add %v8, %v4 : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
  %v10 = quern.unary sqrt %v9 : tensor<2x1xf32> -> tensor<2x1xf32>
  %v11 = quern.binary div %v6, %v10 : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  return %v11 : tensor<2x4xf32>
}
