// RUN: %quern_opt %s --plan-threads=target=fake | FileCheck %s
// RUN: %quern_opt %s --plan-threads="target=fake threads=2" | FileCheck %s --check-prefix=TWO
// RUN: %quern_opt %s --plan-threads="target=fake threads=1" | FileCheck %s --check-prefix=ONE

// 512 multiply-accumulates are serial. 2^30 of them take 5 ms: 1024 rows in chunks of an eighth of a
// thread's share, with four threads and with two; one thread takes all at once.

// CHECK-LABEL: func.func @main
// TWO: quern.grain = 4 : i64
// TWO: quern.grain = 64 : i64
// ONE: quern.grain = 4 : i64
// ONE: quern.grain = 1024 : i64
// CHECK: {quern.bytes = 416 : i64, quern.grain = 4 : i64, quern.macs = 512 : i64, quern.units = 4 : i64}
// CHECK: {quern.bytes = 6291456 : i64, quern.grain = 32 : i64, quern.macs = 1073741824 : i64, quern.units = 1024 : i64}
func.func @main(%x: tensor<4x8xui8>, %w: tensor<8x16xsi8>, %u: tensor<1024x1024xui8>, %v: tensor<1024x1024xsi8>) -> (tensor<4x16xsi32>, tensor<1024x1024xsi32>) {
  %y = quern.dispatch ins(%x, %w : tensor<4x8xui8>, tensor<8x16xsi8>) {
  ^bb0(%a: tensor<4x8xui8>, %b: tensor<8x16xsi8>):
    %c = quern.matmul %a, %b : tensor<4x8xui8>, tensor<8x16xsi8> -> tensor<4x16xsi32>
    quern.return %c : tensor<4x16xsi32>
  } -> tensor<4x16xsi32>
  %z = quern.dispatch ins(%u, %v : tensor<1024x1024xui8>, tensor<1024x1024xsi8>) {
  ^bb0(%a: tensor<1024x1024xui8>, %b: tensor<1024x1024xsi8>):
    %c = quern.matmul %a, %b : tensor<1024x1024xui8>, tensor<1024x1024xsi8> -> tensor<1024x1024xsi32>
    quern.return %c : tensor<1024x1024xsi32>
  } -> tensor<1024x1024xsi32>
  return %y, %z : tensor<4x16xsi32>, tensor<1024x1024xsi32>
}
