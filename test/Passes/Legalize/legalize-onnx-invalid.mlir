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

// -----

func.func @too_large(%x: tensor<1xf32>) -> tensor<*xf32> {
  %s = quern.constant(dense<[4294967296, 4294967296]> : tensor<2xsi64>) : tensor<2xsi64>
  // expected-error @+1 {{'Expand': expected sizes >= 0 and at most 2^40 elements, found shape [4294967296, 4294967296]}}
  %y = onnx.node "Expand"(%x, %s) since 13 outputs ["y"] : (tensor<1xf32>, tensor<2xsi64>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @too_wide_window(%x: tensor<1x1x4x4xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{'AveragePool': expected attribute 'pads' with 4 values from 0 to 1048576, found [0, 0, 9223372036854775807, 0]}}
  %y = onnx.node "AveragePool"(%x) since 22 outputs ["y"] attributes {kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 9223372036854775807, 0>} : (tensor<1x1x4x4xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @packed_weights(%x: tensor<1x16xf32>, %w: tensor<2x1x8xui8> {quern.name = "w"}) -> !onnx.unknown {
  %s = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  // expected-error @+1 {{'MatMulNBits': expected the weights as a constant of 2 rows of 16 codes of 4 bits, found 'w' of type 'tensor<2x1x8xui8>'}}
  %y = onnx.node "MatMulNBits"(%x, %w, %s) of "com.microsoft" since 1 outputs ["y"] attributes {K = 16 : i64, N = 2 : i64, bits = 4 : i64, block_size = 16 : i64} : (tensor<1x16xf32>, tensor<2x1x8xui8>, tensor<2xf32>) -> !onnx.unknown
  return %y : !onnx.unknown
}

// -----

// Empty dimensions are divisible by any block: the number of channels must not overflow.
func.func @block_size(%x: tensor<1x4x0x0xf32>) -> tensor<1x4x0x0xf32> {
  // expected-error @+1 {{'SpaceToDepth': expected sizes >= 0 and at most 2^40 elements, found shape [4, 4611686018427387904, 4611686018427387904]}}
  %y = onnx.node "SpaceToDepth"(%x) since 13 outputs ["y"] attributes {blocksize = 4611686018427387904 : i64} : (tensor<1x4x0x0xf32>) -> tensor<1x4x0x0xf32>
  return %y : tensor<1x4x0x0xf32>
}

// -----

func.func @scatter_at_run_time(%x: tensor<3x2xf32>, %i: tensor<1x1xsi64> {quern.name = "i"}, %u: tensor<1x2xf32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{'ScatterND': expected the indices as a constant integer tensor, found 'i' computed at run time}}
  %y = onnx.node "ScatterND"(%x, %i, %u) since 13 outputs ["y"] : (tensor<3x2xf32>, tensor<1x1xsi64>, tensor<1x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @scatter_outside(%x: tensor<3x2xf32>, %u: tensor<1x2xf32>) -> tensor<3x2xf32> {
  %i = quern.constant(dense<3> : tensor<1x1xsi64>) : tensor<1x1xsi64>
  // expected-error @+1 {{'ScatterND': expected indices in [-3, 3), found 3}}
  %y = onnx.node "ScatterND"(%x, %i, %u) since 13 outputs ["y"] : (tensor<3x2xf32>, tensor<1x1xsi64>, tensor<1x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

func.func @scatter_add(%x: tensor<3xf32>, %u: tensor<1xf32>) -> tensor<3xf32> {
  %i = quern.constant(dense<1> : tensor<1xsi64>) : tensor<1xsi64>
  // expected-error @+1 {{'ScatterElements': expected reduction none, found add}}
  %y = onnx.node "ScatterElements"(%x, %i, %u) since 18 outputs ["y"] attributes {reduction = "add"} : (tensor<3xf32>, tensor<1xsi64>, tensor<1xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @gather_elements_outside(%x: tensor<2x3xf32>) -> tensor<1x1xf32> {
  %i = quern.constant(dense<-3> : tensor<1x1xsi64>) : tensor<1x1xsi64>
  // expected-error @+1 {{'GatherElements': expected indices in [-2, 2), found -3}}
  %y = onnx.node "GatherElements"(%x, %i) since 13 outputs ["y"] : (tensor<2x3xf32>, tensor<1x1xsi64>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

func.func @gather_tuples(%x: tensor<2x3xf32>) -> tensor<1xf32> {
  %i = quern.constant(dense<0> : tensor<1x3xsi64>) : tensor<1x3xsi64>
  // expected-error @+1 {{'GatherND': expected index tuples that fit the data behind 0 common dimensions, found 'tensor<2x3xf32>' and 'tensor<1x3xsi64>'}}
  %y = onnx.node "GatherND"(%x, %i) since 13 outputs ["y"] : (tensor<2x3xf32>, tensor<1x3xsi64>) -> tensor<1xf32>
  return %y : tensor<1xf32>
}

// -----

func.func @resize_mode(%x: tensor<1x1x4x4xf32>) -> tensor<*xf32> {
  %none = onnx.absent
  %s = quern.constant(dense<[1.0, 1.0, 2.0, 2.0]> : tensor<4xf32>) : tensor<4xf32>
  // expected-error @+1 {{'Resize': expected coordinate_transformation_mode half_pixel, half_pixel_symmetric, pytorch_half_pixel, asymmetric, align_corners, found tf_crop_and_resize}}
  %y = onnx.node "Resize"(%x, %none, %s) since 13 outputs ["y"] attributes {coordinate_transformation_mode = "tf_crop_and_resize"} : (tensor<1x1x4x4xf32>, none, tensor<4xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @resize_to_nothing(%x: tensor<1x1x4x4xf32>) -> tensor<*xf32> {
  %none = onnx.absent
  %s = quern.constant(dense<[1.0, 1.0, 0.1, 2.0]> : tensor<4xf32>) : tensor<4xf32>
  // expected-error @+1 {{'Resize': expected sizes from 1 to 2^20, found 4 to become 0 in dimension 2}}
  %y = onnx.node "Resize"(%x, %none, %s) since 13 outputs ["y"] : (tensor<1x1x4x4xf32>, none, tensor<4xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @transposed_pads(%x: tensor<1x1x2x2xf32>, %w: tensor<1x1x2x2xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{'ConvTranspose': expected pads that leave something of the }}
  %y = onnx.node "ConvTranspose"(%x, %w) since 11 outputs ["y"] attributes {pads = array<i64: 2, 2, 2, 2>} : (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @transposed_channels(%x: tensor<1x3x2x2xf32>, %w: tensor<2x1x2x2xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{'ConvTranspose': expected an input [N, C, ...] with 1 or 2 spatial dimensions, weights [C, M / group, ...] and a bias [M], found 'tensor<1x3x2x2xf32>', 'tensor<2x1x2x2xf32>' with group 1}}
  %y = onnx.node "ConvTranspose"(%x, %w) since 11 outputs ["y"] : (tensor<1x3x2x2xf32>, tensor<2x1x2x2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @argmax_of_nothing(%x: tensor<2x0xf32>) -> tensor<*xsi64> {
  // expected-error @+1 {{'ArgMax': expected from 1 to 2^24 elements along the axis, found 0}}
  %y = onnx.node "ArgMax"(%x) since 13 outputs ["y"] attributes {axis = 1 : i64} : (tensor<2x0xf32>) -> tensor<*xsi64>
  return %y : tensor<*xsi64>
}

// -----

func.func @lrn_size(%x: tensor<1x4x2x2xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{'LRN': expected rank >= 2 and a size from 1 to 256, found 'tensor<1x4x2x2xf32>' and 0}}
  %y = onnx.node "LRN"(%x) since 13 outputs ["y"] : (tensor<1x4x2x2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @einsum_diagonal(%x: tensor<3x3xf32>) -> tensor<3xf32> {
  // expected-error @+1 {{'Einsum': expected one or two operands with a different letter for each dimension, found 'ii->i'; nearest supported form: products of two operands, one after the other}}
  %y = onnx.node "Einsum"(%x) since 12 outputs ["y"] attributes {equation = "ii->i"} : (tensor<3x3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// -----

func.func @einsum_sizes(%x: tensor<3x4xf32>, %y: tensor<5x2xf32>) -> tensor<3x2xf32> {
  // expected-error @+1 {{'Einsum': expected one size for the letter 'k' in both operands}}
  %z = onnx.node "Einsum"(%x, %y) since 12 outputs ["z"] attributes {equation = "ik,kj->ij"} : (tensor<3x4xf32>, tensor<5x2xf32>) -> tensor<3x2xf32>
  return %z : tensor<3x2xf32>
}

// -----

func.func @one_hot_depth(%x: tensor<2xsi64>) -> tensor<*xf32> {
  %d = quern.constant(dense<0> : tensor<si64>) : tensor<si64>
  %v = quern.constant(dense<[0.0, 1.0]> : tensor<2xf32>) : tensor<2xf32>
  // expected-error @+1 {{'OneHot': expected a depth from 1 to 2^24 and two values, found 0}}
  %y = onnx.node "OneHot"(%x, %d, %v) since 11 outputs ["y"] : (tensor<2xsi64>, tensor<si64>, tensor<2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}

// -----

func.func @trilu_vector(%x: tensor<2xf32>) -> tensor<*xf32> {
  // expected-error @+1 {{'Trilu': expected rank >= 2 and matrices of at most 2^20 rows and columns, found 'tensor<2xf32>'}}
  %y = onnx.node "Trilu"(%x) since 14 outputs ["y"] : (tensor<2xf32>) -> tensor<*xf32>
  return %y : tensor<*xf32>
}
