// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --merge-scalars | FileCheck %s

#id = affine_map<() -> ()>
#v = affine_map<(d0) -> (d0)>
#s = affine_map<(d0) -> ()>

// Range, scale, reciprocal: one map; what is no scalar, and what reads something that is only
// computed behind the first, stays.

// CHECK-LABEL: func.func @dynamic
// CHECK: %[[M:.*]]:3 = quern.map ins(%arg0, %arg1 : tensor<f32>, tensor<f32>)
// CHECK-NEXT: ^bb0(%[[LOW:.*]]: f32, %[[HIGH:.*]]: f32):
// CHECK-NEXT: %[[RANGE:.*]] = arith.subf %[[HIGH]], %[[LOW]]
// CHECK-NEXT: %[[SCALE:.*]] = arith.mulf %[[RANGE]], %[[HIGH]]
// CHECK-NEXT: %[[INVERSE:.*]] = arith.divf %[[LOW]], %[[SCALE]]
// CHECK-NEXT: quern.yield %[[RANGE]], %[[SCALE]], %[[INVERSE]]
// CHECK: %[[W:.*]] = quern.map ins(%arg2, %[[M]]#2 : tensor<4xf32>, tensor<f32>)
// CHECK: %[[TOP:.*]] = quern.reduce max %[[W]]
// CHECK: %[[T:.*]] = quern.reshape %[[TOP]]
// CHECK: quern.map ins(%[[M]]#1, %[[T]] :
// CHECK: return %[[M]]#0
func.func @dynamic(%low: tensor<f32>, %high: tensor<f32>, %x: tensor<4xf32>) -> (tensor<f32>, tensor<f32>) {
  %range = quern.map ins(%low, %high : tensor<f32>, tensor<f32>) maps [#id, #id] {
  ^bb0(%l: f32, %h: f32):
    %d = arith.subf %h, %l : f32
    quern.yield %d : f32
  } -> tensor<f32>
  %scale = quern.map ins(%range, %high : tensor<f32>, tensor<f32>) maps [#id, #id] {
  ^bb0(%r: f32, %h: f32):
    %d = arith.mulf %r, %h : f32
    quern.yield %d : f32
  } -> tensor<f32>
  %inverse = quern.map ins(%low, %scale : tensor<f32>, tensor<f32>) maps [#id, #id] {
  ^bb0(%l: f32, %r: f32):
    %d = arith.divf %l, %r : f32
    quern.yield %d : f32
  } -> tensor<f32>
  %w = quern.map ins(%x, %inverse : tensor<4xf32>, tensor<f32>) maps [#v, #s] {
  ^bb0(%e: f32, %r: f32):
    %d = arith.mulf %e, %r : f32
    quern.yield %d : f32
  } -> tensor<4xf32>
  %top = quern.reduce max %w axes [0] : tensor<4xf32> -> tensor<1xf32>
  %t = quern.reshape %top : tensor<1xf32> -> tensor<f32>
  %late = quern.map ins(%scale, %t : tensor<f32>, tensor<f32>) maps [#id, #id] {
  ^bb0(%r: f32, %h: f32):
    %d = arith.mulf %r, %h : f32
    quern.yield %d : f32
  } -> tensor<f32>
  return %range, %late : tensor<f32>, tensor<f32>
}
