// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @no_operator() {
  // expected-error @+1 {{(N1) expects an operator name, found an empty one}}
  onnx.node ""() since 1 outputs [] : () -> ()
  return
}

// -----

func.func @no_version() {
  // expected-error @+1 {{(N2) expects a schema version of at least 1, found 0}}
  onnx.node "Relu"() since 0 outputs [] : () -> ()
  return
}

// -----

func.func @names(%x: tensor<f32>) {
  // expected-error @+1 {{(N3) expects one output name for each result: 1 results, found 2 names}}
  %y = onnx.node "Relu"(%x) since 14 outputs ["y", "z"] : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @omitted(%x: tensor<f32>) {
  // expected-error @+1 {{(N4) expects type 'none' exactly for an output without a name, found ''}}
  %y = onnx.node "Relu"(%x) since 14 outputs [""] : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @named_none(%x: tensor<f32>) {
  // expected-error @+1 {{(N4) expects type 'none' exactly for an output without a name, found 'y'}}
  %y = onnx.node "Relu"(%x) since 14 outputs ["y"] : (tensor<f32>) -> none
  return
}

// -----

func.func @twice(%x: tensor<f32>) {
  // expected-error @+1 {{(N5) expects different names for its outputs, found 'y' twice}}
  %y:2 = onnx.node "Split"(%x) since 18 outputs ["y", "y"] : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @attribute(%x: tensor<f32>) {
  // expected-error @+1 {{(N6) expects i64, f32, string, array or elements attributes, found 'axis' = 1 : i32}}
  %y = onnx.node "Softmax"(%x) since 13 outputs ["y"] attributes {axis = 1 : i32} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @operand(%x: i32) {
  // expected-error @+1 {{operand #0 must be variadic of}}
  %y = onnx.node "Relu"(%x) since 14 outputs ["y"] : (i32) -> tensor<f32>
  return
}
