// RUN: %quern_opt %s --legalize-onnx --split-input-file | FileCheck %s

// The weights' transposition goes below their dequantize, and a bias keeps its si32 codes.
// CHECK-LABEL: func.func @qdq
// CHECK: %[[B:.*]] = quern.dequantize %{{.*}}, %{{.*}} {axis = 0 : i64, site = "b"} : tensor<2xsi32>, tensor<2xf32> -> tensor<2xf32>
// CHECK: %[[X:.*]] = quern.dequantize %arg0, %{{.*}}, %{{.*}} {site = "x"} : tensor<1x3x4x4xui8>, tensor<f32>, tensor<ui8>
// CHECK: %[[W:.*]] = quern.dequantize %{{.*}}, %{{.*}} {axis = 0 : i64, site = "w"} : tensor<2x1x1x3xsi8>, tensor<2xf32> -> tensor<2x1x1x3xf32>
// CHECK: quern.conv %{{.*}}, %[[W]]
// CHECK: quern.binary add %{{.*}}, %[[B]]
// CHECK: quern.quantize %{{.*}}, %{{.*}} {site = "q"} : tensor<1x2x4x4xf32>, tensor<f32> -> tensor<1x2x4x4xsi8>
func.func @qdq(%codes: tensor<1x3x4x4xui8>) -> tensor<1x2x4x4xsi8> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %z = quern.constant(dense<3> : tensor<ui8>) : tensor<ui8>
  %sw = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  %zw = quern.constant(dense<0> : tensor<2xsi8>) : tensor<2xsi8>
  %wq = quern.constant(dense<[[[[1]], [[2]], [[3]]], [[[4]], [[5]], [[6]]]]> : tensor<2x3x1x1xsi8>) : tensor<2x3x1x1xsi8>
  %bq = quern.constant(dense<[7, 8]> : tensor<2xsi32>) : tensor<2xsi32>
  %sy = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %zy = quern.constant(dense<0> : tensor<1xsi8>) : tensor<1xsi8>
  %b = onnx.node "DequantizeLinear"(%bq, %sw) since 13 outputs ["b"] attributes {axis = 0 : i64} : (tensor<2xsi32>, tensor<2xf32>) -> tensor<2xf32>
  %x = onnx.node "DequantizeLinear"(%codes, %s, %z) since 13 outputs ["x"] : (tensor<1x3x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x4x4xf32>
  %w = onnx.node "DequantizeLinear"(%wq, %sw, %zw) since 13 outputs ["w"] attributes {axis = 0 : i64} : (tensor<2x3x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x3x1x1xf32>
  %y = onnx.node "Conv"(%x, %w, %b) since 11 outputs ["y"] : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %q = onnx.node "QuantizeLinear"(%y, %sy, %zy) since 13 outputs ["q"] : (tensor<1x2x4x4xf32>, tensor<1xf32>, tensor<1xsi8>) -> tensor<1x2x4x4xsi8>
  return %q : tensor<1x2x4x4xsi8>
}

// -----

// QLinearConv: the bias has scale sx * sw.
// CHECK-LABEL: func.func @qlinear_conv
// CHECK-DAG: %[[SB:.*]] = quern.constant(dense<[2.500000e-01, 1.250000e-01]> : tensor<2xf32>)
// CHECK: quern.dequantize %{{.*}}, %[[SB]] {axis = 0 : i64} : tensor<2xsi32>
// CHECK: quern.conv
// CHECK: quern.quantize %{{.*}} {site = "y"}
func.func @qlinear_conv(%x: tensor<1x3x4x4xui8>, %w: tensor<2x3x1x1xsi8>, %b: tensor<2xsi32>) -> tensor<1x2x4x4xui8> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %z = quern.constant(dense<3> : tensor<ui8>) : tensor<ui8>
  %sw = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  %zw = quern.constant(dense<0> : tensor<2xsi8>) : tensor<2xsi8>
  %y = onnx.node "QLinearConv"(%x, %s, %z, %w, %sw, %zw, %s, %z, %b) since 10 outputs ["y"] : (tensor<1x3x4x4xui8>, tensor<f32>, tensor<ui8>, tensor<2x3x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>, tensor<f32>, tensor<ui8>, tensor<2xsi32>) -> tensor<1x2x4x4xui8>
  return %y : tensor<1x2x4x4xui8>
}

// -----

// com.microsoft operators have no shape in the file.
// CHECK-LABEL: func.func @qlinear_add
// CHECK-SAME: -> tensor<2x4xui8>
// CHECK: quern.binary add %{{.*}}, %{{.*}} : tensor<2x4xf32>, tensor<4xf32>
func.func @qlinear_add(%a: tensor<2x4xui8>, %b: tensor<4xui8>) -> !onnx.unknown {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %z = quern.constant(dense<3> : tensor<ui8>) : tensor<ui8>
  %y = onnx.node "QLinearAdd"(%a, %s, %z, %b, %s, %z, %s, %z) of "com.microsoft" since 1 outputs ["y"] : (tensor<2x4xui8>, tensor<f32>, tensor<ui8>, tensor<4xui8>, tensor<f32>, tensor<ui8>, tensor<f32>, tensor<ui8>) -> !onnx.unknown
  return %y : !onnx.unknown
}

// -----

// Integer results are float products of codes; a Cast to float needs no detour over si32.
// CHECK-LABEL: func.func @matmul_integer
// CHECK: %[[L:.*]] = quern.dequantize %arg0, %{{.*}}, %arg2 : tensor<2x4xui8>, tensor<f32>, tensor<ui8>
// CHECK: %[[R:.*]] = quern.dequantize %arg1, %{{.*}} : tensor<4x3xsi8>, tensor<f32>
// CHECK: %[[Y:.*]] = quern.matmul %[[L]], %[[R]]
// CHECK: %[[I:.*]] = quern.cast %[[Y]] : tensor<2x3xf32> -> tensor<2x3xsi32>
// CHECK: return %[[I]], %[[Y]]
func.func @matmul_integer(%a: tensor<2x4xui8>, %b: tensor<4x3xsi8>, %z: tensor<ui8>) -> (tensor<2x3xsi32>, tensor<2x3xf32>) {
  %y = onnx.node "MatMulInteger"(%a, %b, %z) since 10 outputs ["y"] : (tensor<2x4xui8>, tensor<4x3xsi8>, tensor<ui8>) -> tensor<2x3xsi32>
  %f = onnx.node "Cast"(%y) since 13 outputs ["f"] attributes {to = 1 : i64} : (tensor<2x3xsi32>) -> tensor<2x3xf32>
  return %y, %f : tensor<2x3xsi32>, tensor<2x3xf32>
}

// -----

// CHECK-LABEL: func.func @dynamic
// CHECK: quern.reduce max %arg0 axes [0, 1]
// CHECK: quern.reduce min %arg0 axes [0, 1]
// CHECK: %[[S:.*]] = quern.select
// CHECK: %[[Z:.*]] = quern.cast %{{.*}} : tensor<f32> -> tensor<ui8>
// CHECK: quern.quantize %arg0, %[[S]], %[[Z]] {site = "q"}
func.func @dynamic(%x: tensor<2x4xf32>) -> (tensor<2x4xui8>, tensor<f32>, tensor<ui8>) {
  %q, %s, %z = onnx.node "DynamicQuantizeLinear"(%x) since 11 outputs ["q", "s", "z"] : (tensor<2x4xf32>) -> (tensor<2x4xui8>, tensor<f32>, tensor<ui8>)
  return %q, %s, %z : tensor<2x4xui8>, tensor<f32>, tensor<ui8>
}

// -----

// QONNX: 3 bits, narrow, one scale for each row of the weights.
// CHECK-LABEL: func.func @quant
// CHECK: %[[Q:.*]] = quern.quantize %arg0, %[[S:.*]] {axis = 0 : i64, hi = 3 : i64, lo = -3 : i64, site = "y"} : tensor<2x4xf32>, tensor<2xf32> -> tensor<2x4xsi3>
// CHECK: quern.dequantize %[[Q]], %[[S]] {axis = 0 : i64, site = "y"}
func.func @quant(%x: tensor<2x4xf32>) -> !onnx.unknown {
  %s = quern.constant(dense<[[0.5], [0.25]]> : tensor<2x1xf32>) : tensor<2x1xf32>
  %z = quern.constant(dense<0.0> : tensor<f32>) : tensor<f32>
  %bits = quern.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %y = onnx.node "Quant"(%x, %s, %z, %bits) of "qonnx.custom_op.general" since 1 outputs ["y"] attributes {narrow = 1 : i64, rounding_mode = "ROUND", signed = 1 : i64} : (tensor<2x4xf32>, tensor<2x1xf32>, tensor<f32>, tensor<f32>) -> !onnx.unknown
  return %y : !onnx.unknown
}

// -----

// Blocks of 2 along axis 0; the transposition takes codes and scales along.
// CHECK-LABEL: func.func @blocked
// CHECK: quern.dequantize %{{.*}}, %{{.*}} {axis = 1 : i64, block_size = 2 : i64, site = "w"} : tensor<2x4xsi4>, tensor<2x2xf32>
func.func @blocked(%x: tensor<1x2xf32>) -> tensor<1x4xf32> {
  %q = quern.constant(dense<[[1, 2], [3, 4], [5, 6], [7, -8]]> : tensor<4x2xsi4>) : tensor<4x2xsi4>
  %s = quern.constant(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
  %w = onnx.node "DequantizeLinear"(%q, %s) since 21 outputs ["w"] attributes {axis = 0 : i64, block_size = 2 : i64} : (tensor<4x2xsi4>, tensor<2x2xf32>) -> tensor<4x2xf32>
  %y = onnx.node "Gemm"(%x, %w) since 13 outputs ["y"] attributes {transB = 1 : i64} : (tensor<1x2xf32>, tensor<4x2xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// Packed nibbles, low ones first, become codes [N, K] with one scale and zero point (here 8) per
// block, transposed below the dequantize.
// CHECK-LABEL: func.func @matmul_nbits
// CHECK: %[[W:.*]] = quern.dequantize %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64, block_size = 16 : i64, site = "packed"} : tensor<16x2xui4>, tensor<1x2xf32>, tensor<1x2xui4> -> tensor<16x2xf32>
// CHECK: quern.matmul %arg0, %[[W]] : tensor<1x16xf32>, tensor<16x2xf32>
func.func @matmul_nbits(%x: tensor<1x16xf32>) -> !onnx.unknown {
  %w = quern.constant(dense<33> : tensor<2x1x8xui8>) {site = "packed"} : tensor<2x1x8xui8>
  %s = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  %y = onnx.node "MatMulNBits"(%x, %w, %s) of "com.microsoft" since 1 outputs ["y"] attributes {K = 16 : i64, N = 2 : i64, bits = 4 : i64, block_size = 16 : i64} : (tensor<1x16xf32>, tensor<2x1x8xui8>, tensor<2xf32>) -> !onnx.unknown
  return %y : !onnx.unknown
}
