// RUN: quern-opt %s --propagate-layout --split-input-file | FileCheck %s

// The transposes between two pools meet; the first goes before the quantize, the last to the end.
// CHECK-LABEL: @chain
// CHECK: %[[T:.*]] = quern.transpose %arg0 [0, 2, 3, 1]
// CHECK: quern.quantize %[[T]]
// CHECK: quern.dequantize
// CHECK: quern.pool
// CHECK-NOT: quern.transpose
// CHECK: %[[R:.*]] = quern.unary relu
// CHECK: quern.quantize %[[R]]{{.*}}axis = 3
// CHECK: quern.dequantize
// CHECK: %[[P:.*]] = quern.pool
// CHECK-NOT: quern.transpose
// CHECK: %[[A:.*]] = quern.binary mul %[[P]], %{{.*}} : tensor<1x2x2x2xf32>, tensor<2xf32>
// CHECK: %[[O:.*]] = quern.transpose %[[A]] [0, 3, 1, 2]
// CHECK: return %[[O]]
func.func @chain(%x: tensor<1x2x8x8xf32>) -> tensor<1x2x2x2xf32> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %z = quern.constant(dense<3> : tensor<ui8>) : tensor<ui8>
  %s2 = quern.constant(dense<[0.5, 1.0]> : tensor<2xf32>) : tensor<2xf32>
  %m = quern.constant(dense<[[[[2.0]], [[3.0]]]]> : tensor<1x2x1x1xf32>) : tensor<1x2x1x1xf32>
  %q = quern.quantize %x, %s, %z : tensor<1x2x8x8xf32>, tensor<f32>, tensor<ui8> -> tensor<1x2x8x8xui8>
  %d = quern.dequantize %q, %s, %z : tensor<1x2x8x8xui8>, tensor<f32>, tensor<ui8> -> tensor<1x2x8x8xf32>
  %t = quern.transpose %d [0, 2, 3, 1] : tensor<1x2x8x8xf32> -> tensor<1x8x8x2xf32>
  %p = quern.pool max %t kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x2xf32> -> tensor<1x4x4x2xf32>
  %u = quern.transpose %p [0, 3, 1, 2] : tensor<1x4x4x2xf32> -> tensor<1x2x4x4xf32>
  %r = quern.unary relu %u : tensor<1x2x4x4xf32> -> tensor<1x2x4x4xf32>
  %q2 = quern.quantize %r, %s2 {axis = 1 : i64} : tensor<1x2x4x4xf32>, tensor<2xf32> -> tensor<1x2x4x4xui8>
  %d2 = quern.dequantize %q2, %s2 {axis = 1 : i64} : tensor<1x2x4x4xui8>, tensor<2xf32> -> tensor<1x2x4x4xf32>
  %t2 = quern.transpose %d2 [0, 2, 3, 1] : tensor<1x2x4x4xf32> -> tensor<1x4x4x2xf32>
  %p2 = quern.pool max %t2 kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x4x4x2xf32> -> tensor<1x2x2x2xf32>
  %u2 = quern.transpose %p2 [0, 3, 1, 2] : tensor<1x2x2x2xf32> -> tensor<1x2x2x2xf32>
  %mm = quern.binary mul %u2, %m : tensor<1x2x2x2xf32>, tensor<1x2x1x1xf32> -> tensor<1x2x2x2xf32>
  return %mm : tensor<1x2x2x2xf32>
}

// -----

// Concat, slice, pad and reduce take the other layout with their attributes.
// CHECK-LABEL: @attributes
// CHECK-NOT: quern.transpose
// CHECK: quern.concat %arg0, %arg1 axis 3
// CHECK: quern.slice %{{.*}} starts [0, 1, 2, 3] steps [1, 1, 2, 1]
// CHECK: quern.pad %{{.*}} low [0, 1, 2, 0]
// CHECK: quern.reduce mean %{{.*}} axes [1, 2]
func.func @attributes(%x: tensor<1x4x6x3xf32>, %y: tensor<1x4x6x5xf32>) -> tensor<1x1x1x5xf32> {
  %zero = quern.constant(dense<0.0> : tensor<1xf32>) : tensor<1xf32>
  %a = quern.transpose %x [0, 3, 1, 2] : tensor<1x4x6x3xf32> -> tensor<1x3x4x6xf32>
  %b = quern.transpose %y [0, 3, 1, 2] : tensor<1x4x6x5xf32> -> tensor<1x5x4x6xf32>
  %c = quern.concat %a, %b axis 1 : tensor<1x3x4x6xf32>, tensor<1x5x4x6xf32> -> tensor<1x8x4x6xf32>
  %s = quern.slice %c starts [0, 3, 1, 2] steps [1, 1, 1, 2] : tensor<1x8x4x6xf32> -> tensor<1x5x3x2xf32>
  %p = quern.pad %s, %zero low [0, 0, 1, 2] : tensor<1x5x3x2xf32>, tensor<1xf32> -> tensor<1x5x5x5xf32>
  %r = quern.reduce mean %p axes [2, 3] : tensor<1x5x5x5xf32> -> tensor<1x5x1x1xf32>
  %t = quern.transpose %r [0, 2, 3, 1] : tensor<1x5x1x1xf32> -> tensor<1x1x1x5xf32>
  return %t : tensor<1x1x1x5xf32>
}

// -----

// Flattening after a transpose: the rows of the weights move, not the activations.
// CHECK-LABEL: @flatten
// CHECK: %[[W:.*]] = quern.constant(dense<{{\[}}[0], [3], [1], [4], [2], [5]]> : tensor<6x1xsi8>)
// CHECK-NOT: quern.transpose
// CHECK: %[[D:.*]] = quern.dequantize %[[W]]
// CHECK: %[[F:.*]] = quern.reshape %arg0 : tensor<1x1x3x2xf32> -> tensor<1x6xf32>
// CHECK: %[[U:.*]] = quern.unary relu %[[F]]
// CHECK: quern.matmul %[[U]], %[[D]]
func.func @flatten(%x: tensor<1x1x3x2xf32>) -> tensor<1x1xf32> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %w = quern.constant(dense<[[0], [1], [2], [3], [4], [5]]> : tensor<6x1xsi8>) : tensor<6x1xsi8>
  %d = quern.dequantize %w, %s : tensor<6x1xsi8>, tensor<f32> -> tensor<6x1xf32>
  %t = quern.transpose %x [0, 3, 1, 2] : tensor<1x1x3x2xf32> -> tensor<1x2x1x3xf32>
  %f = quern.reshape %t : tensor<1x2x1x3xf32> -> tensor<1x6xf32>
  %u = quern.unary relu %f : tensor<1x6xf32> -> tensor<1x6xf32>
  %y = quern.matmul %u, %d : tensor<1x6xf32>, tensor<6x1xf32> -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

// A patch embedding: the transpose passes the reshape that merges H and W and meets its inverse.
// CHECK-LABEL: @patches
// CHECK-NOT: quern.transpose
// CHECK: quern.reshape %{{.*}} : tensor<1x7x7x8xf32> -> tensor<1x49x8xf32>
// CHECK-NOT: quern.transpose
func.func @patches(%x: tensor<1x7x7x8xf32>) -> tensor<1x49x8xf32> {
  %t = quern.transpose %x [0, 3, 1, 2] : tensor<1x7x7x8xf32> -> tensor<1x8x7x7xf32>
  %n = quern.unary neg %t : tensor<1x8x7x7xf32> -> tensor<1x8x7x7xf32>
  %r = quern.reshape %n : tensor<1x8x7x7xf32> -> tensor<1x8x49xf32>
  %u = quern.transpose %r [0, 2, 1] : tensor<1x8x49xf32> -> tensor<1x49x8xf32>
  return %u : tensor<1x49x8xf32>
}

// -----

// The split into heads stays as it is.
// CHECK-LABEL: @heads
// CHECK: quern.reshape
// CHECK-NEXT: quern.transpose %{{.*}} [0, 2, 1, 3]
// CHECK-NEXT: quern.binary mul
func.func @heads(%x: tensor<1x16x32xf32>, %k: tensor<1x4x8x16xf32>) -> tensor<1x4x16x16xf32> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %r = quern.reshape %x : tensor<1x16x32xf32> -> tensor<1x16x4x8xf32>
  %t = quern.transpose %r [0, 2, 1, 3] : tensor<1x16x4x8xf32> -> tensor<1x4x16x8xf32>
  %m = quern.binary mul %t, %s : tensor<1x4x16x8xf32>, tensor<f32> -> tensor<1x4x16x8xf32>
  %y = quern.matmul %m, %k : tensor<1x4x16x8xf32>, tensor<1x4x8x16xf32> -> tensor<1x4x16x16xf32>
  return %y : tensor<1x4x16x16xf32>
}

// -----

// Weights: the transpose of the codes is done now, the scales' axis follows.
// CHECK-LABEL: @weights
// CHECK: quern.constant(dense<{{.*}}> : tensor<2x1x2x2xsi8>)
// CHECK: quern.dequantize {{.*}} {axis = 0 : i64} : tensor<2x1x2x2xsi8>
// CHECK-NOT: quern.transpose
func.func @weights(%x: tensor<1x4x4x2xf32>) -> tensor<1x4x3x2xf32> {
  %s = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  %w = quern.constant(dense<[[[[1, 2]], [[3, 4]]], [[[5, 6]], [[7, 8]]]]> : tensor<2x2x1x2xsi8>) : tensor<2x2x1x2xsi8>
  %d = quern.dequantize %w, %s {axis = 0 : i64} : tensor<2x2x1x2xsi8>, tensor<2xf32> -> tensor<2x2x1x2xf32>
  %t = quern.transpose %d [0, 2, 3, 1] : tensor<2x2x1x2xf32> -> tensor<2x1x2x2xf32>
  %y = quern.conv %x, %t strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x2xf32>, tensor<2x1x2x2xf32> -> tensor<1x4x3x2xf32>
  return %y : tensor<1x4x3x2xf32>
}
