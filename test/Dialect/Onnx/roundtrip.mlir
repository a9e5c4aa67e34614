// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s | %quern_opt | FileCheck %s
// RUN: %quern_opt --mlir-print-op-generic %s | %quern_opt | FileCheck %s

// CHECK-LABEL: func.func @nodes
func.func @nodes(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32> {
  // CHECK: %[[NONE:.*]] = onnx.absent
  %none = onnx.absent
  // CHECK: onnx.node "Conv"(%{{.*}}, %{{.*}}) since 11 outputs ["c"] attributes {auto_pad = "VALID", strides = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  %c = onnx.node "Conv"(%x, %w) since 11 outputs ["c"] attributes {auto_pad = "VALID", strides = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
  // CHECK: onnx.node "Foreign"(%{{.*}}, %[[NONE]]) of "com.microsoft" since 1 outputs ["f", ""] attributes {alpha = 5.000000e-01 : f32, list = ["a", "b"], n = 3 : i64, t = dense<1> : tensor<2xsi8>} : (tensor<1x4x8x8xf32>, none) -> (!onnx.unknown, none)
  %f:2 = onnx.node "Foreign"(%c, %none) of "com.microsoft" since 1 outputs ["f", ""] attributes {alpha = 0.5 : f32, list = ["a", "b"], n = 3 : i64, t = dense<1> : tensor<2xsi8>} : (tensor<1x4x8x8xf32>, none) -> (!onnx.unknown, none)
  // CHECK: onnx.node "Relu"(%{{.*}}#0) since 14 outputs ["r"] : (!onnx.unknown) -> tensor<*xf32>
  %r = onnx.node "Relu"(%f#0) since 14 outputs ["r"] : (!onnx.unknown) -> tensor<*xf32>
  // CHECK: onnx.node "Sink"() since 1 outputs [] : () -> ()
  onnx.node "Sink"() since 1 outputs [] : () -> ()
  return %c : tensor<1x4x8x8xf32>
}
