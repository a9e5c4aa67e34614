// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What kernels for NVIDIA GPUs are made of; test/gpu runs them.

// RUN: %quern_opt %s -split-input-file -verify-diagnostics --emit-kernels=target=cuda-sm_89 | FileCheck %s

// Codes by packed weights: shared memory for three stages, copies that are waited for before the barrier and
// started behind it, fragments of the weights, then for each 16 rows those of the left operand and the products
// of both halves of the step; the sums through shared memory. Tiles of 64 x 64: 100 pixels and 40 channels are two blocks of two warps.
// CHECK: llvm.mlir.global internal @shared_matmul_0() {addr_space = 3 : i32, alignment = 128 : i64} : !llvm.array<24576 x i8>
// CHECK-LABEL: func.func @matmul_0
// CHECK-SAME: memref<9600xi8, 1>
// CHECK-SAME: quern.gpu_block = 64 : i64, quern.gpu_grid = array<i64: 2, 1>
// CHECK-COUNT-2: "llvm.nvvm.cp.async.commit.group"
// CHECK: scf.for
// CHECK: "llvm.nvvm.cp.async.wait.group"
// CHECK-NEXT: "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK: "llvm.nvvm.cp.async.cg.shared.global.16.s"
// CHECK: "llvm.nvvm.cp.async.commit.group"
// CHECK-COUNT-5: "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16"
// CHECK-COUNT-4: "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK: "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16"
// CHECK-COUNT-28: "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"
// CHECK: scf.yield
// CHECK: "llvm.nvvm.cp.async.wait.group"
// CHECK-NEXT: "llvm.nvvm.barrier.cta.sync.aligned.all"
// CHECK: "llvm.nvvm.bar.warp.sync"
// CHECK: llvm.store
// CHECK: "llvm.nvvm.bar.warp.sync"
// CHECK: llvm.load
func.func @main(%x: tensor<100x96xui8>, %w: tensor<96x40xsi8, #quern.packed<"mma", 128, 64, 16384>>) -> tensor<100x40xsi32> {
  %r = quern.dispatch ins(%x, %w : tensor<100x96xui8>, tensor<96x40xsi8, #quern.packed<"mma", 128, 64, 16384>>) tile {warp_columns = 2 : i64, warp_rows = 1 : i64} {
  ^bb0(%a: tensor<100x96xui8>, %b: tensor<96x40xsi8, #quern.packed<"mma", 128, 64, 16384>>):
    %p = quern.matmul %a, %b : tensor<100x96xui8>, tensor<96x40xsi8, #quern.packed<"mma", 128, 64, 16384>> -> tensor<100x40xsi32>
    quern.return %p : tensor<100x40xsi32>
  } -> tensor<100x40xsi32>
  return %r : tensor<100x40xsi32>
}

// -----

// 8-bit floats: a step's sums start from zero and are added in f32. Rows of 40 bytes are copied by 8.
// CHECK-LABEL: func.func @matmul_0
// CHECK: "llvm.nvvm.cp.async.ca.shared.global.8.s"
// CHECK: scf.for
// CHECK-COUNT-8: "llvm.nvvm.mma.m16n8k32.row.col.f32.e4m3.e5m2.f32"
// CHECK-COUNT-16: arith.addf
// CHECK-COUNT-24: "llvm.nvvm.mma.m16n8k32.row.col.f32.e4m3.e5m2.f32"
// CHECK: scf.yield
func.func @main(%x: tensor<100x40xf8E4M3FN>, %w: tensor<40x40xf8E5M2, #quern.packed<"mma", 128, 64, 8192>>) -> tensor<100x40xf32> {
  %r = quern.dispatch ins(%x, %w : tensor<100x40xf8E4M3FN>, tensor<40x40xf8E5M2, #quern.packed<"mma", 128, 64, 8192>>) tile {warp_columns = 2 : i64, warp_rows = 1 : i64} {
  ^bb0(%a: tensor<100x40xf8E4M3FN>, %b: tensor<40x40xf8E5M2, #quern.packed<"mma", 128, 64, 8192>>):
    %p = quern.matmul %a, %b : tensor<100x40xf8E4M3FN>, tensor<40x40xf8E5M2, #quern.packed<"mma", 128, 64, 8192>> -> tensor<100x40xf32>
    quern.return %p : tensor<100x40xf32>
  } -> tensor<100x40xf32>
  return %r : tensor<100x40xf32>
}

// -----

// Other kernels are those of a CPU; a thread takes the units of its number in the grid, here an element each.
// CHECK-LABEL: func.func @matmul_0
// CHECK-SAME: quern.gpu_block = 128 : i64, quern.gpu_grid = array<i64: 32, 1>
// CHECK: %[[THREAD:.*]] = arith.addi %{{.*}}, %{{.*}} : index
// CHECK: scf.for %{{.*}} = %{{.*}} to %arg4 step %{{.*}} {
// CHECK: math.fma
func.func @main(%x: tensor<100x96xf32>, %w: tensor<96x40xf32>) -> tensor<100x40xf32> {
  %r = quern.dispatch ins(%x, %w : tensor<100x96xf32>, tensor<96x40xf32>) {
  ^bb0(%a: tensor<100x96xf32>, %b: tensor<96x40xf32>):
    %p = quern.matmul %a, %b : tensor<100x96xf32>, tensor<96x40xf32> -> tensor<100x40xf32>
    quern.return %p : tensor<100x40xf32>
  } -> tensor<100x40xf32>
  return %r : tensor<100x40xf32>
}

// -----

// A row for half a warp: lanes in strides of 16, then four exchanges.
// CHECK-LABEL: func.func @softmax_0
// CHECK-SAME: quern.gpu_block = 128 : i64, quern.gpu_grid = array<i64: 1, 1>
// CHECK-NOT: memref.alloca
// CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %{{.*}} {
// CHECK: scf.for {{.*}} step %c16 iter_args
// CHECK-COUNT-4: "llvm.nvvm.shfl.sync.bfly.f32"
// CHECK: scf.for {{.*}} step %c16 iter_args
// CHECK-COUNT-4: "llvm.nvvm.shfl.sync.bfly.f32"
// CHECK: scf.if
func.func @main(%x: tensor<5x37xf32>) -> tensor<5x37xf32> {
  %r = quern.dispatch ins(%x : tensor<5x37xf32>) {
  ^bb0(%a: tensor<5x37xf32>):
    %p = quern.softmax %a : tensor<5x37xf32>
    quern.return %p : tensor<5x37xf32>
  } -> tensor<5x37xf32>
  return %r : tensor<5x37xf32>
}
