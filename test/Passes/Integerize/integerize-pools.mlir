// RUN: %quern_opt %s --integerize-pools | FileCheck %s

// 4 codes under each window: -10 * 4; 0.5 * 0.25 / 0.0625.
// CHECK-LABEL: @average
// CHECK: %[[S:.*]] = quern.pool sum %arg0 {{.*}} tensor<1x4x4x2xui8> -> tensor<1x2x2x2xsi32>
// CHECK-DAG: quern.constant(dense<-40> : tensor<1xsi32>)
// CHECK-DAG: quern.constant(dense<2.000000e+00> : tensor<1xf32>)
// CHECK: quern.to_code %{{.*}} zero_point 5 range[0, 255] bounded
func.func @average(%c: tensor<1x4x4x2xui8>) -> tensor<1x2x2x2xui8> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<10> : tensor<1xui8>) : tensor<1xui8>
  %x = quern.dequantize %c, %s, %z : tensor<1x4x4x2xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<1x4x4x2xf32>
  %p = quern.pool sum %x kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x4x4x2xf32> -> tensor<1x2x2x2xf32>
  %n = quern.constant(dense<0.25> : tensor<f32>) : tensor<f32>
  %m = quern.binary mul %p, %n : tensor<1x2x2x2xf32>, tensor<f32> -> tensor<1x2x2x2xf32>
  %t = quern.constant(dense<0.0625> : tensor<1xf32>) : tensor<1xf32>
  %u = quern.constant(dense<5> : tensor<1xui8>) : tensor<1xui8>
  %q = quern.quantize %m, %t, %u : tensor<1x2x2x2xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<1x2x2x2xui8>
  return %q : tensor<1x2x2x2xui8>
}

// At the border fewer codes count.
// CHECK-LABEL: @border
// CHECK: quern.constant(dense<{{.*}}[-1], [-2], [-1]], {{.*}}[-2], [-4], [-2]], {{.*}}[-1], [-2], [-1]]]]> : tensor<1x3x3x1xsi32>)
func.func @border(%c: tensor<1x2x2x2xui8>) -> tensor<1x3x3x2xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<1> : tensor<1xui8>) : tensor<1xui8>
  %x = quern.dequantize %c, %s, %z : tensor<1x2x2x2xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<1x2x2x2xf32>
  %p = quern.pool sum %x kernel [2, 2] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] : tensor<1x2x2x2xf32> -> tensor<1x3x3x2xf32>
  return %p : tensor<1x3x3x2xf32>
}

// CHECK-LABEL: @mean
// CHECK: quern.reduce sum %arg0 axes [1, 2] : tensor<1x4x4x2xsi8> -> tensor<1x1x1x2xsi32>
// CHECK: quern.constant(dense<3.125000e-02> : tensor<1xf32>)
func.func @mean(%c: tensor<1x4x4x2xsi8>) -> tensor<1x1x1x2xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %c, %s : tensor<1x4x4x2xsi8>, tensor<1xf32> -> tensor<1x4x4x2xf32>
  %p = quern.reduce mean %x axes [1, 2] : tensor<1x4x4x2xf32> -> tensor<1x1x1x2xf32>
  return %p : tensor<1x1x1x2xf32>
}
