// RUN: quern-opt %s --share-literals | FileCheck %s

// A zero point of a dispatch becomes an operand; 0 and what is an operand already stay.

#id = affine_map<(d0) -> (d0)>

// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<4xf32>) -> (tensor<4xui8>, tensor<4xui8>) {
  // CHECK: %[[ZP:.*]] = quern.constant(dense<3> : tensor<1xsi32>)
  // CHECK: quern.dispatch ins(%{{.*}}, %[[ZP]] : tensor<4xf32>, tensor<1xsi32>)
  // CHECK: ^bb0(%[[A:.*]]: tensor<4xf32>, %[[Z:.*]]: tensor<1xsi32>):
  // CHECK: quern.map ins(%[[A]], %[[Z]] : tensor<4xf32>, tensor<1xsi32>) maps [#{{.*}}, #[[FIRST:.*]]]
  // CHECK: ^bb0(%{{.*}}: f32, %[[SCALAR:.*]]: i32):
  // CHECK: quern.to_code %{{.*}} zero_point %[[SCALAR]] + 0 range
  %y = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    %m = quern.map ins(%a : tensor<4xf32>) maps [#id] {
    ^bb0(%e: f32):
      %c = quern.to_code %e zero_point 3 range [0, 255]
      quern.yield %c : i32
    } -> tensor<4xui8>
    quern.return %m : tensor<4xui8>
  } -> tensor<4xui8>
  // CHECK: quern.dispatch ins(%{{.*}} : tensor<4xf32>)
  // CHECK: quern.to_code %{{.*}} zero_point 0 range
  %z = quern.dispatch ins(%x : tensor<4xf32>) {
  ^bb0(%a: tensor<4xf32>):
    %m = quern.map ins(%a : tensor<4xf32>) maps [#id] {
    ^bb0(%e: f32):
      %c = quern.to_code %e zero_point 0 range [0, 255]
      quern.yield %c : i32
    } -> tensor<4xui8>
    quern.return %m : tensor<4xui8>
  } -> tensor<4xui8>
  return %y, %z : tensor<4xui8>, tensor<4xui8>
}
