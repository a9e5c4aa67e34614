// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt %s --mlir-print-op-generic | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @unary
// CHECK: quern.unary gelu_tanh %{{.*}} : tensor<4xf32> -> tensor<4xf32>
// CHECK: quern.unary leaky_relu %{{.*}} {alpha = 1.000000e-01 : f32} : tensor<4xf32> -> tensor<4xf32>
// CHECK: quern.unary hard_sigmoid %{{.*}} {alpha = 2.000000e-01 : f32, beta = 5.000000e-01 : f32} : tensor<4xf32> -> tensor<4xf32>
// CHECK: quern.unary not %{{.*}} : tensor<4xi1> -> tensor<4xi1>
// CHECK: quern.unary abs %{{.*}} : tensor<4xsi64> -> tensor<4xsi64>
func.func @unary(%x: tensor<4xf32>, %b: tensor<4xi1>, %i: tensor<4xsi64>) {
  %0 = quern.unary gelu_tanh %x : tensor<4xf32> -> tensor<4xf32>
  %1 = quern.unary leaky_relu %x {alpha = 0.1 : f32} : tensor<4xf32> -> tensor<4xf32>
  %2 = quern.unary hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : tensor<4xf32> -> tensor<4xf32>
  %3 = quern.unary not %b : tensor<4xi1> -> tensor<4xi1>
  %4 = quern.unary abs %i : tensor<4xsi64> -> tensor<4xsi64>
  return
}

// Every function by its name.
// CHECK-LABEL: func.func @kinds
// CHECK-NEXT: quern.unary abs 
// CHECK-NEXT: quern.unary neg 
// CHECK-NEXT: quern.unary relu 
// CHECK-NEXT: quern.unary exp 
// CHECK-NEXT: quern.unary log 
// CHECK-NEXT: quern.unary sqrt 
// CHECK-NEXT: quern.unary reciprocal 
// CHECK-NEXT: quern.unary erf 
// CHECK-NEXT: quern.unary tanh 
// CHECK-NEXT: quern.unary sigmoid 
// CHECK-NEXT: quern.unary gelu 
// CHECK-NEXT: quern.unary gelu_tanh 
// CHECK-NEXT: quern.unary silu 
// CHECK-NEXT: quern.unary hard_sigmoid 
// CHECK-NEXT: quern.unary hard_swish 
// CHECK-NEXT: quern.unary softplus 
// CHECK-NEXT: quern.unary floor 
// CHECK-NEXT: quern.unary ceil 
// CHECK-NEXT: quern.unary round 
// CHECK-NEXT: quern.unary sign 
// CHECK-NEXT: quern.unary elu 
// CHECK-NEXT: quern.unary leaky_relu 
func.func @kinds(%x: tensor<4xf32>) {
  %abs = quern.unary abs %x : tensor<4xf32> -> tensor<4xf32>
  %neg = quern.unary neg %x : tensor<4xf32> -> tensor<4xf32>
  %relu = quern.unary relu %x : tensor<4xf32> -> tensor<4xf32>
  %exp = quern.unary exp %x : tensor<4xf32> -> tensor<4xf32>
  %log = quern.unary log %x : tensor<4xf32> -> tensor<4xf32>
  %sqrt = quern.unary sqrt %x : tensor<4xf32> -> tensor<4xf32>
  %reciprocal = quern.unary reciprocal %x : tensor<4xf32> -> tensor<4xf32>
  %erf = quern.unary erf %x : tensor<4xf32> -> tensor<4xf32>
  %tanh = quern.unary tanh %x : tensor<4xf32> -> tensor<4xf32>
  %sigmoid = quern.unary sigmoid %x : tensor<4xf32> -> tensor<4xf32>
  %gelu = quern.unary gelu %x : tensor<4xf32> -> tensor<4xf32>
  %gelu_tanh = quern.unary gelu_tanh %x : tensor<4xf32> -> tensor<4xf32>
  %silu = quern.unary silu %x : tensor<4xf32> -> tensor<4xf32>
  %hard_sigmoid = quern.unary hard_sigmoid %x : tensor<4xf32> -> tensor<4xf32>
  %hard_swish = quern.unary hard_swish %x : tensor<4xf32> -> tensor<4xf32>
  %softplus = quern.unary softplus %x : tensor<4xf32> -> tensor<4xf32>
  %floor = quern.unary floor %x : tensor<4xf32> -> tensor<4xf32>
  %ceil = quern.unary ceil %x : tensor<4xf32> -> tensor<4xf32>
  %round = quern.unary round %x : tensor<4xf32> -> tensor<4xf32>
  %sign = quern.unary sign %x : tensor<4xf32> -> tensor<4xf32>
  %elu = quern.unary elu %x : tensor<4xf32> -> tensor<4xf32>
  %leaky_relu = quern.unary leaky_relu %x : tensor<4xf32> -> tensor<4xf32>
  return
}

// CHECK-LABEL: func.func @binary
// CHECK-NEXT: quern.binary add %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary sub %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary mul %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary div %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary max %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary min %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary pow %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary prelu %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary mod %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
// CHECK-NEXT: quern.binary equal %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
// CHECK-NEXT: quern.binary less %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
// CHECK-NEXT: quern.binary less_equal %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
// CHECK-NEXT: quern.binary greater %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
// CHECK-NEXT: quern.binary greater_equal %{{.*}}, %{{.*}} : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
// CHECK-NEXT: quern.binary and %{{.*}}, %{{.*}} : tensor<3xi1>, tensor<3xi1> -> tensor<3xi1>
// CHECK-NEXT: quern.binary or %{{.*}}, %{{.*}} : tensor<3xi1>, tensor<3xi1> -> tensor<3xi1>
func.func @binary(%x: tensor<2x1xf32>, %y: tensor<3xf32>, %b: tensor<3xi1>) {
  %add = quern.binary add %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %sub = quern.binary sub %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %mul = quern.binary mul %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %div = quern.binary div %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %max = quern.binary max %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %min = quern.binary min %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %pow = quern.binary pow %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %prelu = quern.binary prelu %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %mod = quern.binary mod %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xf32>
  %equal = quern.binary equal %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
  %less = quern.binary less %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
  %less_equal = quern.binary less_equal %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
  %greater = quern.binary greater %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
  %greater_equal = quern.binary greater_equal %x, %y : tensor<2x1xf32>, tensor<3xf32> -> tensor<2x3xi1>
  %and = quern.binary and %b, %b : tensor<3xi1>, tensor<3xi1> -> tensor<3xi1>
  %or = quern.binary or %b, %b : tensor<3xi1>, tensor<3xi1> -> tensor<3xi1>
  return
}

// CHECK-LABEL: func.func @others
// CHECK: quern.clamp %{{.*}} to 0.000000e+00, 0x7F800000 : tensor<2x3xf32>
// CHECK: quern.select %{{.*}}, %{{.*}}, %{{.*}} : tensor<3xi1>, tensor<2x3xf32>, tensor<f32> -> tensor<2x3xf32>
// CHECK: quern.cast %{{.*}} : tensor<2x3xf32> -> tensor<2x3xsi64>
// CHECK: quern.table %{{.*}}, %{{.*}} : tensor<5xsi8>, tensor<256xui8> -> tensor<5xui8>
func.func @others(%x: tensor<2x3xf32>, %c: tensor<3xi1>, %f: tensor<f32>, %q: tensor<5xsi8>,
                  %t: tensor<256xui8>) {
  %0 = quern.clamp %x to 0.0, 0x7F800000 : tensor<2x3xf32>
  %1 = quern.select %c, %x, %f : tensor<3xi1>, tensor<2x3xf32>, tensor<f32> -> tensor<2x3xf32>
  %2 = quern.cast %x : tensor<2x3xf32> -> tensor<2x3xsi64>
  %3 = quern.table %q, %t : tensor<5xsi8>, tensor<256xui8> -> tensor<5xui8>
  return
}

// CHECK-LABEL: func.func @map
// CHECK: quern.map ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<2x8x4xsi32>, tensor<4xf32>, tensor<8x2xi1>) maps [#{{.*}}, #{{.*}}, #{{.*}}] {
// CHECK-NEXT: ^bb0(%{{.*}}: i32, %{{.*}}: f32, %{{.*}}: i32):
// CHECK: quern.to_code %{{.*}} zero_point 3 range[0, 255] bounded
// CHECK: quern.to_code %{{.*}} zero_point %{{.*}} + -7 range[-128, 127]
// CHECK: quern.yield %{{.*}}, %{{.*}} : i32, f32
// CHECK: {site = "y"} -> tensor<2x4x4xui8>, tensor<2x4x4xf32>
func.func @map(%a: tensor<2x8x4xsi32>, %m: tensor<4xf32>, %b: tensor<8x2xi1>) {
  %0:2 = quern.map ins(%a, %m, %b : tensor<2x8x4xsi32>, tensor<4xf32>, tensor<8x2xi1>)
      maps [affine_map<(d0, d1, d2) -> (d0, d1 * 2 + 1, d2)>, affine_map<(d0, d1, d2) -> (d2)>,
            affine_map<(d0, d1, d2) -> (-d1 + 7, 0)>] {
  ^bb0(%x: i32, %s: f32, %z: i32):
    %f = arith.sitofp %x : i32 to f32
    %p = arith.mulf %f, %s : f32
    %c = quern.to_code %p zero_point 3 range [0, 255] bounded
    %d = quern.to_code %p zero_point %z + -7 range [-128, 127]
    %g = arith.sitofp %d : i32 to f32
    quern.yield %c, %g : i32, f32
  } {site = "y"} -> tensor<2x4x4xui8>, tensor<2x4x4xf32>
  return
}

// A map without inputs, and one over no dimensions.
// CHECK-LABEL: func.func @fill
// CHECK: quern.map ins() maps [] {
// CHECK: quern.map ins(%{{.*}} : tensor<f32>) maps [#{{.*}}] {
func.func @fill(%x: tensor<f32>) {
  %0 = quern.map ins() maps [] {
    %c = arith.constant 1.0 : f32
    quern.yield %c : f32
  } -> tensor<4xf32>
  %1 = quern.map ins(%x : tensor<f32>) maps [affine_map<() -> ()>] {
  ^bb0(%v: f32):
    quern.yield %v : f32
  } -> tensor<f32>
  return
}
