// RUN: %quern_opt %s --share-equal-values | FileCheck %s

// Constants of equal bytes, and what is computed from them; the first site stays.
// CHECK-LABEL: func.func @views
// CHECK: %[[S:.*]] = quern.constant(dense<5.000000e-01> : tensor<f32>) {site = "a_scale"}
// CHECK-NOT: quern.constant
// CHECK: %[[R:.*]] = quern.reshape %arg0
// CHECK-NEXT: %[[Q:.*]] = quern.quantize %[[R]], %[[S]] {site = "a"}
// CHECK-NEXT: return %[[Q]], %[[Q]]
func.func @views(%x: tensor<2x2xf32>) -> (tensor<4xui8>, tensor<4xui8>) {
  %s = quern.constant(dense<0.5> : tensor<f32>) {site = "a_scale"} : tensor<f32>
  %t = quern.constant(dense<0.5> : tensor<f32>) {site = "b_scale"} : tensor<f32>
  %f = quern.reshape %x : tensor<2x2xf32> -> tensor<4xf32>
  %g = quern.reshape %x : tensor<2x2xf32> -> tensor<4xf32>
  %a = quern.quantize %f, %s {site = "a"} : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  %b = quern.quantize %g, %t {site = "b"} : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  return %a, %b : tensor<4xui8>, tensor<4xui8>
}

// Another scale, another type or another attribute is another value.
// CHECK-LABEL: func.func @different
// CHECK-COUNT-4: quern.quantize
func.func @different(%x: tensor<4xf32>) -> (tensor<4xui8>, tensor<4xui8>, tensor<4xsi8>, tensor<4xui8>) {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %t = quern.constant(dense<0.25> : tensor<f32>) : tensor<f32>
  %a = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  %b = quern.quantize %x, %t : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  %c = quern.quantize %x, %s : tensor<4xf32>, tensor<f32> -> tensor<4xsi8>
  %d = quern.quantize %x, %s {hi = 100 : i64} : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  return %a, %b, %c, %d : tensor<4xui8>, tensor<4xui8>, tensor<4xsi8>, tensor<4xui8>
}
