// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// RUN: %quern_opt %s --split-input-file --verify-diagnostics

func.func @u1(%x: tensor<4xf32>) {
  // expected-error @+1 {{(U1) expected the input's type, found 'tensor<8xf32>'}}
  %y = quern.unary exp %x : tensor<4xf32> -> tensor<8xf32>
  return
}

// -----

func.func @u2(%x: tensor<4xsi32>) {
  // expected-error @+1 {{(U2) 'exp' is not defined on 'si32'}}
  %y = quern.unary exp %x : tensor<4xsi32> -> tensor<4xsi32>
  return
}

// -----

func.func @u2_2(%x: tensor<4xui8>) {
  // expected-error @+1 {{(U2) 'not' is not defined on 'ui8'}}
  %y = quern.unary not %x : tensor<4xui8> -> tensor<4xui8>
  return
}

// -----

func.func @u2_3(%x: tensor<4xf16>) {
  // expected-error @+1 {{(U2) 'relu' is not defined on 'f16'}}
  %y = quern.unary relu %x : tensor<4xf16> -> tensor<4xf16>
  return
}

// -----

func.func @b1(%a: tensor<4xf32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{(B1) expected the broadcast of 'tensor<4xf32>' and 'tensor<3xf32>', found 'tensor<4xf32>'}}
  %y = quern.binary add %a, %b : tensor<4xf32>, tensor<3xf32> -> tensor<4xf32>
  return
}

// -----

func.func @b2(%a: tensor<4xf32>, %b: tensor<4xsi32>) {
  // expected-error @+1 {{(B2) expected operands of one element type, found 'tensor<4xf32>' and 'tensor<4xsi32>'}}
  %y = quern.binary add %a, %b : tensor<4xf32>, tensor<4xsi32> -> tensor<4xf32>
  return
}

// -----

func.func @b3(%a: tensor<4xf32>) {
  // expected-error @+1 {{(B3) expected i1, found 'tensor<4xf32>'}}
  %y = quern.binary less %a, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @b3_2(%a: tensor<4xf32>) {
  // expected-error @+1 {{(B3) expected the operands' element type, found 'tensor<4xi1>'}}
  %y = quern.binary mul %a, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xi1>
  return
}

// -----

func.func @b4(%a: tensor<4xf32>) {
  // expected-error @+1 {{(B4) 'and' is not defined on 'f32'}}
  %y = quern.binary and %a, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @b4_2(%a: tensor<4xsi32>) {
  // expected-error @+1 {{(B4) 'pow' is not defined on 'si32'}}
  %y = quern.binary pow %a, %a : tensor<4xsi32>, tensor<4xsi32> -> tensor<4xsi32>
  return
}

// -----

func.func @k1(%x: tensor<4xui8>) {
  // expected-error @+1 {{(K1) expected f32, found 'tensor<4xui8>'}}
  %y = quern.clamp %x to 0.0, 6.0 : tensor<4xui8>
  return
}

// -----

func.func @k2(%x: tensor<4xf32>) {
  // expected-error @+1 {{(K2) expected low <= high}}
  %y = quern.clamp %x to 6.0, 0.0 : tensor<4xf32>
  return
}

// -----

func.func @k2_2(%x: tensor<4xf32>) {
  // expected-error @+1 {{(K2) expected low <= high}}
  %y = quern.clamp %x to 0x7FC00000, 0.0 : tensor<4xf32>
  return
}

// -----

func.func @w1(%c: tensor<4xui8>, %x: tensor<4xf32>) {
  // expected-error @+1 {{(W1) expected an i1 condition, found 'tensor<4xui8>'}}
  %y = quern.select %c, %x, %x : tensor<4xui8>, tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @w2(%c: tensor<4xi1>, %x: tensor<4xf32>, %z: tensor<4xf16>) {
  // expected-error @+1 {{(W2) expected one element type}}
  %y = quern.select %c, %x, %z : tensor<4xi1>, tensor<4xf32>, tensor<4xf16> -> tensor<4xf32>
  return
}

// -----

func.func @w3(%c: tensor<2x4xi1>, %x: tensor<4xf32>) {
  // expected-error @+1 {{(W3) expected the broadcast shape, found 'tensor<4xf32>'}}
  %y = quern.select %c, %x, %x : tensor<2x4xi1>, tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @t1(%x: tensor<4xui8>) {
  // expected-error @+1 {{(T1) expected the input's shape, found 'tensor<2xf32>'}}
  %y = quern.cast %x : tensor<4xui8> -> tensor<2xf32>
  return
}

// -----

func.func @a1(%x: tensor<4xui4>, %t: tensor<256xui8>) {
  // expected-error @+1 {{(A1) expected ui8 or si8 codes, found 'ui4'}}
  %y = quern.table %x, %t : tensor<4xui4>, tensor<256xui8> -> tensor<4xui8>
  return
}

// -----

func.func @a2(%x: tensor<4xui8>, %t: tensor<16xui8>) {
  // expected-error @+1 {{(A2) expected a table of 256 results, found 'tensor<16xui8>'}}
  %y = quern.table %x, %t : tensor<4xui8>, tensor<16xui8> -> tensor<4xui8>
  return
}

// -----

func.func @a3(%x: tensor<4xui8>, %t: tensor<256xui8>) {
  // expected-error @+1 {{(A3) expected the input's shape, found 'tensor<5xui8>'}}
  %y = quern.table %x, %t : tensor<4xui8>, tensor<256xui8> -> tensor<5xui8>
  return
}

// -----

func.func @e1(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E1) expected one map per input, found 0}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [] {
  ^bb0(%a: i32):
    quern.yield %a : i32
  } -> tensor<4xui8>
  return
}

// -----

func.func @e1_2(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E1) expected a linear map from 1 dimensions into 'tensor<4xui8>'}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0) -> (d0 floordiv 2)>] {
  ^bb0(%a: i32):
    quern.yield %a : i32
  } -> tensor<4xui8>
  return
}

// -----

func.func @e1_3(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E1) expected a linear map from 1 dimensions into 'tensor<4xui8>'}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0, d1) -> (d0)>] {
  ^bb0(%a: i32):
    quern.yield %a : i32
  } -> tensor<4xui8>
  return
}

// -----

func.func @e1_4(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E1) expected a linear map from 1 dimensions into 'tensor<4xui8>'}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0)[s0] -> (s0)>] {
  ^bb0(%a: i32):
    quern.yield %a : i32
  } -> tensor<4xui8>
  return
}

// -----

func.func @e2(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E2) expected a block argument of type 'i32', found 'i8'}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0) -> (d0)>] {
  ^bb0(%a: i8):
    quern.yield %a : i8
  } -> tensor<4xui8>
  return
}

// -----

func.func @e2_2(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E2) expected one block argument per input}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0) -> (d0)>] {
    %c = arith.constant 1 : i32
    quern.yield %c : i32
  } -> tensor<4xui8>
  return
}

// -----

func.func @e3(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E3) expected a yielded 'f32', found 'i32'}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0) -> (d0)>] {
  ^bb0(%a: i32):
    quern.yield %a : i32
  } -> tensor<4xf32>
  return
}

// -----

func.func @e3_2(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E3) expected one yielded value per result}}
  %y = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0) -> (d0)>] {
  ^bb0(%a: i32):
    quern.yield
  } -> tensor<4xui8>
  return
}

// -----

func.func @e4(%x: tensor<4xui8>) {
  // expected-error @+1 {{(E4) expected results of one shape, found 'tensor<5xui8>'}}
  %y:2 = quern.map ins(%x : tensor<4xui8>) maps [affine_map<(d0) -> (d0)>] {
  ^bb0(%a: i32):
    quern.yield %a, %a : i32, i32
  } -> tensor<4xui8>, tensor<5xui8>
  return
}
