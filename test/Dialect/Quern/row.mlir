// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt %s --mlir-print-op-generic | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @softmax
// CHECK: quern.softmax %{{.*}} : tensor<2x5xf32>
// CHECK: quern.softmax %{{.*}} {log} : tensor<2x5xf32>
func.func @softmax(%x: tensor<2x5xf32>) {
  %0 = quern.softmax %x : tensor<2x5xf32>
  %1 = quern.softmax %x {log} : tensor<2x5xf32>
  return
}

// CHECK-LABEL: func.func @layer_norm
// CHECK: quern.layer_norm %{{.*}}, %{{.*}}, %{{.*}} epsilon 9.99999974E-6 : tensor<2x5xf32>, tensor<5xf32>, tensor<5xf32> -> tensor<2x5xf32>
// CHECK: quern.layer_norm %{{.*}}, %{{.*}} epsilon 0.000000e+00 rms : tensor<2x5xf32>, tensor<5xf32> -> tensor<2x5xf32>
func.func @layer_norm(%x: tensor<2x5xf32>, %s: tensor<5xf32>, %b: tensor<5xf32>) {
  %0 = quern.layer_norm %x, %s, %b epsilon 1.0e-5 : tensor<2x5xf32>, tensor<5xf32>, tensor<5xf32> -> tensor<2x5xf32>
  %1 = quern.layer_norm %x, %s epsilon 0.0 rms : tensor<2x5xf32>, tensor<5xf32> -> tensor<2x5xf32>
  return
}

// CHECK-LABEL: func.func @reduce
// CHECK: quern.reduce mean %{{.*}} axes [1, 2] : tensor<1x7x7x4xf32> -> tensor<1x1x1x4xf32>
// CHECK: quern.reduce prod %{{.*}} axes [3] : tensor<1x7x7x4xf32> -> tensor<1x7x7x1xf32>
// CHECK: quern.reduce min %{{.*}} axes [] : tensor<1x7x7x4xf32> -> tensor<1x7x7x4xf32>
// CHECK: quern.reduce sum %{{.*}} axes [0] : tensor<7x4xui8> -> tensor<1x4xsi32>
// CHECK: quern.reduce max %{{.*}} axes [0] : tensor<7x4xui8> -> tensor<1x4xui8>
func.func @reduce(%x: tensor<1x7x7x4xf32>, %q: tensor<7x4xui8>) {
  %0 = quern.reduce mean %x axes [1, 2] : tensor<1x7x7x4xf32> -> tensor<1x1x1x4xf32>
  %1 = quern.reduce prod %x axes [3] : tensor<1x7x7x4xf32> -> tensor<1x7x7x1xf32>
  %2 = quern.reduce min %x axes [] : tensor<1x7x7x4xf32> -> tensor<1x7x7x4xf32>
  %3 = quern.reduce sum %q axes [0] : tensor<7x4xui8> -> tensor<1x4xsi32>
  %4 = quern.reduce max %q axes [0] : tensor<7x4xui8> -> tensor<1x4xui8>
  return
}
