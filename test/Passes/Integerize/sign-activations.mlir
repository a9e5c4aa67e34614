// RUN: %quern_opt %s --sign-activations | FileCheck %s --check-prefixes=CHECK,U8
// RUN: %quern_opt %s --sign-activations=unsigned=false | FileCheck %s --check-prefixes=CHECK,S8

// The left operand follows the target; what moves codes goes along, bounds and zero points move.
// CHECK-LABEL: @left
// U8-DAG: %[[Z:.*]] = quern.constant(dense<131> : tensor<1xui8>)
// U8: quern.quantize %arg0, %{{.*}}, %[[Z]] {hi = 255 : i64, lo = 1 : i64} : {{.*}} -> tensor<2x4xui8>
// U8: quern.reshape {{.*}} tensor<2x4xui8> -> tensor<4x2xui8>
// U8: quern.dequantize {{.*}} : tensor<4x2xui8>, tensor<1xf32>, tensor<1xui8>
// S8: quern.quantize %arg0, {{.*}} {hi = 127 : i64, lo = -127 : i64} : {{.*}} -> tensor<2x4xsi8>
// CHECK: quern.dequantize {{.*}} : tensor<2x3xsi8>
func.func @left(%x: tensor<2x4xf32>) -> tensor<4x3xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xsi8>) : tensor<1xsi8>
  %w = quern.constant(dense<1> : tensor<2x3xsi8>) : tensor<2x3xsi8>
  %q = quern.quantize %x, %s, %z {lo = -127 : i64, hi = 127 : i64} : tensor<2x4xf32>, tensor<1xf32>, tensor<1xsi8> -> tensor<2x4xsi8>
  %r = quern.reshape %q : tensor<2x4xsi8> -> tensor<4x2xsi8>
  %d = quern.dequantize %r, %s, %z : tensor<4x2xsi8>, tensor<1xf32>, tensor<1xsi8> -> tensor<4x2xf32>
  %wd = quern.dequantize %w, %s : tensor<2x3xsi8>, tensor<1xf32> -> tensor<2x3xf32>
  %y = quern.matmul %d, %wd : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// A right operand is si8 everywhere; without a zero point it was 0.
// CHECK-LABEL: @right
// CHECK: %[[Z:.*]] = quern.constant(dense<-128> : tensor<1xsi8>)
// CHECK: quern.quantize %arg0, %{{.*}}, %[[Z]] : {{.*}} -> tensor<2x3xsi8>
func.func @right(%x: tensor<2x3xf32>, %l: tensor<4x2xf32>) -> tensor<4x3xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %q = quern.quantize %x, %s : tensor<2x3xf32>, tensor<1xf32> -> tensor<2x3xui8>
  %d = quern.dequantize %q, %s : tensor<2x3xui8>, tensor<1xf32> -> tensor<2x3xf32>
  %y = quern.matmul %l, %d : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// The caller's codes keep their type.
// CHECK-LABEL: @argument(
// CHECK-SAME: %arg0: tensor<4x2xsi8>
// CHECK: quern.dequantize %arg0, {{.*}} tensor<4x2xsi8>
func.func @argument(%q: tensor<4x2xsi8>, %w: tensor<2x3xf32>) -> tensor<4x3xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %d = quern.dequantize %q, %s : tensor<4x2xsi8>, tensor<1xf32> -> tensor<4x2xf32>
  %y = quern.matmul %d, %w : tensor<4x2xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}

// Beside weights with scales by blocks, the left operand is si8 on all targets.
// CHECK-LABEL: @blocked_weights
// CHECK: quern.quantize %arg0, {{.*}} -> tensor<2x4xsi8>
func.func @blocked_weights(%x: tensor<2x4xf32>) -> tensor<2x3xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %q = quern.quantize %x, %s : tensor<2x4xf32>, tensor<1xf32> -> tensor<2x4xui8>
  %d = quern.dequantize %q, %s : tensor<2x4xui8>, tensor<1xf32> -> tensor<2x4xf32>
  %w = quern.constant(dense<1> : tensor<4x3xui4>) : tensor<4x3xui4>
  %ws = quern.constant(dense<0.5> : tensor<2x3xf32>) : tensor<2x3xf32>
  %wd = quern.dequantize %w, %ws {axis = 0 : i64, block_size = 2 : i64} : tensor<4x3xui4>, tensor<2x3xf32> -> tensor<4x3xf32>
  %y = quern.matmul %d, %wd : tensor<2x4xf32>, tensor<4x3xf32> -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}
