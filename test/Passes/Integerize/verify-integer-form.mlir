// RUN: %quern_opt %s --verify-integer-form --verify-diagnostics

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{'quern.unary' is left in integer form, expected a 'quern.map'}}
  %y = quern.unary relu %x : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}
