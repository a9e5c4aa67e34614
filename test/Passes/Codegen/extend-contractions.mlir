// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --form-dispatches --extend-contractions=target=fake | FileCheck %s
// RUN: %quern_opt %s --split-input-file --form-dispatches --extend-contractions=target=portable | FileCheck %s --check-prefix=APART

#id2 = affine_map<(d0, d1) -> (d0, d1)>
#id3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#first = affine_map<(d0, d1, d2) -> (0)>

// The scores' softmax and what rounds it join the product, whatever the shape around the rows.

// CHECK-LABEL: func.func @attention
// CHECK: %[[P:.*]] = quern.dispatch ins(%arg0, %arg1, %arg2 :
// CHECK: %[[S:.*]] = quern.matmul
// CHECK: %[[X:.*]] = quern.map ins(%[[S]]
// CHECK: %[[Y:.*]] = quern.softmax %[[X]] : tensor<6x7x9xf32>
// CHECK: %[[C:.*]] = quern.map ins(%[[Y]]
// CHECK: quern.return %[[C]] : tensor<6x7x9xui8>
// CHECK: %[[R:.*]] = quern.reshape %[[P]] : tensor<6x7x9xui8> -> tensor<2x3x7x9xui8>
// CHECK-NOT: quern.dispatch
// CHECK: return %[[R]]
// APART-LABEL: func.func @attention
// APART: quern.dispatch
// APART: quern.dispatch
func.func @attention(%q: tensor<6x7x16xui8>, %k: tensor<6x16x9xsi8>, %s: tensor<1xf32>) -> tensor<2x3x7x9xui8> {
  %a = quern.matmul %q, %k : tensor<6x7x16xui8>, tensor<6x16x9xsi8> -> tensor<6x7x9xsi32>
  %x = quern.map ins(%a, %s : tensor<6x7x9xsi32>, tensor<1xf32>) maps [#id3, #first] {
  ^bb0(%i: i32, %m: f32):
    %f = arith.sitofp %i : i32 to f32
    %p = arith.mulf %f, %m : f32
    quern.yield %p : f32
  } -> tensor<6x7x9xf32>
  %r = quern.reshape %x : tensor<6x7x9xf32> -> tensor<2x3x7x9xf32>
  %y = quern.softmax %r : tensor<2x3x7x9xf32>
  %c = quern.map ins(%y : tensor<2x3x7x9xf32>) maps [affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>] {
  ^bb0(%f: f32):
    %k255 = arith.constant 255.0 : f32
    %p = arith.mulf %f, %k255 : f32
    %t = quern.to_code %p zero_point 0 range [0, 255]
    quern.yield %t : i32
  } -> tensor<2x3x7x9xui8>
  return %c : tensor<2x3x7x9xui8>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// So does a table of the codes that the product's epilogue makes, behind a reshape.

// CHECK-LABEL: func.func @table
// CHECK: %[[D:.*]] = quern.dispatch ins(%arg0, %arg1, %arg2 :
// CHECK: quern.matmul
// CHECK: %[[C:.*]] = quern.map
// CHECK: %[[T:.*]] = quern.table %[[C]], %{{.*}} : tensor<6x16xui8>, tensor<256xui8> -> tensor<6x16xui8>
// CHECK: quern.return %[[T]]
// CHECK-NOT: quern.dispatch
// CHECK: quern.reshape %[[D]]
func.func @table(%x: tensor<6x8xui8>, %w: tensor<8x16xsi8>, %t: tensor<256xui8>) -> tensor<2x3x16xui8> {
  %a = quern.matmul %x, %w : tensor<6x8xui8>, tensor<8x16xsi8> -> tensor<6x16xsi32>
  %q = quern.map ins(%a : tensor<6x16xsi32>) maps [#id2] {
  ^bb0(%i: i32):
    %f = arith.sitofp %i : i32 to f32
    %c = quern.to_code %f zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<6x16xui8>
  %r = quern.reshape %q : tensor<6x16xui8> -> tensor<2x3x16xui8>
  %y = quern.table %r, %t : tensor<2x3x16xui8>, tensor<256xui8> -> tensor<2x3x16xui8>
  return %y : tensor<2x3x16xui8>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// Codes that something else reads are stored; a table behind a product without codes of its own, and
// one with a map behind it, stay apart.

// CHECK-LABEL: func.func @read_twice
// CHECK-COUNT-2: quern.dispatch
// CHECK-LABEL: func.func @map_behind
// CHECK: quern.dispatch
// CHECK-NOT: quern.table
// CHECK: quern.dispatch
// CHECK: quern.table
// CHECK: quern.map
func.func @read_twice(%x: tensor<6x8xui8>, %w: tensor<8x16xsi8>, %t: tensor<256xui8>) -> (tensor<6x16xui8>, tensor<6x16xui8>) {
  %a = quern.matmul %x, %w : tensor<6x8xui8>, tensor<8x16xsi8> -> tensor<6x16xsi32>
  %q = quern.map ins(%a : tensor<6x16xsi32>) maps [#id2] {
  ^bb0(%i: i32):
    %f = arith.sitofp %i : i32 to f32
    %c = quern.to_code %f zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<6x16xui8>
  %y = quern.table %q, %t : tensor<6x16xui8>, tensor<256xui8> -> tensor<6x16xui8>
  return %q, %y : tensor<6x16xui8>, tensor<6x16xui8>
}

func.func @map_behind(%x: tensor<6x8xui8>, %w: tensor<8x16xsi8>, %t: tensor<256xui8>) -> tensor<6x16xf32> {
  %a = quern.matmul %x, %w : tensor<6x8xui8>, tensor<8x16xsi8> -> tensor<6x16xsi32>
  %q = quern.map ins(%a : tensor<6x16xsi32>) maps [#id2] {
  ^bb0(%i: i32):
    %f = arith.sitofp %i : i32 to f32
    %c = quern.to_code %f zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<6x16xui8>
  %y = quern.table %q, %t : tensor<6x16xui8>, tensor<256xui8> -> tensor<6x16xui8>
  %z = quern.map ins(%y : tensor<6x16xui8>) maps [#id2] {
  ^bb0(%i: i32):
    %f = arith.sitofp %i : i32 to f32
    quern.yield %f : f32
  } -> tensor<6x16xf32>
  return %z : tensor<6x16xf32>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// What the kernels of x86-vnni take: attention's rows up to 2048, not a classifier's constant
// weights.

// RUN: %quern_opt %s --split-input-file --form-dispatches --extend-contractions=target=x86-vnni | FileCheck %s --check-prefix=VNNI
// VNNI-LABEL: func.func @classifier
// VNNI-COUNT-2: quern.dispatch
func.func @classifier(%x: tensor<4x8xui8>) -> tensor<4x16xf32> {
  %w = quern.constant(dense<1> : tensor<8x16xsi8>) : tensor<8x16xsi8>
  %a = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x16xsi8> -> tensor<4x16xsi32>
  %f = quern.map ins(%a : tensor<4x16xsi32>) maps [#id2] {
  ^bb0(%i: i32):
    %f = arith.sitofp %i : i32 to f32
    quern.yield %f : f32
  } -> tensor<4x16xf32>
  %y = quern.softmax %f : tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// VNNI-LABEL: func.func @short
// VNNI: quern.matmul
// VNNI-NOT: quern.dispatch
// VNNI: quern.softmax
// VNNI-LABEL: func.func @long
// VNNI: quern.matmul
// VNNI: quern.dispatch
// VNNI: quern.softmax
func.func @short(%x: tensor<4x8xf32>, %w: tensor<8x2048xf32>) -> tensor<4x2048xf32> {
  %a = quern.matmul %x, %w : tensor<4x8xf32>, tensor<8x2048xf32> -> tensor<4x2048xf32>
  %y = quern.softmax %a : tensor<4x2048xf32>
  return %y : tensor<4x2048xf32>
}
func.func @long(%x: tensor<4x8xf32>, %w: tensor<8x2049xf32>) -> tensor<4x2049xf32> {
  %a = quern.matmul %x, %w : tensor<4x8xf32>, tensor<8x2049xf32> -> tensor<4x2049xf32>
  %y = quern.softmax %a : tensor<4x2049xf32>
  return %y : tensor<4x2049xf32>
}
