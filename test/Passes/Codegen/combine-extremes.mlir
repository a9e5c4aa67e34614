// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --combine-extremes=target=fake | FileCheck %s

// Each unit of the product finds its own extremes; a second dispatch combines them for the readers.

// CHECK-LABEL: func.func @main
// CHECK: %[[D:.*]]:2 = quern.dispatch
// CHECK: %[[Y:.*]] = quern.matmul
// CHECK: %[[H:.*]] = quern.reduce max %[[Y]] axes [0, 1] : tensor<8x16xf32> -> tensor<1x1xf32, #quern.packed<"parts", 16, [[UNITS:[0-9]+]], {{[0-9]+}}>>
// CHECK: quern.return %[[Y]], %[[H]]
// CHECK: %[[ONE:.*]] = quern.dispatch ins(%[[D]]#1 : tensor<1x1xf32, #quern.packed<"parts", 16, [[UNITS]], {{[0-9]+}}>>)
// CHECK: quern.reduce max %{{.*}} axes [0, 1] : tensor<1x1xf32, #quern.packed<{{.*}}>> -> tensor<1x1xf32>
// CHECK: combines what the units of the dispatch before found
// CHECK: quern.dispatch ins(%[[ONE]] : tensor<1x1xf32>)
#id = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<8x4xf32>, %w: tensor<4x16xf32>) -> (tensor<8x16xf32>, tensor<1x1xf32>) {
  %y, %h = quern.dispatch ins(%x, %w : tensor<8x4xf32>, tensor<4x16xf32>) {
  ^bb0(%a: tensor<8x4xf32>, %b: tensor<4x16xf32>):
    %c = quern.matmul %a, %b : tensor<8x4xf32>, tensor<4x16xf32> -> tensor<8x16xf32>
    %m = quern.reduce max %c axes [0, 1] : tensor<8x16xf32> -> tensor<1x1xf32>
    quern.return %c, %m : tensor<8x16xf32>, tensor<1x1xf32>
  } -> tensor<8x16xf32>, tensor<1x1xf32>
  %n = quern.dispatch ins(%h : tensor<1x1xf32>) {
  ^bb0(%a: tensor<1x1xf32>):
    %c = quern.map ins(%a : tensor<1x1xf32>) maps [#id] {
    ^bb0(%v: f32):
      %d = arith.addf %v, %v : f32
      quern.yield %d : f32
    } -> tensor<1x1xf32>
    quern.return %c : tensor<1x1xf32>
  } -> tensor<1x1xf32>
  return %y, %n : tensor<8x16xf32>, tensor<1x1xf32>
}

// A reduction that is the dispatch's own work stays as it is.
// CHECK-LABEL: func.func @alone
// CHECK-NOT: quern.packed
func.func @alone(%x: tensor<8x4xf32>) -> tensor<1x1xf32> {
  %h = quern.dispatch ins(%x : tensor<8x4xf32>) {
  ^bb0(%a: tensor<8x4xf32>):
    %m = quern.reduce max %a axes [0, 1] : tensor<8x4xf32> -> tensor<1x1xf32>
    quern.return %m : tensor<1x1xf32>
  } -> tensor<1x1xf32>
  return %h : tensor<1x1xf32>
}
