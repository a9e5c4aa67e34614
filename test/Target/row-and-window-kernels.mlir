// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// What kernels other than contractions and maps are made of; kernels.py runs them.

// RUN: %quern_opt %s -split-input-file -verify-diagnostics --emit-kernels=target=x86-vnni | FileCheck %s --check-prefixes=CHECK,VNNI
// RUN: %quern_opt %s -split-input-file -verify-diagnostics --emit-kernels=target=portable | FileCheck %s --check-prefixes=CHECK,SCALAR

// A maximum of codes is taken on the bytes.
// CHECK-LABEL: func.func @pool_0
// VNNI: arith.maxui {{.*}} : vector<64xi8>
// SCALAR: arith.maxui {{.*}} : i8
func.func @main(%x: tensor<1x8x8x64xui8>) -> tensor<1x4x4x64xui8> {
  %r = quern.dispatch ins(%x : tensor<1x8x8x64xui8>) {
  ^bb0(%a: tensor<1x8x8x64xui8>):
    %p = quern.pool max %a kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0] dilations [1, 1] : tensor<1x8x8x64xui8> -> tensor<1x4x4x64xui8>
    quern.return %p : tensor<1x4x4x64xui8>
  } -> tensor<1x4x4x64xui8>
  return %r : tensor<1x4x4x64xui8>
}

// -----

// Rows are reduced in 16 partial sums on every target, a step at a time for all rows of a block: 48
// elements each, and two scalars that one step leaves for the next.
// CHECK-LABEL: func.func @softmax_0
// CHECK-SAME: quern.stack_bytes = 800
// CHECK: memref.alloca() {alignment = 64 : i64} : memref<192xf32>
// CHECK: scf.for %{{.*}} = %arg2 to %arg3
// CHECK: scf.for
// CHECK: vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
// CHECK: scf.for
// CHECK: vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
// CHECK: arith.divf
// CHECK: scf.for
// CHECK: arith.mulf
func.func @main(%x: tensor<4x40xf32>) -> tensor<4x40xf32> {
  %r = quern.dispatch ins(%x : tensor<4x40xf32>) {
  ^bb0(%a: tensor<4x40xf32>):
    %p = quern.softmax %a : tensor<4x40xf32>
    quern.return %p : tensor<4x40xf32>
  } -> tensor<4x40xf32>
  return %r : tensor<4x40xf32>
}

// -----

// 64 codes at a time through a table in four registers.
// CHECK-LABEL: func.func @table_0
// VNNI-COUNT-2: llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// VNNI: arith.select {{.*}} : vector<64xi1>, vector<64xi8>
// SCALAR: arith.index_castui
func.func @main(%x: tensor<1000xui8>, %t: tensor<256xui8>) -> tensor<1000xui8> {
  %r = quern.dispatch ins(%x, %t : tensor<1000xui8>, tensor<256xui8>) {
  ^bb0(%a: tensor<1000xui8>, %b: tensor<256xui8>):
    %p = quern.table %a, %b : tensor<1000xui8>, tensor<256xui8> -> tensor<1000xui8>
    quern.return %p : tensor<1000xui8>
  } -> tensor<1000xui8>
  return %r : tensor<1000xui8>
}

// -----

func.func @main(%x: tensor<8x16xsi8>) -> tensor<8x16xsi8, #quern.packed<"other", 16, 4, 128>> {
  // expected-error @+1 {{the target has no packed form 'other' of matrices known only at run time}}
  %r = quern.dispatch ins(%x : tensor<8x16xsi8>) {
  ^bb0(%a: tensor<8x16xsi8>):
    %p = quern.relayout %a : tensor<8x16xsi8> -> tensor<8x16xsi8, #quern.packed<"other", 16, 4, 128>>
    quern.return %p : tensor<8x16xsi8, #quern.packed<"other", 16, 4, 128>>
  } -> tensor<8x16xsi8, #quern.packed<"other", 16, 4, 128>>
  return %r : tensor<8x16xsi8, #quern.packed<"other", 16, 4, 128>>
}
