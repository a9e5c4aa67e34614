// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @y1(%x: tensor<4xf32>) {
  // expected-error @+1 {{(Y1) expected block arguments with the inputs' types}}
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>):
    quern.return %a : tensor<4xf32>
  } -> tensor<4xf32>
  return
}

// -----

func.func @y1_2(%x: tensor<4xf32>) {
  // expected-error @+1 {{(Y1) expected block arguments with the inputs' types}}
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<5xf32>):
    quern.return %a : tensor<5xf32>
  } -> tensor<5xf32>
  return
}

// -----

func.func @y2(%x: tensor<4xf32>) {
  // expected-error @+1 {{(Y2) expected a quern.return of the results' types}}
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    quern.return %a : tensor<4xf32>
  } -> tensor<5xf32>
  return
}

// -----

func.func @y2_2(%x: tensor<4xf32>) {
  // expected-error @+1 {{(Y2) expected a quern.return of the results' types}}
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    quern.return
  } -> tensor<4xf32>
  return
}

// -----

func.func @i1(%x: tensor<4xsi8>) {
  // expected-error @+1 {{(I1) expected the input's shape and element type, found 'tensor<5xsi8, #quern.packed<}}
  %y = quern.relayout %x : tensor<4xsi8> -> tensor<5xsi8, #quern.packed<"vnni", 16, 4, 64>>
  return
}

// -----

func.func @i1_2(%x: tensor<4xsi8>) {
  // expected-error @+1 {{(I1) expected the input's shape and element type}}
  %y = quern.relayout %x : tensor<4xsi8> -> tensor<4xui8, #quern.packed<"vnni", 16, 4, 64>>
  return
}

// -----

func.func @i2(%x: tensor<4xsi8>) {
  // expected-error @+1 {{(I2) expected another encoding}}
  %y = quern.relayout %x : tensor<4xsi8> -> tensor<4xsi8>
  return
}
