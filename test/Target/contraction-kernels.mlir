// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What stands behind the products in contractions' kernels; the unit tests of kernels run them.

// RUN: %quern_opt %s -split-input-file -verify-diagnostics --emit-kernels=target=x86-vnni | FileCheck %s

#id2 = affine_map<(d0, d1) -> (d0, d1)>
#first = affine_map<(d0, d1) -> (0)>

// A code that becomes a float again is rounded as one: clamped between what the zero points make of
// the code's range, once for the kernel, and without an integer in between.
// CHECK-LABEL: func.func @matmul_0
// CHECK-DAG: %[[MAGIC:.*]] = arith.constant dense<0x4B400000> : vector<16xf32>
// CHECK-DAG: %[[ZERO:.*]] = memref.load %arg2
// CHECK-DAG: %[[BACK:.*]] = arith.sitofp %{{.*}} : i32 to f32
// CHECK-DAG: %[[LEAST:.*]] = arith.sitofp %{{.*}} : i32 to f32
// CHECK-DAG: %[[MOST:.*]] = arith.addf %[[LEAST]]
// CHECK: scf.for
// CHECK: %[[X:.*]] = arith.mulf %{{.*}} : vector<16xf32>
// CHECK: vector.broadcast
// CHECK: arith.cmpf ogt, %[[X]]
// CHECK: vector.broadcast %[[MOST]]
// CHECK: arith.cmpf olt
// CHECK: %[[S:.*]] = arith.addf %{{.*}} : vector<16xf32>
// CHECK: %[[R:.*]] = arith.subf %[[S]]
// CHECK: vector.store %[[R]]
// CHECK-NOT: llvm.intr.lrint
func.func @main(%x: tensor<2x4xui8>, %w: tensor<4x16xsi8, #quern.packed<"vnni", 16, 4, 64>>, %z: tensor<1xsi32>, %s: tensor<1xf32>) -> tensor<2x16xf32> {
  %r = quern.dispatch ins(%x, %w, %z, %s : tensor<2x4xui8>, tensor<4x16xsi8, #quern.packed<"vnni", 16, 4, 64>>, tensor<1xsi32>, tensor<1xf32>) tile {block = 1 : i64, rows = 2 : i64, split_columns = 0 : i64, vectors = 1 : i64} {
  ^bb0(%a: tensor<2x4xui8>, %b: tensor<4x16xsi8, #quern.packed<"vnni", 16, 4, 64>>, %c: tensor<1xsi32>, %d: tensor<1xf32>):
    %p = quern.matmul %a, %b : tensor<2x4xui8>, tensor<4x16xsi8, #quern.packed<"vnni", 16, 4, 64>> -> tensor<2x16xsi32>
    %y = quern.map ins(%p, %c, %d : tensor<2x16xsi32>, tensor<1xsi32>, tensor<1xf32>) maps [#id2, #first, #first] {
    ^bb0(%i: i32, %zero: i32, %scale: f32):
      %f = arith.sitofp %i : i32 to f32
      %m = arith.mulf %f, %scale : f32
      %code = quern.to_code %m zero_point %zero + 0 range[0, 255]
      %back = arith.subi %code, %zero : i32
      %g = arith.sitofp %back : i32 to f32
      quern.yield %g : f32
    } -> tensor<2x16xf32>
    quern.return %y : tensor<2x16xf32>
  } -> tensor<2x16xf32>
  return %r : tensor<2x16xf32>
}
