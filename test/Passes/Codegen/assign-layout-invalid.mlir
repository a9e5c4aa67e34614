// RUN: %quern_opt %s --verify-diagnostics --assign-layout=target=fake

func.func @weights(%x: tensor<1x4x4x8xui8>, %w: tensor<8x1x1x8xsi8>) -> tensor<1x4x4x8xsi32> {
  %y = quern.dispatch ins(%x, %w : tensor<1x4x4x8xui8>, tensor<8x1x1x8xsi8>) {
  ^bb0(%a: tensor<1x4x4x8xui8>, %b: tensor<8x1x1x8xsi8>):
    // expected-error @+1 {{that is computed at run time: 'fake' packs convolution weights at compile time only}}
    %c = quern.conv %a, %b strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x8xui8>, tensor<8x1x1x8xsi8> -> tensor<1x4x4x8xsi32>
    quern.return %c : tensor<1x4x4x8xsi32>
  } -> tensor<1x4x4x8xsi32>
  return %y : tensor<1x4x4x8xsi32>
}
