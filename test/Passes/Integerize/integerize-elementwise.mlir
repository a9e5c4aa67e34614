// RUN: %quern_opt %s --integerize-elementwise | FileCheck %s

// Codes count as unsigned ones: fma(a, 0.5/0.25, fma(b + 128, 1/0.25, 8 - 2*3 - 4*128)); the lowest
// bit of the zero point 9 stays outside; relu is the range.
// CHECK-LABEL: @residual
// CHECK-DAG: %[[RA:.*]] = quern.constant(dense<2.000000e+00>
// CHECK-DAG: %[[RB:.*]] = quern.constant(dense<4.000000e+00>
// CHECK-DAG: quern.constant(dense<-5.100000e+02>
// CHECK: ^bb0(%[[B:.*]]: i32, %[[BIAS:.*]]: i32, %[[RB:.*]]: f32, %[[F:.*]]: f32, %[[A:.*]]: i32, %[[RA:.*]]: f32):
// CHECK: %[[UB:.*]] = arith.addi %[[B]], %[[BIAS]]
// CHECK: %[[FB:.*]] = arith.sitofp %[[UB]]
// CHECK: %[[P:.*]] = math.fma %[[FB]], %[[RB]], %[[F]]
// CHECK: %[[FA:.*]] = arith.sitofp %[[A]]
// CHECK: %[[S:.*]] = math.fma %[[FA]], %[[RA]], %[[P]]
// CHECK: quern.to_code %[[S]] zero_point 1 range[9, 255] bounded
// CHECK-NOT: quern.binary
func.func @residual(%a: tensor<4xui8>, %b: tensor<4xsi8>) -> tensor<4xui8> {
  %sa = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %za = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %sb = quern.constant(dense<1.0> : tensor<1xf32>) : tensor<1xf32>
  %s = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<9> : tensor<1xui8>) : tensor<1xui8>
  %x = quern.dequantize %a, %sa, %za : tensor<4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<4xf32>
  %y = quern.dequantize %b, %sb : tensor<4xsi8>, tensor<1xf32> -> tensor<4xf32>
  %t = quern.binary add %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %r = quern.unary relu %t : tensor<4xf32> -> tensor<4xf32>
  %q = quern.quantize %r, %s, %z : tensor<4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// The same sum where all codes are signed is rounded at the same places: -119 is 9, 0 is 128.
// CHECK-LABEL: @signed_residual
// CHECK-DAG: quern.constant(dense<-5.100000e+02>
// CHECK: arith.addi
// CHECK: arith.addi
// CHECK: math.fma
// CHECK: quern.to_code %{{.*}} zero_point -127 range[-119, 127] bounded
func.func @signed_residual(%a: tensor<4xsi8>, %b: tensor<4xsi8>) -> tensor<4xsi8> {
  %sa = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %za = quern.constant(dense<-125> : tensor<1xsi8>) : tensor<1xsi8>
  %sb = quern.constant(dense<1.0> : tensor<1xf32>) : tensor<1xf32>
  %s = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<-119> : tensor<1xsi8>) : tensor<1xsi8>
  %x = quern.dequantize %a, %sa, %za : tensor<4xsi8>, tensor<1xf32>, tensor<1xsi8> -> tensor<4xf32>
  %y = quern.dequantize %b, %sb : tensor<4xsi8>, tensor<1xf32> -> tensor<4xf32>
  %t = quern.binary add %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %r = quern.unary relu %t : tensor<4xf32> -> tensor<4xf32>
  %q = quern.quantize %r, %s, %z : tensor<4xf32>, tensor<1xf32>, tensor<1xsi8> -> tensor<4xsi8>
  return %q : tensor<4xsi8>
}

// CHECK-LABEL: @product
// CHECK: %[[P:.*]] = arith.mulf
// CHECK: %[[S:.*]] = arith.mulf %[[P]]
// CHECK: quern.to_code %[[S]] zero_point 0 range[0, 12] bounded
func.func @product(%a: tensor<4xui8>, %b: tensor<4xui8>) -> tensor<4xui8> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %a, %s : tensor<4xui8>, tensor<1xf32> -> tensor<4xf32>
  %y = quern.dequantize %b, %s : tensor<4xui8>, tensor<1xf32> -> tensor<4xf32>
  %t = quern.binary mul %x, %y : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %c = quern.clamp %t to 0.0, 6.0 : tensor<4xf32>
  %q = quern.quantize %c, %s : tensor<4xf32>, tensor<1xf32> -> tensor<4xui8>
  return %q : tensor<4xui8>
}
