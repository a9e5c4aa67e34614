// RUN: %quern_opt %s --assign-tiles=target=fake | FileCheck %s
// RUN: not %quern_opt %s --assign-tiles=target=nowhere 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown target 'nowhere', expected one of {{.*}}fake

// The first has none yet, the second was given one by hand, the third needs none.

// CHECK-LABEL: func.func @main
// CHECK: quern.dispatch ins({{.*}}) tile {m = 6 : i64, n = 16 : i64} {
// CHECK: quern.dispatch ins({{.*}}) tile {m = 4 : i64} {
// CHECK: quern.dispatch ins(%{{[^)]*}}) {
func.func @main(%x: tensor<4x8xui8>, %w: tensor<8x16xsi8>) -> (tensor<4x16xsi32>, tensor<4x16xsi32>, tensor<4x1xsi32>) {
  %y = quern.dispatch ins(%x, %w : tensor<4x8xui8>, tensor<8x16xsi8>) {
  ^bb0(%a: tensor<4x8xui8>, %b: tensor<8x16xsi8>):
    %c = quern.matmul %a, %b : tensor<4x8xui8>, tensor<8x16xsi8> -> tensor<4x16xsi32>
    quern.return %c : tensor<4x16xsi32>
  } -> tensor<4x16xsi32>
  %z = quern.dispatch ins(%x, %w : tensor<4x8xui8>, tensor<8x16xsi8>) tile {m = 4 : i64} {
  ^bb0(%a: tensor<4x8xui8>, %b: tensor<8x16xsi8>):
    %c = quern.matmul %a, %b : tensor<4x8xui8>, tensor<8x16xsi8> -> tensor<4x16xsi32>
    quern.return %c : tensor<4x16xsi32>
  } -> tensor<4x16xsi32>
  %s = quern.dispatch ins(%x : tensor<4x8xui8>) {
  ^bb0(%a: tensor<4x8xui8>):
    %c = quern.reduce sum %a axes [1] : tensor<4x8xui8> -> tensor<4x1xsi32>
    quern.return %c : tensor<4x1xsi32>
  } -> tensor<4x1xsi32>
  return %y, %z, %s : tensor<4x16xsi32>, tensor<4x16xsi32>, tensor<4x1xsi32>
}
