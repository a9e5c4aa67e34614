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

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

// The codes go through a table on their way to memory.
// CHECK-LABEL: func.func @matmul_table_0
// CHECK: llvm.x86.avx512.packuswb.512
// CHECK-COUNT-2: llvm.x86.avx512.vpermi2var.qi.512
// CHECK: arith.select {{.*}} : vector<64xi1>, vector<64xi8>
// CHECK: vector.store
func.func @main(%x: tensor<1x4xui8>, %w: tensor<4x64xsi8, #quern.packed<"vnni", 64, 4, 256>>, %t: tensor<256xui8>) -> tensor<1x64xui8> {
  %r = quern.dispatch ins(%x, %w, %t : tensor<1x4xui8>, tensor<4x64xsi8, #quern.packed<"vnni", 64, 4, 256>>, tensor<256xui8>) tile {block = 1 : i64, rows = 1 : i64, split_columns = 0 : i64, vectors = 4 : i64} {
  ^bb0(%a: tensor<1x4xui8>, %b: tensor<4x64xsi8, #quern.packed<"vnni", 64, 4, 256>>, %c: tensor<256xui8>):
    %p = quern.matmul %a, %b : tensor<1x4xui8>, tensor<4x64xsi8, #quern.packed<"vnni", 64, 4, 256>> -> tensor<1x64xsi32>
    %y = quern.map ins(%p : tensor<1x64xsi32>) maps [#id2] {
    ^bb0(%i: i32):
      %f = arith.sitofp %i : i32 to f32
      %code = quern.to_code %f zero_point 0 range[0, 255]
      quern.yield %code : i32
    } -> tensor<1x64xui8>
    %l = quern.table %y, %c : tensor<1x64xui8>, tensor<256xui8> -> tensor<1x64xui8>
    quern.return %l : tensor<1x64xui8>
  } -> tensor<1x64xui8>
  return %r : tensor<1x64xui8>
}

// -----

// A softmax of the products: the sums of two rows are kept on the stack, then go through its steps.
// 2 x 32 sums, as many scores and two scalars for each row.
// CHECK-LABEL: func.func @matmul_softmax_0
// CHECK-SAME: quern.stack_bytes = 528
// CHECK-DAG: memref.alloca() {{.*}} : memref<64xf32>
// CHECK: scf.for %{{.*}} = %arg3 to %arg4
// CHECK: math.fma {{.*}} : vector<16xf32>
// CHECK: vector.store %{{.*}} : memref<64xf32>, vector<16xf32>
// CHECK: scf.for
// CHECK: arith.divf
// CHECK: scf.for
// CHECK: vector.store %{{.*}}, %arg2
func.func @main(%x: tensor<3x4x4xf32>, %w: tensor<3x4x32xf32, #quern.packed<"f32", 32, 1, 1536>>) -> tensor<3x4x32xf32> {
  %r = quern.dispatch ins(%x, %w : tensor<3x4x4xf32>, tensor<3x4x32xf32, #quern.packed<"f32", 32, 1, 1536>>) tile {block = 1 : i64, rows = 2 : i64, split_columns = 0 : i64, vectors = 2 : i64} {
  ^bb0(%a: tensor<3x4x4xf32>, %b: tensor<3x4x32xf32, #quern.packed<"f32", 32, 1, 1536>>):
    %p = quern.matmul %a, %b : tensor<3x4x4xf32>, tensor<3x4x32xf32, #quern.packed<"f32", 32, 1, 1536>> -> tensor<3x4x32xf32>
    %y = quern.softmax %p : tensor<3x4x32xf32>
    quern.return %y : tensor<3x4x32xf32>
  } -> tensor<3x4x32xf32>
  return %r : tensor<3x4x32xf32>
}

// -----

func.func @main(%x: tensor<3x4xf32>, %w: tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>>) -> tensor<3x32xf32> {
  // expected-error @+1 {{expected a tile whose units are rows, for a softmax follows}}
  %r = quern.dispatch ins(%x, %w : tensor<3x4xf32>, tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>>) tile {block = 1 : i64, rows = 2 : i64, split_columns = 1 : i64, vectors = 2 : i64} {
  ^bb0(%a: tensor<3x4xf32>, %b: tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>>):
    %p = quern.matmul %a, %b : tensor<3x4xf32>, tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>> -> tensor<3x32xf32>
    %y = quern.softmax %p : tensor<3x32xf32>
    quern.return %y : tensor<3x32xf32>
  } -> tensor<3x32xf32>
  return %r : tensor<3x32xf32>
}

// -----

#id2 = affine_map<(d0, d1) -> (d0, d1)>

func.func @main(%x: tensor<3x4xf32>, %w: tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>>) -> tensor<3x32xf32> {
  // expected-error @+1 {{no kernel for 'quern.matmul' with 'quern.softmax' behind it on x86-vnni}}
  %r = quern.dispatch ins(%x, %w : tensor<3x4xf32>, tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>>) tile {block = 1 : i64, rows = 2 : i64, split_columns = 0 : i64, vectors = 2 : i64} {
  ^bb0(%a: tensor<3x4xf32>, %b: tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>>):
    %p = quern.matmul %a, %b : tensor<3x4xf32>, tensor<4x32xf32, #quern.packed<"f32", 32, 1, 512>> -> tensor<3x32xf32>
    %y = quern.softmax %p {log} : tensor<3x32xf32>
    quern.return %y : tensor<3x32xf32>
  } -> tensor<3x32xf32>
  return %r : tensor<3x32xf32>
}
