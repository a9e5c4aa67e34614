// RUN: %quern_opt %s --fuse-maps | FileCheck %s
// RUN: %quern_opt %s --fuse-maps=anchors=false | FileCheck %s --check-prefix=TABLES

// CHECK-DAG: #[[T:.*]] = affine_map<(d0, d1) -> (d1, d0)>

#n = affine_map<(d0) -> (d0)>
#0 = affine_map<(d0) -> (0)>
#id = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d1)>

// The dequantize goes into both readers: the float tensor never exists. The rounding stays.
// CHECK-LABEL: @twice
// CHECK: quern.map ins(%arg0, %arg1 : tensor<4xui8>, tensor<1xf32>)
// CHECK: arith.sitofp
// CHECK: quern.to_code
// CHECK: -> tensor<4xui8>
// CHECK: quern.map ins(%arg0, %arg1 : tensor<4xui8>, tensor<1xf32>)
// CHECK: arith.sitofp
// CHECK: arith.negf
// CHECK-NOT: quern.map
// CHECK: return
func.func @twice(%x: tensor<4xui8>, %s: tensor<1xf32>) -> (tensor<4xui8>, tensor<4xf32>) {
  %a = quern.map ins(%x, %s : tensor<4xui8>, tensor<1xf32>) maps [#n, #0] {
  ^bb0(%c: i32, %m: f32):
    %0 = arith.sitofp %c : i32 to f32
    %1 = arith.mulf %0, %m : f32
    quern.yield %1 : f32
  } -> tensor<4xf32>
  %b = quern.map ins(%a : tensor<4xf32>) maps [#n] {
  ^bb0(%c: f32):
    %0 = quern.to_code %c zero_point 0 range [0, 255]
    quern.yield %0 : i32
  } -> tensor<4xui8>
  %d = quern.map ins(%a : tensor<4xf32>) maps [#n] {
  ^bb0(%c: f32):
    %0 = arith.negf %c : f32
    quern.yield %0 : f32
  } -> tensor<4xf32>
  return %b, %d : tensor<4xui8>, tensor<4xf32>
}

// A residual sum becomes the epilogue of the later product; the earlier one keeps its codes.
// CHECK-LABEL: @residual
// CHECK: %[[A:.*]] = quern.matmul
// CHECK: %[[Q:.*]] = quern.map ins(%[[A]]
// CHECK: %[[B:.*]] = quern.matmul
// CHECK: quern.map ins(%[[Q]], %[[B]]
// CHECK-NOT: quern.map
// CHECK: return
// TABLES-LABEL: @residual
// TABLES-COUNT-3: quern.map
func.func @residual(%x: tensor<4x8xui8>, %w: tensor<8x8xsi8>) -> tensor<4x8xui8> {
  %a = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x8xsi8> -> tensor<4x8xsi32>
  %qa = quern.map ins(%a : tensor<4x8xsi32>) maps [#id] {
  ^bb0(%c: i32):
    %0 = arith.sitofp %c : i32 to f32
    %1 = quern.to_code %0 zero_point 0 range [0, 255]
    quern.yield %1 : i32
  } -> tensor<4x8xui8>
  %b = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x8xsi8> -> tensor<4x8xsi32>
  %qb = quern.map ins(%b : tensor<4x8xsi32>) maps [#id] {
  ^bb0(%c: i32):
    %0 = arith.sitofp %c : i32 to f32
    %1 = quern.to_code %0 zero_point 0 range [0, 255]
    quern.yield %1 : i32
  } -> tensor<4x8xui8>
  %s = quern.map ins(%qa, %qb : tensor<4x8xui8>, tensor<4x8xui8>) maps [#id, #id] {
  ^bb0(%c: i32, %d: i32):
    %0 = arith.addi %c, %d : i32
    %1 = arith.sitofp %0 : i32 to f32
    %2 = quern.to_code %1 zero_point 0 range [0, 255]
    quern.yield %2 : i32
  } -> tensor<4x8xui8>
  return %s : tensor<4x8xui8>
}

// Layout ops join the affine maps; a change of sign joins the rounding; what is computed once per
// column stays outside.
// CHECK-LABEL: @layout
// CHECK: %[[R:.*]] = quern.map ins(%arg1 : tensor<4xf32>)
// CHECK: quern.map ins(%arg0, %[[R]] : tensor<4x8xf32>, tensor<4xf32>) maps [#[[T]],
// CHECK: quern.to_code %{{.*}} zero_point -125 range[-128, 127]
// CHECK-NEXT: quern.yield
// CHECK: -> tensor<8x4xsi8>
func.func @layout(%x: tensor<4x8xf32>, %s: tensor<4xf32>) -> tensor<8x4xsi8> {
  %r = quern.map ins(%s : tensor<4xf32>) maps [#n] {
  ^bb0(%c: f32):
    %0 = arith.mulf %c, %c : f32
    quern.yield %0 : f32
  } -> tensor<4xf32>
  %t = quern.transpose %x [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  %q = quern.map ins(%t, %r : tensor<8x4xf32>, tensor<4xf32>) maps [#id, #row] {
  ^bb0(%c: f32, %d: f32):
    %0 = arith.mulf %c, %d : f32
    %1 = quern.to_code %0 zero_point 3 range [0, 255]
    quern.yield %1 : i32
  } -> tensor<8x4xui8>
  %u = quern.map ins(%q : tensor<8x4xui8>) maps [#id] {
  ^bb0(%c: i32):
    %k = arith.constant -128 : i32
    %0 = arith.addi %c, %k : i32
    quern.yield %0 : i32
  } -> tensor<8x4xsi8>
  return %u : tensor<8x4xsi8>
}
