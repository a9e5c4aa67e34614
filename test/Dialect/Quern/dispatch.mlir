// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt %s --mlir-print-op-generic | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @dispatch
// CHECK: quern.dispatch ins(%{{.*}}, %{{.*}} : tensor<4x8xui8>, tensor<8x16xsi8, #quern.packed<"vnni", 16, 4, 128>>) tile {rows = 4 : i64} fill 3 : i32 {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<4x8xui8>, %{{.*}}: tensor<8x16xsi8, #quern.packed<"vnni", 16, 4, 128>>):
// CHECK: quern.return %{{.*}} : tensor<4x16xsi32>
// CHECK: {quern.units = 4 : i64} -> tensor<4x16xsi32>
// CHECK: quern.dispatch ins() {
// CHECK: quern.return
// CHECK: ->
func.func @dispatch(%x: tensor<4x8xui8>, %w: tensor<8x16xsi8, #quern.packed<"vnni", 16, 4, 128>>) {
  %0 = quern.dispatch ins(%x, %w : tensor<4x8xui8>, tensor<8x16xsi8, #quern.packed<"vnni", 16, 4, 128>>)
      tile {rows = 4 : i64} fill 3 : i32 {
  ^bb0(%a: tensor<4x8xui8>, %b: tensor<8x16xsi8, #quern.packed<"vnni", 16, 4, 128>>):
    %c = quern.matmul %a, %b : tensor<4x8xui8>, tensor<8x16xsi8, #quern.packed<"vnni", 16, 4, 128>> -> tensor<4x16xsi32>
    quern.return %c : tensor<4x16xsi32>
  } {quern.units = 4 : i64} -> tensor<4x16xsi32>
  %1 = quern.dispatch ins() {
    %c = quern.constant(dense<1> : tensor<2xsi32>) : tensor<2xsi32>
    quern.return %c : tensor<2xsi32>
  } -> tensor<2xsi32>
  return
}

// CHECK-LABEL: func.func @relayout
// CHECK: quern.relayout %{{.*}} fill %{{.*}} : tensor<1x8x8x4xui8> fill tensor<ui8> -> tensor<1x8x8x4xui8, #quern.padded<1, 1, 0, 2>>
// CHECK: quern.relayout %{{.*}} transposed : tensor<16x8xsi8> -> tensor<16x8xsi8, #quern.packed<"vnni", 16, 4, 128>>
func.func @relayout(%x: tensor<1x8x8x4xui8>, %z: tensor<ui8>, %w: tensor<16x8xsi8>) {
  %0 = quern.relayout %x fill %z : tensor<1x8x8x4xui8> fill tensor<ui8> -> tensor<1x8x8x4xui8, #quern.padded<1, 1, 0, 2>>
  %1 = quern.relayout %w transposed : tensor<16x8xsi8> -> tensor<16x8xsi8, #quern.packed<"vnni", 16, 4, 128>>
  return
}
