// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @reshapes
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xui8>)
// CHECK-NEXT: %[[Y:.*]] = quern.reshape %[[X]] : tensor<2x3x4xui8> -> tensor<24xui8>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @reshapes(%x: tensor<2x3x4xui8>) -> (tensor<24xui8>, tensor<2x3x4xui8>) {
  %0 = quern.reshape %x : tensor<2x3x4xui8> -> tensor<6x4xui8>
  %1 = quern.reshape %0 : tensor<6x4xui8> -> tensor<24xui8>
  %2 = quern.reshape %x : tensor<2x3x4xui8> -> tensor<2x3x4xui8>
  return %1, %2 : tensor<24xui8>, tensor<2x3x4xui8>
}

// CHECK-LABEL: func.func @transposes
// CHECK-SAME: (%[[X:.*]]: tensor<2x2xui8>)
// CHECK-NEXT: %[[Y:.*]] = quern.transpose %[[X]] [1, 0]
// CHECK-NEXT: return %[[X]], %[[Y]]
func.func @transposes(%x: tensor<2x2xui8>) -> (tensor<2x2xui8>, tensor<2x2xui8>) {
  %0 = quern.transpose %x [0, 1] : tensor<2x2xui8> -> tensor<2x2xui8>
  %1 = quern.transpose %x [1, 0] : tensor<2x2xui8> -> tensor<2x2xui8>
  return %0, %1 : tensor<2x2xui8>, tensor<2x2xui8>
}
