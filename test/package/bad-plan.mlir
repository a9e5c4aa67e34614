// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is wrong with a plan is said at the dispatch, and no file is written.

// RUN: rm -rf %t && mkdir %t && split-file %s %t
// RUN: not %quern compile %t/kernel.mlir --start-from=kernels --target=portable -o %t/out 2>&1 | FileCheck %t/kernel.mlir
// RUN: not %quern compile %t/missing.mlir --start-from=kernels --target=portable -o %t/out 2>&1 | FileCheck %t/missing.mlir
// RUN: not %quern compile %t/blob.mlir --start-from=kernels --target=portable -o %t/out 2>&1 | FileCheck %t/blob.mlir
// RUN: not %quern compile %t/arena.mlir --start-from=kernels --target=portable -o %t/out 2>&1 | FileCheck %t/arena.mlir
// RUN: not %quern compile %t/symbol.mlir --start-from=kernels --target=portable -o %t/out 2>&1 | FileCheck %t/symbol.mlir
// RUN: not %quern compile %t/symbol.mlir --start-from=kernels --target=portable --emit=so -o %t/out 2>&1 | FileCheck %t/symbol.mlir
// RUN: not ls %t/out

//--- kernel.mlir
// CHECK: error: {{.*}}kernel.mlir:3:8: expected a 'kernel' attribute that names the dispatch's function
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    quern.return %a : tensor<4xf32>
  } {quern.offsets = array<i64: -1>} -> tensor<4xf32>
  return %y : tensor<4xf32>
}

//--- missing.mlir
// CHECK: error: launch 0: there is no kernel 'nothing'
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    quern.return %a : tensor<4xf32>
  } {kernel = @nothing, quern.offsets = array<i64: -1>} -> tensor<4xf32>
  return %y : tensor<4xf32>
}

//--- blob.mlir
// CHECK: error: {{.*}}the constant's bytes are not at hand: expected 128, found 0; the blobs of a dumped stage belong in the folder 'blobs' beside it
func.func @main() -> tensor<32xf32> {
  %c = quern.constant(#quern.blob<"0123456789abcdef0123456789abcdef", 128>) : tensor<32xf32>
  %y = quern.dispatch ins(%c : tensor<32xf32>) {
  ^bb0(%a: tensor<32xf32>):
    quern.return %a : tensor<32xf32>
  } {kernel = @nothing, quern.offsets = array<i64: -1>} -> tensor<32xf32>
  return %y : tensor<32xf32>
}

//--- arena.mlir
// CHECK: error: m.onnx: node 'late': a buffer ends at byte 80 of an arena of 64
module attributes {quern.arena_bytes = 64 : i64} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %y = quern.dispatch ins(%x : tensor<4xf32>) {
    ^bb0(%a: tensor<4xf32>):
      quern.return %a : tensor<4xf32>
    } {kernel = @k, quern.offsets = array<i64: 64>} -> tensor<4xf32> loc("late"("m.onnx":7:0))
    return %y : tensor<4xf32>
  }
}

//--- symbol.mlir
// CHECK: error: undefined symbols in the generated code: 'elsewhere'
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    quern.return %a : tensor<4xf32>
  } {kernel = @k, quern.offsets = array<i64: -1>} -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @elsewhere(index)
func.func @k(%a: memref<4xf32>, %r: memref<4xf32>, %begin: index, %end: index) {
  call @elsewhere(%begin) : (index) -> ()
  return
}
