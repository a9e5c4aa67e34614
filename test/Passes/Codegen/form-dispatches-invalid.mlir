// RUN: %quern_opt %s --verify-diagnostics --form-dispatches

func.func @float_form(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{no dispatch can hold 'quern.unary': expected integer form (see docs/ir.md)}}
  %y = quern.unary relu %x : tensor<4xf32> -> tensor<4xf32>
  return %y : tensor<4xf32>
}
