// RUN: %quern_opt %s --compose-tables | FileCheck %s

#n = affine_map<(d0) -> (d0)>
#0 = affine_map<(d0) -> (0)>

// One requantization stays a map: it is as cheap.
// CHECK-LABEL: @single
// CHECK-NOT: quern.table
// CHECK: return
func.func @single(%x: tensor<4xui8>) -> tensor<4xui8> {
  %s = quern.constant(dense<2.0> : tensor<1xf32>) : tensor<1xf32>
  %a = quern.map ins(%x, %s : tensor<4xui8>, tensor<1xf32>) maps [#n, #0] {
  ^bb0(%c: i32, %m: f32):
    %0 = arith.sitofp %c : i32 to f32
    %1 = arith.mulf %0, %m : f32
    %2 = quern.to_code %1 zero_point 1 range [0, 255]
    quern.yield %2 : i32
  } -> tensor<4xui8>
  return %a : tensor<4xui8>
}

// Two maps of the same codes and their product are one table.
// CHECK-LABEL: @chain
// CHECK: %[[T:.*]] = quern.constant({{.*}}) : tensor<256xsi8>
// CHECK: %[[Y:.*]] = quern.table %arg0, %[[T]] : tensor<4xui8>, tensor<256xsi8> -> tensor<4xsi8>
// CHECK-NOT: quern.map
// CHECK: return %[[Y]]
func.func @chain(%x: tensor<4xui8>) -> tensor<4xsi8> {
  %s = quern.constant(dense<2.0> : tensor<1xf32>) : tensor<1xf32>
  %a = quern.map ins(%x, %s : tensor<4xui8>, tensor<1xf32>) maps [#n, #0] {
  ^bb0(%c: i32, %m: f32):
    %0 = arith.sitofp %c : i32 to f32
    %1 = arith.mulf %0, %m : f32
    %2 = quern.to_code %1 zero_point 1 range [0, 255]
    quern.yield %2 : i32
  } -> tensor<4xui8>
  %b = quern.map ins(%a, %x : tensor<4xui8>, tensor<4xui8>) maps [#n, #n] {
  ^bb0(%c: i32, %d: i32):
    %0 = arith.muli %c, %d : i32
    %1 = arith.sitofp %0 : i32 to f32
    %k = arith.constant 3.906250e-03 : f32
    %2 = arith.mulf %1, %k : f32
    %3 = quern.to_code %2 zero_point -128 range [-128, 127]
    quern.yield %3 : i32
  } -> tensor<4xsi8>
  return %b : tensor<4xsi8>
}

// Codes of two tensors are no table.
// CHECK-LABEL: @two
// CHECK-NOT: quern.table
// CHECK: return
func.func @two(%x: tensor<4xui8>, %y: tensor<4xui8>) -> tensor<4xui8> {
  %b = quern.map ins(%x, %y : tensor<4xui8>, tensor<4xui8>) maps [#n, #n] {
  ^bb0(%c: i32, %d: i32):
    %0 = arith.sitofp %c : i32 to f32
    %1 = arith.sitofp %d : i32 to f32
    %2 = arith.divf %0, %1 : f32
    %3 = quern.to_code %2 zero_point 0 range [0, 255]
    quern.yield %3 : i32
  } -> tensor<4xui8>
  return %b : tensor<4xui8>
}
