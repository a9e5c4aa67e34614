// RUN: %quern_opt %s --pack-weights=target=fake | FileCheck %s

// Four values of the reduction stand together, sixteen columns side by side; what is missing is 0.

// CHECK-LABEL: func.func @main
// CHECK-NOT: quern.relayout
// CHECK: %[[W:.*]] = quern.constant(#quern.blob<"[[H:[0-9a-f]+]]", 64>) {site = "w"} : tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>>
// CHECK-NOT: quern.relayout
// CHECK: quern.dispatch ins(%arg0, %[[W]]
func.func @main(%x: tensor<4x2xui8>) -> tensor<4x3xsi32> {
  %w = quern.constant(dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xsi8>) {site = "w"} : tensor<2x3xsi8>
  %p = quern.relayout %w : tensor<2x3xsi8> -> tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>>
  %y = quern.dispatch ins(%x, %p : tensor<4x2xui8>, tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>>) {
  ^bb0(%a: tensor<4x2xui8>, %b: tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>>):
    %c = quern.matmul %a, %b : tensor<4x2xui8>, tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>> -> tensor<4x3xsi32>
    quern.return %c : tensor<4x3xsi32>
  } -> tensor<4x3xsi32>
  return %y : tensor<4x3xsi32>
}
