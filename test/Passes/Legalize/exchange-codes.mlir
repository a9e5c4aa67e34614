// RUN: %quern_opt %s --exchange-codes --split-input-file | FileCheck %s

// What is quantized at once and dequantized last: the caller has the codes.
// CHECK-LABEL: func.func @both
// CHECK-SAME: (%[[X:.*]]: tensor<2x4xui8> {quern.name = "x", quern.scale = 5.000000e-01 : f32, quern.zero_point = 3 : i64})
// CHECK-SAME: -> (tensor<2x4xui8> {quern.name = "y", quern.scale = 5.000000e-01 : f32, quern.zero_point = 3 : i64})
// CHECK-NOT: quern.quantize
// CHECK: %[[F:.*]] = quern.dequantize %[[X]]
// CHECK: %[[R:.*]] = quern.unary relu %[[F]]
// CHECK: %[[Q:.*]] = quern.quantize %[[R]]
// CHECK-NEXT: return %[[Q]]
func.func @both(%x: tensor<2x4xf32> {quern.name = "x"}) -> (tensor<2x4xf32> {quern.name = "y"}) {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %c = quern.quantize %x, %s, %z : tensor<2x4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xui8>
  %f = quern.dequantize %c, %s, %z : tensor<2x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xf32>
  %r = quern.unary relu %f : tensor<2x4xf32> -> tensor<2x4xf32>
  %q = quern.quantize %r, %s, %z : tensor<2x4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xui8>
  %y = quern.dequantize %q, %s, %z : tensor<2x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Two equal quantizes are one; a narrow range is told to the caller.
// CHECK-LABEL: func.func @narrow
// CHECK-SAME: %[[X:.*]]: tensor<4xsi8> {quern.high = 7 : i64, quern.low = -7 : i64, quern.scale = 2.500000e-01 : f32, quern.zero_point = 0 : i64}
// CHECK-NOT: quern.quantize
// CHECK: return %[[X]], %[[X]]
func.func @narrow(%x: tensor<4xf32>) -> (tensor<4xsi8>, tensor<4xsi8>) {
  %s = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %t = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %c = quern.quantize %x, %s {lo = -7 : i64, hi = 7 : i64} : tensor<4xf32>, tensor<1xf32> -> tensor<4xsi8>
  %d = quern.quantize %x, %t {lo = -7 : i64, hi = 7 : i64} : tensor<4xf32>, tensor<1xf32> -> tensor<4xsi8>
  return %c, %d : tensor<4xsi8>, tensor<4xsi8>
}

// -----

// Other uses, two ways to quantize, a scale for each channel, a scale of the caller: all stay.
// CHECK-LABEL: func.func @stay
// CHECK-SAME: (%{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<4xf32>, %{{.*}}: tensor<1xf32>)
// CHECK-COUNT-5: quern.quantize
func.func @stay(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>, %d: tensor<4xf32>, %scale: tensor<1xf32>)
    -> (tensor<4xf32>, tensor<4xsi8>, tensor<4xsi8>, tensor<4xui8>, tensor<4xsi8>, tensor<4xsi8>) {
  %s = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %channels = quern.constant(dense<[0.25, 0.5, 1.0, 2.0]> : tensor<4xf32>) : tensor<4xf32>
  %r = quern.unary relu %a : tensor<4xf32> -> tensor<4xf32>
  %0 = quern.quantize %a, %s : tensor<4xf32>, tensor<1xf32> -> tensor<4xsi8>
  %1 = quern.quantize %b, %s : tensor<4xf32>, tensor<1xf32> -> tensor<4xsi8>
  %2 = quern.quantize %b, %s : tensor<4xf32>, tensor<1xf32> -> tensor<4xui8>
  %3 = quern.quantize %c, %channels {axis = 0 : i64} : tensor<4xf32>, tensor<4xf32> -> tensor<4xsi8>
  %4 = quern.quantize %d, %scale : tensor<4xf32>, tensor<1xf32> -> tensor<4xsi8>
  return %r, %0, %1, %2, %3, %4 : tensor<4xf32>, tensor<4xsi8>, tensor<4xsi8>, tensor<4xui8>, tensor<4xsi8>, tensor<4xsi8>
}

// -----

// A dequantize that is read as well stays for its readers.
// CHECK-LABEL: func.func @shared
// CHECK: %[[F:.*]] = quern.dequantize %arg0
// CHECK: %[[R:.*]] = quern.unary relu %[[F]]
// CHECK-NEXT: return %arg0, %[[R]] : tensor<4xui8>, tensor<4xf32>
func.func @shared(%c: tensor<4xui8>) -> (tensor<4xf32>, tensor<4xf32>) {
  %s = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %f = quern.dequantize %c, %s : tensor<4xui8>, tensor<1xf32> -> tensor<4xf32>
  %r = quern.unary relu %f : tensor<4xf32> -> tensor<4xf32>
  return %f, %r : tensor<4xf32>, tensor<4xf32>
}
