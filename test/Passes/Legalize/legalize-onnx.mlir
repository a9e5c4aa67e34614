// RUN: %quern_opt %s --legalize-onnx --split-input-file | FileCheck %s

// A convolution is NHWC between transposes; its bias is an addition of its own.
// CHECK-LABEL: func.func @conv
// CHECK: %[[X:.*]] = quern.transpose %arg0 [0, 2, 3, 1]
// CHECK: %[[Y:.*]] = quern.conv %[[X]], %{{.*}} strides [2, 2] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : tensor<1x8x8x3xf32>, tensor<2x3x3x3xf32> -> tensor<1x4x4x2xf32>
// CHECK: %[[B:.*]] = quern.binary add %[[Y]], %{{.*}} : tensor<1x4x4x2xf32>, tensor<2xf32>
// CHECK: %[[R:.*]] = quern.transpose %[[B]] [0, 3, 1, 2]
// CHECK: return %[[R]] : tensor<1x2x4x4xf32>
func.func @conv(%x: tensor<1x3x8x8xf32> {quern.name = "x"}) -> tensor<1x2x4x4xf32> {
  %w = quern.constant(dense<0.5> : tensor<2x3x3x3xf32>) {site = "w"} : tensor<2x3x3x3xf32>
  %b = quern.constant(dense<[1.0, 2.0]> : tensor<2xf32>) {site = "b"} : tensor<2xf32>
  %y = onnx.node "Conv"(%x, %w, %b) since 11 outputs ["y"] attributes {pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<1x3x8x8xf32>, tensor<2x3x3x3xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %y : tensor<1x2x4x4xf32>
}

// -----

// Spatial rank 1 is a height of 1; SAME_UPPER pads the end first.
// CHECK-LABEL: func.func @conv_1d
// CHECK: quern.conv %{{.*}}, %{{.*}} strides [1, 2] pads [0, 0, 0, 1] dilations [1, 1] groups 1 : tensor<1x1x8x2xf32>, tensor<4x1x3x2xf32> -> tensor<1x1x4x4xf32>
// CHECK: return %{{.*}} : tensor<1x4x4xf32>
func.func @conv_1d(%x: tensor<1x2x8xf32>, %w: tensor<4x2x3xf32>) -> tensor<1x4x4xf32> {
  %y = onnx.node "Conv"(%x, %w) since 11 outputs ["y"] attributes {auto_pad = "SAME_UPPER", strides = array<i64: 2>} : (tensor<1x2x8xf32>, tensor<4x2x3xf32>) -> tensor<1x4x4xf32>
  return %y : tensor<1x4x4xf32>
}

// -----

// Shape arithmetic disappears: [N, -1] out of Shape, Gather, Unsqueeze, Concat.
// CHECK-LABEL: func.func @shape_arithmetic
// CHECK-NEXT: %[[R:.*]] = quern.reshape %arg0 : tensor<2x3x4xf32> -> tensor<2x12xf32>
// CHECK-NEXT: return %[[R]]
func.func @shape_arithmetic(%x: tensor<2x3x4xf32>) -> tensor<*xf32> {
  %zero = quern.constant(dense<0> : tensor<si64>) : tensor<si64>
  %rest = quern.constant(dense<-1> : tensor<1xsi64>) : tensor<1xsi64>
  %axes = quern.constant(dense<0> : tensor<1xsi64>) : tensor<1xsi64>
  %s = onnx.node "Shape"(%x) since 13 outputs ["s"] : (tensor<2x3x4xf32>) -> tensor<3xsi64>
  %n = onnx.node "Gather"(%s, %zero) since 13 outputs ["n"] attributes {axis = 0 : i64} : (tensor<3xsi64>, tensor<si64>) -> tensor<si64>
  %u = onnx.node "Unsqueeze"(%n, %axes) since 13 outputs ["u"] : (tensor<si64>, tensor<1xsi64>) -> tensor<1xsi64>
  %c = onnx.node "Concat"(%u, %rest) since 13 outputs ["c"] attributes {axis = 0 : i64} : (tensor<1xsi64>, tensor<1xsi64>) -> tensor<2xsi64>
  %r = onnx.node "Reshape"(%x, %c) since 14 outputs ["r"] : (tensor<2x3x4xf32>, tensor<2xsi64>) -> tensor<*xf32>
  return %r : tensor<*xf32>
}

// -----

// Before schema 13 softmax flattens from its axis on; afterwards it works along the axis.
// CHECK-LABEL: func.func @softmax
// CHECK: %[[F:.*]] = quern.reshape %arg0 : tensor<2x3x4xf32> -> tensor<2x12xf32>
// CHECK: quern.softmax %[[F]]
// CHECK: %[[T:.*]] = quern.transpose %{{.*}} [0, 2, 1] : tensor<2x3x4xf32> -> tensor<2x4x3xf32>
// CHECK: %[[S:.*]] = quern.softmax %[[T]]
// CHECK: quern.transpose %[[S]] [0, 2, 1]
func.func @softmax(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %old = onnx.node "Softmax"(%x) since 11 outputs ["a"] : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %new = onnx.node "Softmax"(%old) since 13 outputs ["b"] attributes {axis = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %new : tensor<2x3x4xf32>
}

// -----

// An average is a sum and a factor, which varies where windows leave the input. With ceil_mode the
// last window hangs over by one.
// CHECK-LABEL: func.func @pools
// CHECK: %[[S:.*]] = quern.pool sum %{{.*}} kernel [2, 2] strides [2, 2] pads [0, 0, 0, 0]
// CHECK: quern.binary mul %[[S]], %{{.*}} : tensor<1x2x2x2xf32>, tensor<f32>
// CHECK: %[[P:.*]] = quern.pool sum %{{.*}} kernel [3, 3] strides [1, 1] pads [1, 1, 1, 1]
// CHECK: quern.binary mul %[[P]], %{{.*}} : tensor<1x5x5x2xf32>, tensor<1x5x5x1xf32>
// CHECK: quern.pool max %{{.*}} kernel [2, 2] strides [2, 2] pads [0, 0, 1, 1] dilations [1, 1] : tensor<1x5x5x2xf32> -> tensor<1x3x3x2xf32>
func.func @pools(%x: tensor<1x2x5x5xf32>) -> (tensor<1x2x2x2xf32>, tensor<1x2x5x5xf32>, tensor<1x2x3x3xf32>) {
  %a = onnx.node "AveragePool"(%x) since 22 outputs ["a"] attributes {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x2x2xf32>
  %b = onnx.node "AveragePool"(%x) since 22 outputs ["b"] attributes {kernel_shape = array<i64: 3, 3>, pads = array<i64: 1, 1, 1, 1>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x5x5xf32>
  %c = onnx.node "MaxPool"(%x) since 12 outputs ["c"] attributes {ceil_mode = 1 : i64, kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<1x2x5x5xf32>) -> tensor<1x2x3x3xf32>
  return %a, %b, %c : tensor<1x2x2x2xf32>, tensor<1x2x5x5xf32>, tensor<1x2x3x3xf32>
}

// -----

// f16 models are computed in f32: cast at the border, weights kept as they are.
// CHECK-LABEL: func.func @half
// CHECK-SAME: -> tensor<1x2xf16>
// CHECK-DAG: %[[X:.*]] = quern.cast %arg0 : tensor<1x3xf16> -> tensor<1x3xf32>
// CHECK: quern.matmul %[[X]]
// CHECK: %[[R:.*]] = quern.cast %{{.*}} : tensor<1x2xf32> -> tensor<1x2xf16>
// CHECK: return %[[R]] : tensor<1x2xf16>
func.func @half(%x: tensor<1x3xf16>, %w: tensor<3x2xf16>) -> tensor<1x2xf16> {
  %y = onnx.node "MatMul"(%x, %w) since 13 outputs ["y"] : (tensor<1x3xf16>, tensor<3x2xf16>) -> tensor<1x2xf16>
  return %y : tensor<1x2xf16>
}

// -----

// Both forms of Clip, a slice that goes backwards, a reflected border.
// CHECK-LABEL: func.func @indexing
// CHECK: quern.clamp %arg0 to 0.000000e+00, 6.000000e+00
// CHECK: quern.clamp %{{.*}} to 1.000000e+00, 0x7F800000
// CHECK: quern.slice %{{.*}} starts [3, 0] steps [-2, 1] : tensor<4x3xf32> -> tensor<2x3xf32>
// CHECK: %[[L:.*]] = quern.slice %[[S:.*]] starts [0, 2] steps [1, -1] : tensor<2x3xf32> -> tensor<2x2xf32>
// CHECK: quern.concat %[[L]], %[[S]] axis 1 : tensor<2x2xf32>, tensor<2x3xf32> -> tensor<2x5xf32>
func.func @indexing(%x: tensor<4x3xf32>) -> tensor<2x5xf32> {
  %low = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %a = onnx.node "Clip"(%x) since 6 outputs ["a"] attributes {max = 6.0 : f32, min = 0.0 : f32} : (tensor<4x3xf32>) -> tensor<4x3xf32>
  %b = onnx.node "Clip"(%a, %low) since 13 outputs ["b"] : (tensor<4x3xf32>, tensor<f32>) -> tensor<4x3xf32>
  %start = quern.constant(dense<-1> : tensor<1xsi64>) : tensor<1xsi64>
  %end = quern.constant(dense<-9223372036854775807> : tensor<1xsi64>) : tensor<1xsi64>
  %axis = quern.constant(dense<0> : tensor<1xsi64>) : tensor<1xsi64>
  %step = quern.constant(dense<-2> : tensor<1xsi64>) : tensor<1xsi64>
  %c = onnx.node "Slice"(%b, %start, %end, %axis, %step) since 13 outputs ["c"] : (tensor<4x3xf32>, tensor<1xsi64>, tensor<1xsi64>, tensor<1xsi64>, tensor<1xsi64>) -> tensor<2x3xf32>
  %pads = quern.constant(dense<[0, 2, 0, 0]> : tensor<4xsi64>) : tensor<4xsi64>
  %d = onnx.node "Pad"(%c, %pads) since 13 outputs ["d"] attributes {mode = "reflect"} : (tensor<2x3xf32>, tensor<4xsi64>) -> tensor<2x5xf32>
  return %d : tensor<2x5xf32>
}

// -----

// Batch normalization is a factor and an offset along the channels, evaluated at once.
// CHECK-LABEL: func.func @batch_norm
// CHECK-DAG: %[[M:.*]] = quern.constant(dense<[2.000000e+00, 3.000000e+00]> : tensor<2xf32>)
// CHECK-DAG: %[[A:.*]] = quern.constant(dense<[-1.000000e+00, -2.000000e+00]> : tensor<2xf32>)
// CHECK: %[[T:.*]] = quern.transpose %arg0 [0, 2, 1]
// CHECK: %[[Y:.*]] = quern.binary mul %[[T]], %[[M]]
// CHECK: quern.binary add %[[Y]], %[[A]]
func.func @batch_norm(%x: tensor<1x2x4xf32>) -> tensor<1x2x4xf32> {
  %scale = quern.constant(dense<[2.0, 3.0]> : tensor<2xf32>) : tensor<2xf32>
  %bias = quern.constant(dense<[1.0, 1.0]> : tensor<2xf32>) : tensor<2xf32>
  %mean = quern.constant(dense<[1.0, 1.0]> : tensor<2xf32>) : tensor<2xf32>
  %var = quern.constant(dense<[1.0, 1.0]> : tensor<2xf32>) : tensor<2xf32>
  %y = onnx.node "BatchNormalization"(%x, %scale, %bias, %mean, %var) since 15 outputs ["y"] attributes {epsilon = 0.0 : f32} : (tensor<1x2x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4xf32>
  return %y : tensor<1x2x4xf32>
}

// -----

// The least integer is its own negative, as in the compiled code.
// CHECK-LABEL: func.func @least_integer
// CHECK: %[[M:.*]] = quern.constant(dense<-9223372036854775808> : tensor<si64>)
// CHECK: %[[N:.*]] = quern.constant(dense<-9223372036854775808> : tensor<si64>)
// CHECK: return %[[M]], %[[N]]
func.func @least_integer(%x: tensor<1xf32>) -> (tensor<si64>, tensor<si64>) {
  %m = quern.constant(dense<-9223372036854775808> : tensor<si64>) : tensor<si64>
  %a = onnx.node "Neg"(%m) since 13 outputs ["a"] : (tensor<si64>) -> tensor<si64>
  %b = onnx.node "Abs"(%m) since 13 outputs ["b"] : (tensor<si64>) -> tensor<si64>
  return %a, %b : tensor<si64>, tensor<si64>
}

// -----

// With ceil_mode, the only window would start after an empty input: no positions to average.
// CHECK-LABEL: func.func @no_windows
// CHECK: quern.pool sum %{{.*}} : tensor<1x0x4x1xf32> -> tensor<1x0x3x1xf32>
func.func @no_windows(%x: tensor<1x1x0x4xf32>) -> tensor<1x1x0x3xf32> {
  %y = onnx.node "AveragePool"(%x) since 22 outputs ["y"] attributes {ceil_mode = 1 : i64, kernel_shape = array<i64: 2, 2>, pads = array<i64: 0, 0, 2, 0>} : (tensor<1x1x0x4xf32>) -> tensor<1x1x0x3xf32>
  return %y : tensor<1x1x0x3xf32>
}

// -----

// The place of the largest element: the smallest index that holds it.
// CHECK-LABEL: func.func @argmax
// CHECK: %[[M:.*]] = quern.reduce max %arg0 axes [1] : tensor<2x5xf32> -> tensor<2x1xf32>
// CHECK: %[[E:.*]] = quern.binary equal %arg0, %[[M]]
// CHECK: %[[S:.*]] = quern.select %[[E]], %{{.*}}, %{{.*}} : tensor<2x5xi1>, tensor<1x5xf32>, tensor<f32> -> tensor<2x5xf32>
// CHECK: %[[I:.*]] = quern.reduce min %[[S]] axes [1]
// CHECK: quern.cast %{{.*}} : tensor<2xf32> -> tensor<2xsi64>
func.func @argmax(%x: tensor<2x5xf32>) -> tensor<2xsi64> {
  %y = onnx.node "ArgMax"(%x) since 13 outputs ["y"] attributes {axis = -1 : i64, keepdims = 0 : i64} : (tensor<2x5xf32>) -> tensor<2xsi64>
  return %y : tensor<2xsi64>
}

// -----

// Sums moved by 1, 2 and 4 cover five elements.
// CHECK-LABEL: func.func @cumsum
// CHECK: %[[S:.*]] = quern.slice %arg0 starts [0] steps [1] : tensor<5xf32> -> tensor<4xf32>
// CHECK: %[[P:.*]] = quern.pad %[[S]], %{{.*}} low [1] : tensor<4xf32>, tensor<f32> -> tensor<5xf32>
// CHECK: quern.binary add %arg0, %[[P]]
// CHECK: quern.pad %{{.*}} low [2]
// CHECK: quern.pad %{{.*}} low [4]
// CHECK-NOT: quern.pad
func.func @cumsum(%x: tensor<5xf32>) -> tensor<5xf32> {
  %axis = quern.constant(dense<0> : tensor<si64>) : tensor<si64>
  %y = onnx.node "CumSum"(%x, %axis) since 14 outputs ["y"] : (tensor<5xf32>, tensor<si64>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

// Elements by position are one gather from the flattened data; constant positions are computed here.
// CHECK-LABEL: func.func @gather_elements
// CHECK-DAG: %[[P:.*]] = quern.constant(dense<{{\[\[}}2, 1], [3, 4{{\]\]}}> : tensor<2x2xsi64>)
// CHECK-DAG: %[[F:.*]] = quern.reshape %arg0 : tensor<2x3xf32> -> tensor<6xf32>
// CHECK: quern.gather %[[F]], %[[P]] axis 0
func.func @gather_elements(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %i = quern.constant(dense<[[-1, 1], [0, 1]]> : tensor<2x2xsi64>) : tensor<2x2xsi64>
  %y = onnx.node "GatherElements"(%x, %i) since 13 outputs ["y"] attributes {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x2xsi64>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// Tuples of two indices name rows of the data; each batch has its own.
// CHECK-LABEL: func.func @gather_nd
// CHECK-DAG: %[[P:.*]] = quern.constant(dense<[1, 2]> : tensor<2xsi64>)
// CHECK-DAG: %[[F:.*]] = quern.reshape %arg0 : tensor<2x2x4xf32> -> tensor<4x4xf32>
// CHECK: quern.gather %[[F]], %[[P]] axis 0 : tensor<4x4xf32>, tensor<2xsi64> -> tensor<2x4xf32>
func.func @gather_nd(%x: tensor<2x2x4xf32>) -> tensor<2x4xf32> {
  %i = quern.constant(dense<[[1], [0]]> : tensor<2x1xsi64>) : tensor<2x1xsi64>
  %y = onnx.node "GatherND"(%x, %i) since 13 outputs ["y"] attributes {batch_dims = 1 : i64} : (tensor<2x2x4xf32>, tensor<2x1xsi64>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// Rows replaced at constant places are picked from the data and the updates; the last update wins.
// CHECK-LABEL: func.func @scatter_nd
// CHECK-DAG: %[[P:.*]] = quern.constant(dense<[0, 4, 2]> : tensor<3xsi64>)
// CHECK-DAG: %[[B:.*]] = quern.concat %arg0, %arg1 axis 0 : tensor<3x2xf32>, tensor<2x2xf32> -> tensor<5x2xf32>
// CHECK: quern.gather %[[B]], %[[P]] axis 0
func.func @scatter_nd(%x: tensor<3x2xf32>, %u: tensor<2x2xf32>) -> tensor<3x2xf32> {
  %i = quern.constant(dense<[[1], [-2]]> : tensor<2x1xsi64>) : tensor<2x1xsi64>
  %y = onnx.node "ScatterND"(%x, %i, %u) since 13 outputs ["y"] : (tensor<3x2xf32>, tensor<2x1xsi64>, tensor<2x2xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// -----

// CHECK-LABEL: func.func @scatter_elements
// CHECK-DAG: %[[P:.*]] = quern.constant(dense<[4, 1, 5, 3]> : tensor<4xsi64>)
// CHECK: quern.gather %{{.*}}, %[[P]] axis 0 : tensor<6x1xf32>, tensor<4xsi64> -> tensor<4x1xf32>
func.func @scatter_elements(%x: tensor<2x2xf32>, %u: tensor<2x1xf32>) -> tensor<2x2xf32> {
  %i = quern.constant(dense<0> : tensor<2x1xsi64>) : tensor<2x1xsi64>
  %y = onnx.node "ScatterElements"(%x, %i, %u) since 18 outputs ["y"] attributes {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x1xsi64>, tensor<2x1xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// A transposed convolution spreads its input and turns its weights; the codes of the weights are turned,
// not their values, and keep their axis.
// CHECK-LABEL: func.func @conv_transpose
// CHECK: quern.pad %{{.*}} low [0, 0, 0, 0, 0, 0] : tensor<1x3x1x3x1x2xf32>, tensor<f32> -> tensor<1x3x2x3x2x2xf32>
// CHECK: %[[X:.*]] = quern.slice %{{.*}} : tensor<1x6x6x2xf32> -> tensor<1x5x5x2xf32>
// CHECK: %[[R:.*]] = quern.slice %{{.*}} starts [0, 0, 1, 1] steps [1, 1, -1, -1] : tensor<2x2x2x2xsi8> -> tensor<2x2x2x2xsi8>
// CHECK: %[[T:.*]] = quern.transpose %[[R]] [1, 2, 3, 0]
// CHECK: %[[D:.*]] = quern.dequantize %[[T]], %{{.*}} {axis = 0 : i64, site = "w"} : tensor<2x2x2x2xsi8>, tensor<2xf32> -> tensor<2x2x2x2xf32>
// CHECK: quern.conv %[[X]], %[[D]] strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : tensor<1x5x5x2xf32>, tensor<2x2x2x2xf32> -> tensor<1x6x6x2xf32>
func.func @conv_transpose(%x: tensor<1x2x3x3xf32>) -> tensor<1x2x6x6xf32> {
  %c = quern.constant(dense<1> : tensor<2x2x2x2xsi8>) {site = "w"} : tensor<2x2x2x2xsi8>
  %s = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  %z = quern.constant(dense<0> : tensor<2xsi8>) : tensor<2xsi8>
  %w = onnx.node "DequantizeLinear"(%c, %s, %z) since 13 outputs ["w"] attributes {axis = 1 : i64} : (tensor<2x2x2x2xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x2x2xf32>
  %y = onnx.node "ConvTranspose"(%x, %w) since 11 outputs ["y"] attributes {strides = array<i64: 2, 2>} : (tensor<1x2x3x3xf32>, tensor<2x2x2x2xf32>) -> tensor<1x2x6x6xf32>
  return %y : tensor<1x2x6x6xf32>
}

// -----

// Linear by 2: two neighbours each, a quarter and three quarters; height and width, channels last.
// CHECK-LABEL: func.func @resize_linear
// CHECK-DAG: %[[LOW:.*]] = quern.constant(dense<[0, 0, 0, 1]> : tensor<4xsi64>)
// CHECK-DAG: %[[HIGH:.*]] = quern.constant(dense<[0, 1, 1, 1]> : tensor<4xsi64>)
// CHECK-DAG: %[[X:.*]] = quern.transpose %arg0 [0, 2, 3, 1]
// CHECK-DAG: quern.gather %[[X]], %[[LOW]] axis 1 : tensor<1x2x2x3xf32>, tensor<4xsi64> -> tensor<1x4x2x3xf32>
// CHECK-DAG: quern.gather %[[X]], %[[HIGH]] axis 1 : tensor<1x2x2x3xf32>, tensor<4xsi64> -> tensor<1x4x2x3xf32>
// CHECK: quern.binary mul %{{.*}} : tensor<1x4x2x3xf32>, tensor<1x4x1x1xf32>
// CHECK: quern.gather %{{.*}} axis 2 : tensor<1x4x2x3xf32>, tensor<4xsi64> -> tensor<1x4x4x3xf32>
func.func @resize_linear(%x: tensor<1x3x2x2xf32>) -> tensor<1x3x4x4xf32> {
  %none = onnx.absent
  %sizes = quern.constant(dense<[1, 3, 4, 4]> : tensor<4xsi64>) : tensor<4xsi64>
  %y = onnx.node "Resize"(%x, %none, %none, %sizes) since 13 outputs ["y"] attributes {mode = "linear"} : (tensor<1x3x2x2xf32>, none, none, tensor<4xsi64>) -> tensor<1x3x4x4xf32>
  return %y : tensor<1x3x4x4xf32>
}

// -----

// Three channels around each: squares, padded by one on both sides.
// CHECK-LABEL: func.func @lrn
// CHECK: %[[X:.*]] = quern.transpose %arg0 [0, 2, 3, 1]
// CHECK: quern.pad %{{.*}} low [0, 0, 0, 1] : tensor<1x2x2x4xf32>, tensor<f32> -> tensor<1x2x2x6xf32>
// CHECK: %[[B:.*]] = quern.binary pow
// CHECK: quern.binary div %[[X]], %[[B]]
func.func @lrn(%x: tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32> {
  %y = onnx.node "LRN"(%x) since 13 outputs ["y"] attributes {size = 3 : i64} : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  return %y : tensor<1x4x2x2xf32>
}

// -----

// The batch first, then the letters of one operand, then those that are summed: one matrix product.
// CHECK-LABEL: func.func @einsum
// CHECK-DAG: %[[L:.*]] = quern.transpose %arg0 [1, 0, 2] : tensor<3x2x5xf32> -> tensor<2x3x5xf32>
// CHECK-DAG: %[[R:.*]] = quern.transpose %arg1 [0, 2, 1] : tensor<2x4x5xf32> -> tensor<2x5x4xf32>
// CHECK: %[[P:.*]] = quern.matmul %[[L]], %[[R]]
// CHECK: quern.transpose %[[P]] [1, 0, 2] : tensor<2x3x4xf32> -> tensor<3x2x4xf32>
func.func @einsum(%x: tensor<3x2x5xf32>, %y: tensor<2x4x5xf32>) -> tensor<3x2x4xf32> {
  %z = onnx.node "Einsum"(%x, %y) since 12 outputs ["z"] attributes {equation = "ibk, bjk -> ibj"} : (tensor<3x2x5xf32>, tensor<2x4x5xf32>) -> tensor<3x2x4xf32>
  return %z : tensor<3x2x4xf32>
}

// -----

// CHECK-LABEL: func.func @trilu
// CHECK: %[[M:.*]] = quern.constant(dense<{{\[\[}}false, true, true], [false, false, true{{\]\]}}> : tensor<2x3xi1>)
// CHECK: quern.select %[[M]], %arg0, %{{.*}} : tensor<2x3xi1>, tensor<2x3xf32>, tensor<f32> -> tensor<2x3xf32>
func.func @trilu(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %k = quern.constant(dense<1> : tensor<si64>) : tensor<si64>
  %y = onnx.node "Trilu"(%x, %k) since 14 outputs ["y"] : (tensor<2x3xf32>, tensor<si64>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @one_hot
// CHECK: %[[I:.*]] = quern.reshape %{{.*}} : tensor<2xsi64> -> tensor<2x1xsi64>
// CHECK: %[[E:.*]] = quern.binary equal %[[I]], %{{.*}} : tensor<2x1xsi64>, tensor<1x3xsi64> -> tensor<2x3xi1>
// CHECK: quern.select %[[E]], %{{.*}}, %{{.*}} : tensor<2x3xi1>, tensor<f32>, tensor<f32> -> tensor<2x3xf32>
func.func @one_hot(%x: tensor<2xsi64>) -> tensor<2x3xf32> {
  %d = quern.constant(dense<3> : tensor<si64>) : tensor<si64>
  %v = quern.constant(dense<[0.0, 1.0]> : tensor<2xf32>) : tensor<2xf32>
  %y = onnx.node "OneHot"(%x, %d, %v) since 11 outputs ["y"] : (tensor<2xsi64>, tensor<si64>, tensor<2xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @is_nan
// CHECK: %[[E:.*]] = quern.binary equal %arg0, %arg0
// CHECK: quern.unary not %[[E]]
func.func @is_nan(%x: tensor<2xf32>) -> tensor<2xi1> {
  %y = onnx.node "IsNaN"(%x) since 13 outputs ["y"] : (tensor<2xf32>) -> tensor<2xi1>
  return %y : tensor<2xi1>
}
