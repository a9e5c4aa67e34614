// RUN: %quern_opt %s --split-input-file --form-dispatches | FileCheck %s

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#c4 = affine_map<(d0, d1, d2, d3) -> (d3)>

// A residual addition joins the later of the two convolutions; the earlier one is on its own.

// CHECK-LABEL: func.func @residual
// CHECK: %[[A:.*]] = quern.dispatch ins(%arg0, %{{.*}}) {
// CHECK: quern.conv
// CHECK-NEXT: quern.map
// CHECK-NEXT: ^bb0
// CHECK: -> tensor<1x4x4x8xui8>
// CHECK: %[[B:.*]] = quern.dispatch ins(%arg0, %{{.*}}, %[[A]]
// CHECK: quern.conv
// CHECK: quern.map ins(%{{.*}}, %arg{{[0-9]+}} : tensor<1x4x4x8xsi32>, tensor<1x4x4x8xui8>)
// CHECK: quern.return
// CHECK: return %[[B]]
func.func @residual(%x: tensor<1x4x4x8xui8>) -> tensor<1x4x4x8xui8> {
  %w = quern.constant(dense<1> : tensor<8x1x1x8xsi8>) : tensor<8x1x1x8xsi8>
  %m = quern.constant(dense<0.5> : tensor<8xf32>) : tensor<8xf32>
  %dead = quern.constant(dense<0.5> : tensor<8xf32>) : tensor<8xf32>
  %a = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x8xui8>, tensor<8x1x1x8xsi8> -> tensor<1x4x4x8xsi32>
  %q = quern.map ins(%a, %m : tensor<1x4x4x8xsi32>, tensor<8xf32>) maps [#id4, #c4] {
  ^bb0(%i: i32, %s: f32):
    %f = arith.sitofp %i : i32 to f32
    %p = arith.mulf %f, %s : f32
    %c = quern.to_code %p zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<1x4x4x8xui8>
  %b = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x8xui8>, tensor<8x1x1x8xsi8> -> tensor<1x4x4x8xsi32>
  %y = quern.map ins(%b, %q : tensor<1x4x4x8xsi32>, tensor<1x4x4x8xui8>) maps [#id4, #id4] {
  ^bb0(%i: i32, %r: i32):
    %n = arith.addi %i, %r : i32
    %f = arith.sitofp %n : i32 to f32
    %c = quern.to_code %f zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<1x4x4x8xui8>
  return %y : tensor<1x4x4x8xui8>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>
#id3 = affine_map<(d0, d1, d2) -> (d0, d1, d2)>
#c3 = affine_map<(d0, d1, d2) -> (d2)>
#row = affine_map<(d0, d1, d2) -> (d0, d1, 0)>

// The reshape between product and map moves behind the map; sums of the product belong to it.

// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[C:.*]] = affine_map<(d0, d1) -> (d1)>
// CHECK-LABEL: func.func @reshaped
// CHECK: %[[R:.*]] = quern.reshape %arg2 : tensor<2x3x16xui8> -> tensor<6x16xui8>
// CHECK: %[[D:.*]] = quern.dispatch ins(%arg0, %arg1, %{{.*}}, %[[R]]
// CHECK: quern.matmul
// CHECK: quern.map ins({{.*}}) maps [#[[ID]], #[[C]], #[[ID]]]
// CHECK: -> tensor<6x16xui8>
// CHECK: %[[Y:.*]] = quern.reshape %[[D]] : tensor<6x16xui8> -> tensor<2x3x16xui8>
// CHECK: return %[[Y]]
func.func @reshaped(%x: tensor<6x8xui8>, %w: tensor<8x16xsi8>, %r: tensor<2x3x16xui8>) -> tensor<2x3x16xui8> {
  %m = quern.constant(dense<0.5> : tensor<16xf32>) : tensor<16xf32>
  %a = quern.matmul %x, %w : tensor<6x8xui8>, tensor<8x16xsi8> -> tensor<6x16xsi32>
  %v = quern.reshape %a : tensor<6x16xsi32> -> tensor<2x3x16xsi32>
  %y = quern.map ins(%v, %m, %r : tensor<2x3x16xsi32>, tensor<16xf32>, tensor<2x3x16xui8>) maps [#id3, #c3, #id3] {
  ^bb0(%i: i32, %s: f32, %j: i32):
    %n = arith.addi %i, %j : i32
    %f = arith.sitofp %n : i32 to f32
    %p = arith.mulf %f, %s : f32
    %c = quern.to_code %p zero_point 3 range [0, 255]
    quern.yield %c : i32
  } -> tensor<2x3x16xui8>
  return %y : tensor<2x3x16xui8>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// A softmax takes the map before it and the map behind it.

// CHECK-LABEL: func.func @row_op
// CHECK-COUNT-1: quern.dispatch ins(%arg0, %arg1
// CHECK: %[[P:.*]] = quern.map ins(%arg2
// CHECK: %[[S:.*]] = quern.softmax %[[P]]
// CHECK: quern.map ins(%[[S]]
// CHECK: quern.return
// CHECK-NOT: quern.dispatch
func.func @row_op(%x: tensor<6x8xsi32>, %s: tensor<f32>) -> tensor<6x8xui8> {
  %p = quern.map ins(%x, %s : tensor<6x8xsi32>, tensor<f32>) maps [#id2, affine_map<(d0, d1) -> ()>] {
  ^bb0(%i: i32, %k: f32):
    %f = arith.sitofp %i : i32 to f32
    %m = arith.mulf %f, %k : f32
    quern.yield %m : f32
  } -> tensor<6x8xf32>
  %y = quern.softmax %p : tensor<6x8xf32>
  %q = quern.map ins(%y : tensor<6x8xf32>) maps [#id2] {
  ^bb0(%f: f32):
    %c = quern.to_code %f zero_point 0 range [0, 255]
    quern.yield %c : i32
  } -> tensor<6x8xui8>
  return %q : tensor<6x8xui8>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// Layout ops become the affine maps of the maps that read them, or copies. An accumulator that
// is read twice is stored.

// CHECK-DAG: #[[ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[T:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG: #[[S:.*]] = affine_map<(d0, d1) -> (d0, d1 * 2 + 1)>
// CHECK-LABEL: func.func @layouts
// CHECK: quern.dispatch
// CHECK: quern.matmul
// CHECK-NEXT: quern.return
// CHECK: quern.dispatch
// CHECK: maps [#[[ID]]]
// CHECK: quern.reason = "not fused: other ops read the result of its operand's anchor, too"
// CHECK: quern.dispatch
// CHECK: maps [#[[T]]]
// CHECK: quern.dispatch
// CHECK: maps [#[[S]]]
func.func @layouts(%x: tensor<4x8xui8>, %w: tensor<8x4xsi8>) -> (tensor<4x4xui8>, tensor<4x4xsi32>, tensor<4x4xui8>) {
  %a = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x4xsi8> -> tensor<4x4xsi32>
  %q = quern.map ins(%a : tensor<4x4xsi32>) maps [#id2] {
  ^bb0(%i: i32):
    quern.yield %i : i32
  } -> tensor<4x4xui8>
  %t = quern.transpose %a [1, 0] : tensor<4x4xsi32> -> tensor<4x4xsi32>
  %s = quern.slice %x starts [0, 1] steps [1, 2] : tensor<4x8xui8> -> tensor<4x4xui8>
  %u = quern.map ins(%s : tensor<4x4xui8>) maps [#id2] {
  ^bb0(%i: i32):
    quern.yield %i : i32
  } -> tensor<4x4xui8>
  return %q, %t, %u : tensor<4x4xui8>, tensor<4x4xsi32>, tensor<4x4xui8>
}

// -----

// What is returned is a dispatch's own result, once.

// CHECK-LABEL: func.func @copies
// CHECK: %[[A:.*]] = quern.dispatch ins(%arg0
// CHECK: %[[B:.*]] = quern.dispatch ins(%{{.*}} : tensor<2x2xui8>)
// CHECK: return %[[A]], %[[B]]
func.func @copies(%x: tensor<4xui8>) -> (tensor<4xui8>, tensor<2x2xui8>) {
  %y = quern.reshape %x : tensor<4xui8> -> tensor<2x2xui8>
  return %x, %y : tensor<4xui8>, tensor<2x2xui8>
}

// -----

// Heads of a key matrix [S, H, D] become [H, S, D], whose rows are contiguous, not [H, D, S].

// CHECK-DAG: #[[HEADS:.*]] = affine_map<(d0, d1, d2) -> (d1, d0, d2)>
// CHECK-LABEL: func.func @attention
// CHECK: quern.dispatch ins(%arg1
// CHECK: quern.map ins({{.*}}) maps [#[[HEADS]]]
// CHECK: } -> tensor<2x6x8xsi8>
// CHECK: quern.matmul %{{.*}}, %{{.*}} transposed : tensor<2x4x8xui8>, tensor<2x6x8xsi8> -> tensor<2x4x6xsi32>
func.func @attention(%q: tensor<2x4x8xui8>, %k: tensor<6x2x8xsi8>) -> tensor<2x4x6xsi32> {
  %t = quern.transpose %k [1, 2, 0] : tensor<6x2x8xsi8> -> tensor<2x8x6xsi8>
  %y = quern.matmul %q, %t : tensor<2x4x8xui8>, tensor<2x8x6xsi8> -> tensor<2x4x6xsi32>
  return %y : tensor<2x4x6xsi32>
}

// -----

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>

// The map that quantizes an image also brings its channels last; no other tensor is made.

// CHECK-DAG: #[[NHWC:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d3, d1, d2)>
// CHECK-LABEL: func.func @image
// CHECK-COUNT-1: quern.dispatch ins(%arg0
// CHECK: quern.map ins({{.*}}) maps [#[[NHWC]]]
// CHECK: } -> tensor<1x8x8x3xui8>
// CHECK-NOT: quern.dispatch
func.func @image(%x: tensor<1x3x8x8xf32>) -> tensor<1x8x8x3xui8> {
  %q = quern.map ins(%x : tensor<1x3x8x8xf32>) maps [#id4] {
  ^bb0(%f: f32):
    %c = quern.to_code %f zero_point 7 range [0, 255]
    quern.yield %c : i32
  } -> tensor<1x3x8x8xui8>
  %t = quern.transpose %q [0, 2, 3, 1] : tensor<1x3x8x8xui8> -> tensor<1x8x8x3xui8>
  return %t : tensor<1x8x8x3xui8>
}

// -----

#id4 = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2, d3)>
#s4 = affine_map<(d0, d1, d2, d3) -> (0, 0, 0, 0)>

// Extremes of a convolution's result are found where it is computed, whoever else reads it. A
// transposition in between does not matter; sums and other reductions stay apart.

// CHECK-LABEL: func.func @extremes
// CHECK: %[[D:.*]]:3 = quern.dispatch ins(%arg0, %{{.*}}) {
// CHECK: quern.conv
// CHECK: %[[Y:.*]] = quern.map
// CHECK: %[[LOW:.*]] = quern.reduce min %[[Y]] axes [0, 1, 2, 3]
// CHECK: %[[HIGH:.*]] = quern.reduce max %[[Y]] axes [0, 1, 2, 3]
// CHECK: quern.return %[[Y]], %[[LOW]], %[[HIGH]]
// CHECK: quern.dispatch ins(%[[D]]#0 :
// CHECK: quern.reduce sum
// CHECK: quern.dispatch ins(%[[D]]#0, %[[D]]#2, %[[D]]#1 :
func.func @extremes(%x: tensor<1x4x4x8xui8>) -> (tensor<1x4x4x8xf32>, tensor<1x4x4x1xf32>) {
  %w = quern.constant(dense<1> : tensor<8x1x1x8xsi8>) : tensor<8x1x1x8xsi8>
  %a = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x8xui8>, tensor<8x1x1x8xsi8> -> tensor<1x4x4x8xsi32>
  %y = quern.map ins(%a : tensor<1x4x4x8xsi32>) maps [#id4] {
  ^bb0(%i: i32):
    %f = arith.sitofp %i : i32 to f32
    quern.yield %f : f32
  } -> tensor<1x4x4x8xf32>
  %sum = quern.reduce sum %y axes [3] : tensor<1x4x4x8xf32> -> tensor<1x4x4x1xf32>
  %t = quern.transpose %y [0, 3, 1, 2] : tensor<1x4x4x8xf32> -> tensor<1x8x4x4xf32>
  %high = quern.reduce max %y axes [0, 1, 2, 3] : tensor<1x4x4x8xf32> -> tensor<1x1x1x1xf32>
  %low = quern.reduce min %t axes [0, 1, 2, 3] : tensor<1x8x4x4xf32> -> tensor<1x1x1x1xf32>
  %z = quern.map ins(%y, %high, %low : tensor<1x4x4x8xf32>, tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32>) maps [#id4, #s4, #s4] {
  ^bb0(%v: f32, %h: f32, %l: f32):
    %d = arith.subf %h, %l : f32
    %q = arith.divf %v, %d : f32
    quern.yield %q : f32
  } -> tensor<1x4x4x8xf32>
  return %z, %sum : tensor<1x4x4x8xf32>, tensor<1x4x4x1xf32>
}

// -----

// The extremes of what is only moved are those of the source: no copy is made for them.

// CHECK-LABEL: func.func @before_moves
// CHECK: quern.dispatch ins(%arg0 : tensor<1x3x4x5xf32>)
// CHECK: quern.reduce max %{{.*}} axes [0, 1, 2, 3] : tensor<1x3x4x5xf32> -> tensor<1x1x1x1xf32>
// CHECK-NOT: quern.map
// CHECK: return
func.func @before_moves(%x: tensor<1x3x4x5xf32>) -> tensor<1x1x1x1xf32> {
  %t = quern.transpose %x [0, 2, 3, 1] : tensor<1x3x4x5xf32> -> tensor<1x4x5x3xf32>
  %high = quern.reduce max %t axes [0, 1, 2, 3] : tensor<1x4x5x3xf32> -> tensor<1x1x1x1xf32>
  return %high : tensor<1x1x1x1xf32>
}
