// RUN: quern-opt %s --detach-sums | FileCheck %s

// Rows of 384 codes are summed apart; the sum of the right operand stays.
// CHECK-LABEL: func.func @product
func.func @product(%x: tensor<197x384xui8>, %w: tensor<384x384xsi8>) -> (tensor<197x384xsi32>, tensor<197x1xsi32>, tensor<1x384xsi32>) {
  // CHECK: %[[SUM:.*]] = quern.reduce sum %arg0 axes [1] : tensor<197x384xui8> -> tensor<197x1xsi32>
  // CHECK: %[[ACC:.*]], %[[RIGHT:.*]] = quern.matmul %arg0, %arg1 : tensor<197x384xui8>, tensor<384x384xsi8> -> tensor<197x384xsi32> rhs_sum tensor<1x384xsi32>
  // CHECK: return %[[ACC]], %[[SUM]], %[[RIGHT]]
  %acc, %left, %right = quern.matmul %x, %w : tensor<197x384xui8>, tensor<384x384xsi8> -> tensor<197x384xsi32> lhs_sum tensor<197x1xsi32> rhs_sum tensor<1x384xsi32>
  return %acc, %left, %right : tensor<197x384xsi32>, tensor<197x1xsi32>, tensor<1x384xsi32>
}

// CHECK-LABEL: func.func @pointwise
func.func @pointwise(%x: tensor<1x14x14x576xui8>, %w: tensor<96x1x1x576xsi8>) -> (tensor<1x14x14x96xsi32>, tensor<1x14x14x1xsi32>) {
  // CHECK: %[[SUM:.*]] = quern.reduce sum %arg0 axes [3] : tensor<1x14x14x576xui8> -> tensor<1x14x14x1xsi32>
  // CHECK: %[[ACC:.*]] = quern.conv %arg0, %arg1 {{.*}} -> tensor<1x14x14x96xsi32>{{$}}
  // CHECK: return %[[ACC]], %[[SUM]]
  %acc, %sum = quern.conv %x, %w strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x14x14x576xui8>, tensor<96x1x1x576xsi8> -> tensor<1x14x14x96xsi32>, tensor<1x14x14x1xsi32>
  return %acc, %sum : tensor<1x14x14x96xsi32>, tensor<1x14x14x1xsi32>
}

// Few rows are not worth a launch, windows overlap, and a sum that nobody reads costs nothing.
// CHECK-LABEL: func.func @stays
func.func @stays(%x: tensor<1x384xui8>, %w: tensor<384x384xsi8>, %i: tensor<1x14x14x576xui8>, %k: tensor<96x3x3x576xsi8>)
    -> (tensor<1x384xsi32>, tensor<1x1xsi32>, tensor<1x12x12x96xsi32>, tensor<1x12x12x1xsi32>) {
  // CHECK-NOT: quern.reduce
  // CHECK: quern.matmul {{.*}} lhs_sum
  // CHECK: quern.conv {{.*}}, tensor<1x12x12x1xsi32>
  %acc, %left = quern.matmul %x, %w : tensor<1x384xui8>, tensor<384x384xsi8> -> tensor<1x384xsi32> lhs_sum tensor<1x1xsi32>
  %c, %sum = quern.conv %i, %k strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x14x14x576xui8>, tensor<96x3x3x576xsi8> -> tensor<1x12x12x96xsi32>, tensor<1x12x12x1xsi32>
  return %acc, %left, %c, %sum : tensor<1x384xsi32>, tensor<1x1xsi32>, tensor<1x12x12x96xsi32>, tensor<1x12x12x1xsi32>
}

// CHECK-LABEL: func.func @unread
func.func @unread(%x: tensor<197x384xui8>, %w: tensor<384x384xsi8>) -> tensor<197x384xsi32> {
  // CHECK-NOT: quern.reduce
  %acc, %left = quern.matmul %x, %w : tensor<197x384xui8>, tensor<384x384xsi8> -> tensor<197x384xsi32> lhs_sum tensor<197x1xsi32>
  return %acc : tensor<197x384xsi32>
}
