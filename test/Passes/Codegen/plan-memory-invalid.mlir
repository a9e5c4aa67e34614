// RUN: %quern_opt %s --verify-diagnostics --plan-memory

func.func @returns_input(%x: tensor<4xui8>) -> tensor<4xui8> {
  // expected-error @+1 {{result 0: expected a dispatch's own result, returned once (form-dispatches makes copies)}}
  return %x : tensor<4xui8>
}
