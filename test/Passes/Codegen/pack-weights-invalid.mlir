// RUN: %quern_opt %s --verify-diagnostics --pack-weights=target=fake

func.func @main(%x: tensor<2x3xsi8>) -> tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>> {
  // expected-error @+1 {{expected a constant that a convolution or product reads packed}}
  %p = quern.relayout %x : tensor<2x3xsi8> -> tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>>
  return %p : tensor<2x3xsi8, #quern.packed<"fake", 16, 4, 64>>
}
