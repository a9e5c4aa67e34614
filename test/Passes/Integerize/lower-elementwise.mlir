// RUN: %quern_opt %s --lower-elementwise --verify-integer-form | FileCheck %s

// CHECK-DAG: #[[ROW:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-DAG: #[[COLUMN:.*]] = affine_map<(d0, d1) -> (d0, 0)>

// CHECK-LABEL: @edge
// CHECK: quern.constant(dense<2.000000e+00> : tensor<1xf32>)
// CHECK: arith.mulf
// CHECK: quern.to_code %{{.*}} zero_point 3 range[0, 100]
// CHECK: {site = "x"} -> tensor<2x4xui8>
// CHECK: arith.subi
// CHECK: arith.sitofp
// CHECK: arith.mulf
func.func @edge(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %q = quern.quantize %x, %s, %z {hi = 100 : i64, site = "x"} : tensor<2x4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xui8>
  %d = quern.dequantize %q, %s, %z : tensor<2x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xf32>
  return %d : tensor<2x4xf32>
}

// A scale known at run time is inverted once, its zero point stays an operand.
// CHECK-LABEL: @dynamic
// CHECK: %[[R:.*]] = quern.map ins(%arg1 : tensor<f32>)
// CHECK: arith.divf
// CHECK: quern.map ins(%arg0, %[[R]], %arg2 :
// CHECK: quern.to_code %{{.*}} zero_point %{{.*}} + 0 range[0, 255]
func.func @dynamic(%x: tensor<4xf32>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<4xui8> {
  %q = quern.quantize %x, %s, %z : tensor<4xf32>, tensor<f32>, tensor<ui8> -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// Broadcasting is an affine map; comparisons and selections are maps, too.
// CHECK-LABEL: @broadcast
// CHECK: quern.map ins(%arg0, %arg1 : tensor<2x4xf32>, tensor<4xf32>) maps [{{.*}}, #[[ROW]]]
// CHECK: quern.map ins({{.*}} %arg2 : {{.*}} maps [{{.*}}, #[[COLUMN]]]
func.func @broadcast(%x: tensor<2x4xf32>, %y: tensor<4xf32>, %z: tensor<2x1xf32>) -> tensor<2x4xf32> {
  %c = quern.binary less %x, %y : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xi1>
  %r = quern.select %c, %x, %z : tensor<2x4xi1>, tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
  return %r : tensor<2x4xf32>
}

// Weights that stay float are constants.
// CHECK-LABEL: @blocks
// CHECK: quern.constant(dense<{{.*}}5.000000e-01, 5.000000e-01], [5.000000e-01, 5.000000e-01], [1.000000e+00, 1.000000e+00], [1.000000e+00, 1.000000e+00]]> : tensor<4x2xf32>)
func.func @blocks(%x: tensor<4x4xf32>) -> tensor<4x2xf32> {
  %w = quern.constant(dense<1> : tensor<4x2xsi4>) : tensor<4x2xsi4>
  %ws = quern.constant(dense<[[0.5, 0.5], [1.0, 1.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
  %wf = quern.dequantize %w, %ws {axis = 0 : i64, block_size = 2 : i64} : tensor<4x2xsi4>, tensor<2x2xf32> -> tensor<4x2xf32>
  %y = quern.matmul %x, %wf : tensor<4x4xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// Blocks of run-time codes: the iteration space has one more dimension.
// CHECK-LABEL: @blockedCodes
// CHECK: quern.reshape %arg0 : tensor<2x4xsi8> -> tensor<2x2x2xsi8>
// CHECK: -> tensor<2x2x2xf32>
// CHECK: quern.reshape {{.*}} -> tensor<2x4xf32>
func.func @blockedCodes(%c: tensor<2x4xsi8>, %s: tensor<2x2xf32>) -> tensor<2x4xf32> {
  %x = quern.dequantize %c, %s {axis = 1 : i64, block_size = 2 : i64} : tensor<2x4xsi8>, tensor<2x2xf32> -> tensor<2x4xf32>
  return %x : tensor<2x4xf32>
}

// Contractions read half-precision weights themselves.
// CHECK-LABEL: @half_weights
// CHECK: %[[W:.*]] = quern.constant(dense<{{.*}}> : tensor<4x2xbf16>)
// CHECK-NEXT: quern.matmul %arg0, %[[W]] : tensor<1x4xf32>, tensor<4x2xbf16> -> tensor<1x2xf32>
func.func @half_weights(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
  %w = quern.constant(dense<[[0.5, 1.0], [0.5, 1.0], [0.5, 1.0], [0.5, 1.0]]> : tensor<4x2xbf16>) : tensor<4x2xbf16>
  %wide = quern.cast %w : tensor<4x2xbf16> -> tensor<4x2xf32>
  %y = quern.matmul %x, %wide : tensor<1x4xf32>, tensor<4x2xf32> -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// Weights with scales by blocks of the reduction stay codes; equal zero points are one.
// CHECK-LABEL: @blocked_weights
// CHECK-NOT: quern.dequantize
// CHECK: %[[Z:.*]] = quern.constant(dense<8> : tensor<1xui4>)
// CHECK: quern.matmul %arg0, %{{.*}} blocks 32 scales %{{.*}} zeros %[[Z]] : tensor<1x64xf32>, tensor<64x128xui4> scales tensor<2x128xf32> zeros tensor<1xui4> -> tensor<1x128xf32>
func.func @blocked_weights(%x: tensor<1x64xf32>) -> tensor<1x128xf32> {
  %c = quern.constant(dense<3> : tensor<64x128xui4>) : tensor<64x128xui4>
  %s = quern.constant(dense<0.5> : tensor<2x128xf32>) : tensor<2x128xf32>
  %z = quern.constant(dense<8> : tensor<2x128xui4>) : tensor<2x128xui4>
  %w = quern.dequantize %c, %s, %z {axis = 0 : i64, block_size = 32 : i64} : tensor<64x128xui4>, tensor<2x128xf32>, tensor<2x128xui4> -> tensor<64x128xf32>
  %y = quern.matmul %x, %w : tensor<1x64xf32>, tensor<64x128xf32> -> tensor<1x128xf32>
  return %y : tensor<1x128xf32>
}
