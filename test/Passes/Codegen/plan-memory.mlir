// RUN: %quern_opt %s --split-input-file --plan-memory | FileCheck %s

#id = affine_map<(d0) -> (d0)>
#rev = affine_map<(d0) -> (-d0 + 99)>

// The second dispatch writes over its operand, which dies there; the third reads at other indices
// and must not; the fourth writes the caller's buffer. A buffer of 100 bytes takes two lines, the
// arena is readable for 64 bytes more.

// CHECK: module attributes {quern.arena_bytes = 320 : i64}
// CHECK-LABEL: func.func @chain
// CHECK: {quern.offsets = array<i64: 0>}
// CHECK: {quern.in_place = array<i64: 0>, quern.offsets = array<i64: 0>}
// CHECK: {quern.offsets = array<i64: 128>}
// CHECK: {quern.offsets = array<i64: -1>}
func.func @chain(%x: tensor<100xui8>) -> tensor<100xui8> {
  %0 = quern.dispatch ins(%x : tensor<100xui8>) {
  ^bb0(%a: tensor<100xui8>):
    %m = quern.map ins(%a : tensor<100xui8>) maps [#id] {
    ^bb0(%i: i32):
      quern.yield %i : i32
    } -> tensor<100xui8>
    quern.return %m : tensor<100xui8>
  } -> tensor<100xui8>
  %1 = quern.dispatch ins(%0 : tensor<100xui8>) {
  ^bb0(%a: tensor<100xui8>):
    %m = quern.map ins(%a : tensor<100xui8>) maps [#id] {
    ^bb0(%i: i32):
      quern.yield %i : i32
    } -> tensor<100xui8>
    quern.return %m : tensor<100xui8>
  } -> tensor<100xui8>
  %2 = quern.dispatch ins(%1 : tensor<100xui8>) {
  ^bb0(%a: tensor<100xui8>):
    %m = quern.map ins(%a : tensor<100xui8>) maps [#rev] {
    ^bb0(%i: i32):
      quern.yield %i : i32
    } -> tensor<100xui8>
    quern.return %m : tensor<100xui8>
  } -> tensor<100xui8>
  %3 = quern.dispatch ins(%2 : tensor<100xui8>) {
  ^bb0(%a: tensor<100xui8>):
    %m = quern.map ins(%a : tensor<100xui8>) maps [#id] {
    ^bb0(%i: i32):
      quern.yield %i : i32
    } -> tensor<100xui8>
    quern.return %m : tensor<100xui8>
  } -> tensor<100xui8>
  return %3 : tensor<100xui8>
}

// -----

// A reshape is a view: the value lives as long as its views, and is an output through one. The halo
// counts: 6 x 6 x 4 bytes.

// CHECK: module attributes {quern.arena_bytes = 256 : i64}
// CHECK-LABEL: func.func @views
// CHECK: {quern.offsets = array<i64: 0>} -> tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>
// CHECK: {quern.offsets = array<i64: -2>}
// CHECK: {quern.offsets = array<i64: -1>}
func.func @views(%x: tensor<1x4x4x4xui8>) -> (tensor<1x1x1x4xui8>, tensor<4xui8>) {
  %0 = quern.dispatch ins(%x : tensor<1x4x4x4xui8>) fill 0 : i32 {
  ^bb0(%a: tensor<1x4x4x4xui8>):
    %m = quern.relayout %a : tensor<1x4x4x4xui8> -> tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>
    quern.return %m : tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>
  } -> tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>
  %1 = quern.dispatch ins(%0 : tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>) {
  ^bb0(%a: tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>):
    %m = quern.reduce max %a axes [1, 2] : tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>> -> tensor<1x1x1x4xui8>
    quern.return %m : tensor<1x1x1x4xui8>
  } -> tensor<1x1x1x4xui8>
  %2 = quern.reshape %1 : tensor<1x1x1x4xui8> -> tensor<4xui8>
  %3 = quern.dispatch ins(%0 : tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>) {
  ^bb0(%a: tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>>):
    %m = quern.reduce min %a axes [1, 2] : tensor<1x4x4x4xui8, #quern.padded<1, 1, 1, 1>> -> tensor<1x1x1x4xui8>
    quern.return %m : tensor<1x1x1x4xui8>
  } -> tensor<1x1x1x4xui8>
  return %3, %2 : tensor<1x1x1x4xui8>, tensor<4xui8>
}
