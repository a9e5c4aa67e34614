// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @s1(%x: tensor<4xui8>) {
  // expected-error @+1 {{(S1) expected f32 of rank >= 1, found 'tensor<4xui8>'}}
  %y = quern.softmax %x : tensor<4xui8>
  return
}

// -----

func.func @s1_2(%x: tensor<f32>) {
  // expected-error @+1 {{(S1) expected f32 of rank >= 1, found 'tensor<f32>'}}
  %y = quern.softmax %x : tensor<f32>
  return
}

// -----

func.func @l1(%x: tensor<f32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{(L1) expected an f32 input and a result of its type, found 'tensor<f32>'}}
  %y = quern.layer_norm %x, %s epsilon 0.0 : tensor<f32>, tensor<1xf32> -> tensor<f32>
  return
}

// -----

func.func @l1_2(%x: tensor<2x4xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{(L1) expected an f32 input and a result of its type}}
  %y = quern.layer_norm %x, %s epsilon 0.0 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf16>
  return
}

// -----

func.func @l2(%x: tensor<2x4xf32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{(L2) expected f32 scale and bias of 4 elements, found 'tensor<2xf32>'}}
  %y = quern.layer_norm %x, %s epsilon 0.0 : tensor<2x4xf32>, tensor<2xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @l2_2(%x: tensor<2x4xf32>, %s: tensor<4xf32>, %b: tensor<4xf16>) {
  // expected-error @+1 {{(L2) expected f32 scale and bias of 4 elements, found 'tensor<4xf16>'}}
  %y = quern.layer_norm %x, %s, %b epsilon 0.0 : tensor<2x4xf32>, tensor<4xf32>, tensor<4xf16> -> tensor<2x4xf32>
  return
}

// -----

func.func @l3(%x: tensor<2x4xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{(L3) expected a finite epsilon >= 0}}
  %y = quern.layer_norm %x, %s epsilon -1.0 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @l3_2(%x: tensor<2x4xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{(L3) expected a finite epsilon >= 0}}
  %y = quern.layer_norm %x, %s epsilon 0x7FC00000 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @r1(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{(R1) expected sorted axes inside rank 2}}
  %y = quern.reduce sum %x axes [1, 0] : tensor<2x4xf32> -> tensor<1x1xf32>
  return
}

// -----

func.func @r1_2(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{(R1) expected sorted axes inside rank 2}}
  %y = quern.reduce sum %x axes [2] : tensor<2x4xf32> -> tensor<2x4xf32>
  return
}

// -----

func.func @r1_3(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{(R1) expected sorted axes inside rank 2}}
  %y = quern.reduce sum %x axes [-1] : tensor<2x4xf32> -> tensor<2x1xf32>
  return
}

// -----

func.func @r2(%x: tensor<2x4xf32>) {
  // expected-error @+1 {{(R2) expected a result of shape [2, 1], found 'tensor<2xf32>'}}
  %y = quern.reduce sum %x axes [1] : tensor<2x4xf32> -> tensor<2xf32>
  return
}

// -----

func.func @r3(%x: tensor<2x4xui8>) {
  // expected-error @+1 {{(R3) 'mean' does not take 'ui8' to 'si32'}}
  %y = quern.reduce mean %x axes [1] : tensor<2x4xui8> -> tensor<2x1xsi32>
  return
}

// -----

func.func @r3_2(%x: tensor<2x4xui8>) {
  // expected-error @+1 {{(R3) 'max' does not take 'ui8' to 'si32'}}
  %y = quern.reduce max %x axes [1] : tensor<2x4xui8> -> tensor<2x1xsi32>
  return
}

// -----

func.func @r3_3(%x: tensor<2x4xf16>) {
  // expected-error @+1 {{(R3) 'sum' does not take 'f16' to 'si32'}}
  %y = quern.reduce sum %x axes [1] : tensor<2x4xf16> -> tensor<2x1xsi32>
  return
}
