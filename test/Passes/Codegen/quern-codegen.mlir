// RUN: %quern_opt %s --quern-codegen=target=fake | FileCheck %s

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#c4 = affine_map<(d0, d1, d2, d3) -> (d3)>

// The whole stage: quantize, a padded convolution with its epilogue, a global sum.

// CHECK: module attributes {quern.arena_bytes = 832 : i64}
// CHECK-LABEL: func.func @main
// CHECK: quern.constant({{.*}}, 576>) : tensor<5x3x3x4xsi8, #quern.packed<"fake", 16, 4, 576>>
// CHECK: quern.dispatch ins(%arg0, %{{.*}} : tensor<1x8x8x4xf32>, tensor<1xsi32>) fill 7 : i32
// CHECK: quern.offsets = array<i64: 0>{{.*}} -> tensor<1x8x8x4xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: quern.dispatch ins({{.*}}) tile {m = 6 : i64, n = 16 : i64}
// CHECK: quern.conv
// CHECK: quern.map
// CHECK: quern.units = 64 : i64} -> tensor<1x8x8x5xui8>
// CHECK: quern.dispatch
// CHECK: quern.reduce sum
// CHECK: quern.offsets = array<i64: -1>
// CHECK: quern.reshape
// CHECK-NEXT: return
func.func @main(%x: tensor<1x8x8x4xf32>) -> tensor<1x5xsi32> {
  %w = quern.constant(dense<1> : tensor<5x3x3x4xsi8>) : tensor<5x3x3x4xsi8>
  %z = quern.constant(dense<7> : tensor<1xui8>) : tensor<1xui8>
  %m = quern.constant(dense<[0.5, 0.25, 0.125, 1.0, 2.0]> : tensor<5xf32>) : tensor<5xf32>
  %q = quern.map ins(%x : tensor<1x8x8x4xf32>) maps [#id4] {
  ^bb0(%f: f32):
    %c = quern.to_code %f zero_point 7 range [0, 255]
    quern.yield %c : i32
  } -> tensor<1x8x8x4xui8>
  %a = quern.conv %q, %w pad %z strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : tensor<1x8x8x4xui8>, tensor<5x3x3x4xsi8> pad tensor<1xui8> -> tensor<1x8x8x5xsi32>
  %r = quern.map ins(%a, %m : tensor<1x8x8x5xsi32>, tensor<5xf32>) maps [#id4, #c4] {
  ^bb0(%i: i32, %s: f32):
    %f = arith.sitofp %i : i32 to f32
    %p = arith.mulf %f, %s : f32
    %c = quern.to_code %p zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<1x8x8x5xui8>
  %s = quern.reduce sum %r axes [1, 2] : tensor<1x8x8x5xui8> -> tensor<1x1x1x5xsi32>
  %y = quern.reshape %s : tensor<1x1x1x5xsi32> -> tensor<1x5xsi32>
  return %y : tensor<1x5xsi32>
}
