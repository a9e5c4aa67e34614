// RUN: %quern_opt %s --propagate-codes | FileCheck %s

// A dequantize moves behind what only moves values, and codes that come back the same stay.
// CHECK-LABEL: @sink
// CHECK: %[[P:.*]] = quern.pool max %arg0 {{.*}} tensor<1x4x4x2xui8> -> tensor<1x2x2x2xui8>
// CHECK: %[[R:.*]] = quern.reshape %[[P]] : tensor<1x2x2x2xui8> -> tensor<1x8xui8>
// CHECK: return %[[R]]
func.func @sink(%c: tensor<1x4x4x2xui8>) -> tensor<1x8xui8> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %x = quern.dequantize %c, %s, %z : tensor<1x4x4x2xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<1x4x4x2xf32>
  %p = quern.pool max %x kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x4x4x2xf32> -> tensor<1x2x2x2xf32>
  %r = quern.reshape %p : tensor<1x2x2x2xf32> -> tensor<1x8xf32>
  %q = quern.quantize %r, %s, %z : tensor<1x8xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<1x8xui8>
  return %q : tensor<1x8xui8>
}

// A pad's value becomes the code that stands for it.
// CHECK-LABEL: @pad
// CHECK: quern.constant(dense<3> : tensor<1xui8>)
// CHECK: %[[V:.*]] = quern.constant(dense<3> : tensor<1xui8>)
// CHECK: quern.pad %arg0, %[[V]] low [1] : tensor<4xui8>, tensor<1xui8> -> tensor<6xui8>
// CHECK: quern.dequantize
func.func @pad(%c: tensor<4xui8>) -> tensor<6xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %v = quern.constant(dense<0.0> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %c, %s, %z : tensor<4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<4xf32>
  %p = quern.pad %x, %v low [1] : tensor<4xf32>, tensor<1xf32> -> tensor<6xf32>
  return %p : tensor<6xf32>
}

// Operands of a concat with different scales are requantized one by one.
// CHECK-LABEL: @concat
// CHECK: %[[A:.*]] = quern.quantize
// CHECK: %[[B:.*]] = quern.quantize
// CHECK: quern.concat %[[A]], %[[B]] axis 0 : tensor<4xui8>, tensor<4xui8> -> tensor<8xui8>
func.func @concat(%a: tensor<4xui8>, %b: tensor<4xf32>) -> tensor<8xui8> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %t = quern.constant(dense<0.25> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %a, %s : tensor<4xui8>, tensor<1xf32> -> tensor<4xf32>
  %y = quern.concat %x, %b axis 0 : tensor<4xf32>, tensor<4xf32> -> tensor<8xf32>
  %q = quern.quantize %y, %t : tensor<8xf32>, tensor<1xf32> -> tensor<8xui8>
  return %q : tensor<8xui8>
}
