// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @h1(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(H1) expected equal element types and counts, found 'tensor<2x3xui8>' and 'tensor<7xui8>'}}
  %y = quern.reshape %x : tensor<2x3xui8> -> tensor<7xui8>
  return
}

// -----

func.func @h1_2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(H1) expected equal element types and counts}}
  %y = quern.reshape %x : tensor<2x3xui8> -> tensor<6xsi8>
  return
}

// -----

func.func @x1(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(X1) expected a permutation of 2 dimensions}}
  %y = quern.transpose %x [1, 1] : tensor<2x3xui8> -> tensor<3x3xui8>
  return
}

// -----

func.func @x1_2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(X1) expected a permutation of 2 dimensions}}
  %y = quern.transpose %x [0, 2] : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @x1_3(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(X1) expected a permutation of 2 dimensions}}
  %y = quern.transpose %x [0] : tensor<2x3xui8> -> tensor<2xui8>
  return
}

// -----

func.func @x2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(X2) expected a result of shape [3, 2], found 'tensor<2x3xui8>'}}
  %y = quern.transpose %x [1, 0] : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @o1(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(O1) 'tensor<2x3xui8>' does not broadcast to 'tensor<2x6xui8>'}}
  %y = quern.broadcast %x : tensor<2x3xui8> -> tensor<2x6xui8>
  return
}

// -----

func.func @o1_2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(O1) 'tensor<2x3xui8>' does not broadcast to 'tensor<3xui8>'}}
  %y = quern.broadcast %x : tensor<2x3xui8> -> tensor<3xui8>
  return
}

// -----

func.func @n1(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(N1) expected one element type, found 'tensor<2x3xui8>' and 'tensor<2x3xsi8>'}}
  %y = quern.concat %x axis 0 : tensor<2x3xui8> -> tensor<2x3xsi8>
  return
}

// -----

func.func @n2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(N2) expected inputs and an axis inside the rank}}
  %y = quern.concat %x axis 2 : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @n2_2() {
  // expected-error @+1 {{(N2) expected inputs and an axis inside the rank}}
  %y = "quern.concat"() {axis = 0 : i64} : () -> tensor<2xui8>
  return
}

// -----

func.func @n2_3(%x: tensor<2x3xui8>, %z: tensor<3xui8>) {
  // expected-error @+1 {{(N2) expected one rank}}
  %y = quern.concat %x, %z axis 0 : tensor<2x3xui8>, tensor<3xui8> -> tensor<3x3xui8>
  return
}

// -----

func.func @n2_4(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(N2) dimension 1 differs in 'tensor<2x3xui8>' and 'tensor<2x4xui8>'}}
  %y = quern.concat %x axis 0 : tensor<2x3xui8> -> tensor<2x4xui8>
  return
}

// -----

func.func @n2_5(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(N2) inputs add up to 4 along axis 0, the result has 5}}
  %y = quern.concat %x, %x axis 0 : tensor<2x3xui8>, tensor<2x3xui8> -> tensor<5x3xui8>
  return
}

// -----

func.func @z1(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(Z1) expected 2 starts and steps}}
  %y = quern.slice %x starts [0] steps [1, 1] : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @z1_2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(Z1) expected the input's element type, found 'tensor<2x3xsi8>'}}
  %y = quern.slice %x starts [0, 0] steps [1, 1] : tensor<2x3xui8> -> tensor<2x3xsi8>
  return
}

// -----

func.func @z2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(Z2) dimension 1 reads 3 elements from 1 in steps of 1}}
  %y = quern.slice %x starts [0, 1] steps [1, 1] : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @z2_2(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(Z2) dimension 0 reads 2 elements from 0 in steps of -1}}
  %y = quern.slice %x starts [0, 0] steps [-1, 1] : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @z2_3(%x: tensor<2x3xui8>) {
  // expected-error @+1 {{(Z2) dimension 1 reads 3 elements from 0 in steps of 9223372036854775807}}
  %y = quern.slice %x starts [0, 0] steps [1, 9223372036854775807] : tensor<2x3xui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @g1(%x: tensor<2x3xui8>, %v: tensor<ui8>) {
  // expected-error @+1 {{(G1) expected one low pad per dimension}}
  %y = quern.pad %x, %v low [0] : tensor<2x3xui8>, tensor<ui8> -> tensor<4x3xui8>
  return
}

// -----

func.func @g1_2(%x: tensor<2x3xui8>, %v: tensor<ui8>) {
  // expected-error @+1 {{(G1) dimension 0 of 'tensor<2x3xui8>' does not fit into 'tensor<3x3xui8>'}}
  %y = quern.pad %x, %v low [2, 0] : tensor<2x3xui8>, tensor<ui8> -> tensor<3x3xui8>
  return
}

// -----

func.func @g1_3(%x: tensor<2x3xui8>, %v: tensor<ui8>) {
  // expected-error @+1 {{(G1) dimension 1 of 'tensor<2x3xui8>' does not fit into 'tensor<2x3xui8>'}}
  %y = quern.pad %x, %v low [0, 9223372036854775807] : tensor<2x3xui8>, tensor<ui8> -> tensor<2x3xui8>
  return
}

// -----

func.func @g2(%x: tensor<2x3xui8>, %v: tensor<2xui8>) {
  // expected-error @+1 {{(G2) expected one pad value, found 'tensor<2xui8>'}}
  %y = quern.pad %x, %v low [0, 0] : tensor<2x3xui8>, tensor<2xui8> -> tensor<3x3xui8>
  return
}

// -----

func.func @g3(%x: tensor<2x3xui8>, %v: tensor<si8>) {
  // expected-error @+1 {{(G3) expected one element type}}
  %y = quern.pad %x, %v low [0, 0] : tensor<2x3xui8>, tensor<si8> -> tensor<3x3xui8>
  return
}

// -----

func.func @j1(%x: tensor<2x3xui8>, %i: tensor<4xi64>) {
  // expected-error @+1 {{(J1) expected si32 or si64 indices, found 'tensor<4xi64>'}}
  %y = quern.gather %x, %i axis 0 : tensor<2x3xui8>, tensor<4xi64> -> tensor<4x3xui8>
  return
}

// -----

func.func @j2(%x: tensor<2x3xui8>, %i: tensor<4xsi64>) {
  // expected-error @+1 {{(J2) expected an axis inside rank 2}}
  %y = quern.gather %x, %i axis -1 : tensor<2x3xui8>, tensor<4xsi64> -> tensor<2x4xui8>
  return
}

// -----

func.func @j2_2(%x: tensor<2x3xui8>, %i: tensor<4xsi64>) {
  // expected-error @+1 {{(J2) expected a result of the input's element type and shape [4, 3], found 'tensor<2x4xui8>'}}
  %y = quern.gather %x, %i axis 0 : tensor<2x3xui8>, tensor<4xsi64> -> tensor<2x4xui8>
  return
}

// -----

func.func @j2_3(%x: tensor<2x3xui8>, %i: tensor<4xsi64>) {
  // expected-error @+1 {{(J2) expected a result of the input's element type and shape [4, 3], found 'tensor<4x3xf32>'}}
  %y = quern.gather %x, %i axis 0 : tensor<2x3xui8>, tensor<4xsi64> -> tensor<4x3xf32>
  return
}
