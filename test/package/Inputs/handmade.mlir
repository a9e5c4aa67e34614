// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// A planned module with kernels written by hand: y = 2 * (x + c), z = x + c in the arena.
#id = affine_map<(d0) -> (d0)>
module attributes {quern.arena_bytes = 192 : i64} {
  func.func @main(%x: tensor<16xf32> {quern.name = "x"}) -> (tensor<16xf32> {quern.name = "y"}) {
    %c = quern.constant(dense<[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]> : tensor<16xf32>) : tensor<16xf32>
    %z = quern.dispatch ins(%x, %c : tensor<16xf32>, tensor<16xf32>) {
    ^bb0(%a: tensor<16xf32>, %b: tensor<16xf32>):
      %s = quern.map ins(%a, %b : tensor<16xf32>, tensor<16xf32>) maps [#id, #id] {
      ^bb0(%u: f32, %v: f32):
        %w = arith.addf %u, %v : f32
        quern.yield %w : f32
      } -> tensor<16xf32>
      quern.return %s : tensor<16xf32>
    } {kernel = @add, quern.offsets = array<i64: 0>, quern.units = 16 : i64, quern.grain = 8 : i64} -> tensor<16xf32> loc("first"("model.onnx":1:0))
    %y = quern.dispatch ins(%z : tensor<16xf32>) {
    ^bb0(%a: tensor<16xf32>):
      %s = quern.map ins(%a : tensor<16xf32>) maps [#id] {
      ^bb0(%u: f32):
        %w = arith.addf %u, %u : f32
        quern.yield %w : f32
      } -> tensor<16xf32>
      quern.return %s : tensor<16xf32>
    } {kernel = @twice, quern.offsets = array<i64: -1>, quern.units = 16 : i64, quern.grain = 16 : i64} -> tensor<16xf32> loc("second"("model.onnx":2:0))
    return %y : tensor<16xf32>
  }
  func.func @add(%a: memref<16xf32> {llvm.noalias}, %b: memref<16xf32> {llvm.noalias}, %r: memref<16xf32> {llvm.noalias}, %begin: index, %end: index) {
    %one = arith.constant 1 : index
    scf.for %i = %begin to %end step %one {
      %u = memref.load %a[%i] : memref<16xf32>
      %v = memref.load %b[%i] : memref<16xf32>
      %w = arith.addf %u, %v : f32
      memref.store %w, %r[%i] : memref<16xf32>
    }
    return
  }
  func.func @twice(%a: memref<16xf32>, %r: memref<16xf32>, %begin: index, %end: index) attributes {quern.heavy} {
    %one = arith.constant 1 : index
    scf.for %i = %begin to %end step %one {
      %u = memref.load %a[%i] : memref<16xf32>
      %w = arith.addf %u, %u : f32
      memref.store %w, %r[%i] : memref<16xf32>
    }
    return
  }
}
