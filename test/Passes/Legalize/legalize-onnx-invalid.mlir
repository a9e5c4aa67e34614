// RUN: %quern_opt %s --legalize-onnx --split-input-file --verify-diagnostics

func.func @unsupported(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{operator 'LSTM' of domain 'ai.onnx' is not supported; nearest supported form: the cell written as MatMul, Sigmoid and Tanh}}
  %y = onnx.node "LSTM"(%x) since 14 outputs ["y"] : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @version(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{'Add': expected schema version 7 or later, found version 6}}
  %y = onnx.node "Add"(%x, %x) since 6 outputs ["y"] : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @attribute(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{'Relu': attribute 'slope' is not supported; supported attributes: none}}
  %y = onnx.node "Relu"(%x) since 14 outputs ["y"] attributes {slope = 1.0 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @missing_input(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{'MatMul': expected input 1, found it omitted}}
  %y = onnx.node "MatMul"(%x) since 13 outputs ["y"] : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @bad_scale(%x: tensor<1x4xf32>) -> tensor<1x4xui8> {
  %s = quern.constant(dense<[0.5, 0.0, 0.5, 0.5]> : tensor<4xf32>) {site = "scales"} : tensor<4xf32>
  // expected-error @+1 {{'QuantizeLinear': expected positive, finite, normal scales in 'scales', found 0.000000e+00 at element 1}}
  %y = onnx.node "QuantizeLinear"(%x, %s) since 13 outputs ["y"] : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xui8>
  return %y : tensor<1x4xui8>
}

// -----

func.func @zero_point_type(%x: tensor<1x4xui8>) -> tensor<1x4xf32> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %z = quern.constant(dense<1> : tensor<si8>) {site = "zero"} : tensor<si8>
  // expected-error @+1 {{'DequantizeLinear': expected zero point 'zero' of the codes' type 'ui8', found 'si8'}}
  %y = onnx.node "DequantizeLinear"(%x, %s, %z) since 13 outputs ["y"] : (tensor<1x4xui8>, tensor<f32>, tensor<si8>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @scale_count(%x: tensor<1x4xui8>) -> tensor<1x4xf32> {
  %s = quern.constant(dense<0.5> : tensor<3xf32>) {site = "s"} : tensor<3xf32>
  // expected-error @+1 {{'DequantizeLinear': expected one scale, or 4 along axis 1 for 'tensor<1x4xui8>', found scale 's' of type 'tensor<3xf32>'}}
  %y = onnx.node "DequantizeLinear"(%x, %s) since 13 outputs ["y"] : (tensor<1x4xui8>, tensor<3xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @block(%x: tensor<1x4xui8>) -> tensor<1x4xf32> {
  %s = quern.constant(dense<0.5> : tensor<1x3xf32>) {site = "s"} : tensor<1x3xf32>
  // expected-error @+1 {{'DequantizeLinear': expected one scale for each block of 2 along axis 1 for 'tensor<1x4xui8>', found scale 's' of type 'tensor<1x3xf32>'}}
  %y = onnx.node "DequantizeLinear"(%x, %s) since 21 outputs ["y"] attributes {block_size = 2 : i64} : (tensor<1x4xui8>, tensor<1x3xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @axis(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // expected-error @+1 {{'Softmax': expected an axis in [-2, 2), found 2}}
  %y = onnx.node "Softmax"(%x) since 13 outputs ["y"] attributes {axis = 2 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

func.func @dynamic_shape(%x: tensor<1x4xf32>, %s: tensor<2xsi64> {quern.name = "shape"}) -> tensor<*xf32> {
  // expected-error @+1 {{'Reshape': expected the shape as a constant integer tensor, found 'shape' computed at run time}}
  %y = onnx.node "Reshape"(%x, %s) since 14 outputs ["y"] : (tensor<1x4xf32>, tensor<2xsi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @conv_channels(%x: tensor<1x3x8x8xf32>, %w: tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32> {
  // expected-error @+1 {{'Conv': expected input channels = group * 4 and 2 outputs divisible by group, found 3 channels and group 1}}
  %y = onnx.node "Conv"(%x, %w) since 11 outputs ["y"] : (tensor<1x3x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return %y : tensor<1x2x6x6xf32>
}

// -----

// expected-error @+1 {{input 'x': expected a static shape, found 'tensor<?x4xf32>'; nearest supported form: --shape=NAME=DIMS}}
func.func @open_input(%x: tensor<?x4xf32> {quern.name = "x"}) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}

// -----

func.func @indices_output(%x: tensor<1x1x4x4xf32>) -> tensor<1x1x2x2xsi64> {
  // expected-error @+1 {{'MaxPool': expected output 1 ('i') to be unused, found a use of it; only the first 1 output(s) are supported}}
  %y, %i = onnx.node "MaxPool"(%x) since 12 outputs ["y", "i"] attributes {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x1x4x4xf32>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xsi64>)
  return %i : tensor<1x1x2x2xsi64>
}
