// RUN: %quern_opt %s --legalize-onnx --split-input-file --verify-diagnostics | FileCheck %s

// One product for each projection, as a plain export has it; the integer mask becomes 0 or the filter.
// CHECK-LABEL: func.func @attention
// CHECK: %[[Q:.*]] = quern.matmul %arg0, %{{.*}} : tensor<2x3x4xf32>, tensor<4x4xf32> -> tensor<2x3x4xf32>
// CHECK: %[[QB:.*]] = quern.binary add %[[Q]], %{{.*}} : tensor<2x3x4xf32>, tensor<4xf32>
// CHECK: quern.reshape %[[QB]] : tensor<2x3x4xf32> -> tensor<2x3x2x2xf32>
// CHECK: quern.matmul %arg0
// CHECK: %[[V:.*]] = quern.matmul %arg0
// CHECK: %[[M:.*]] = quern.select %{{.*}} : tensor<2x1x1x3xi1>, tensor<f32>, tensor<f32> -> tensor<2x1x1x3xf32>
// CHECK: %[[S:.*]] = quern.matmul %{{.*}}, %{{.*}} : tensor<2x2x3x2xf32>, tensor<2x2x2x3xf32> -> tensor<2x2x3x3xf32>
// CHECK: %[[F:.*]] = quern.binary mul %[[S]], %{{.*}}
// CHECK: %[[A:.*]] = quern.binary add %[[F]], %[[M]]
// CHECK: %[[P:.*]] = quern.softmax %[[A]]
// CHECK: quern.matmul %[[P]]
// CHECK: return %{{.*}} : tensor<2x3x4xf32>
func.func @attention(%x: tensor<2x3x4xf32>, %mask: tensor<2x3xsi32>) -> tensor<2x3x4xf32> {
  %w = quern.constant(dense<0.5> : tensor<4x12xf32>) {site = "w"} : tensor<4x12xf32>
  %b = quern.constant(dense<0.1> : tensor<12xf32>) {site = "b"} : tensor<12xf32>
  %y = onnx.node "Attention"(%x, %w, %b, %mask) of "com.microsoft" since 1 outputs ["y"] attributes {num_heads = 2 : i64} : (tensor<2x3x4xf32>, tensor<4x12xf32>, tensor<12xf32>, tensor<2x3xsi32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// Counts of keys, and queries that do not see what comes later.
// CHECK-LABEL: func.func @counts_and_future
// CHECK: %[[N:.*]] = quern.reshape %arg1 : tensor<2xsi32> -> tensor<2x1x1x1xsi32>
// CHECK: quern.binary less %{{.*}}, %[[N]] : tensor<3xsi32>, tensor<2x1x1x1xsi32> -> tensor<2x1x1x3xi1>
// CHECK: quern.select %{{.*}} : tensor<3x3xi1>, tensor<2x2x3x3xf32>, tensor<f32>
func.func @counts_and_future(%x: tensor<2x3x4xf32>, %counts: tensor<2xsi32>) -> tensor<2x3x4xf32> {
  %w = quern.constant(dense<0.5> : tensor<4x12xf32>) : tensor<4x12xf32>
  %b = quern.constant(dense<0.1> : tensor<12xf32>) : tensor<12xf32>
  %y = onnx.node "Attention"(%x, %w, %b, %counts) of "com.microsoft" since 1 outputs ["y"] attributes {num_heads = 2 : i64, unidirectional = 1 : i64} : (tensor<2x3x4xf32>, tensor<4x12xf32>, tensor<12xf32>, tensor<2xsi32>) -> tensor<2x3x4xf32>
  return %y : tensor<2x3x4xf32>
}

// -----

// Codes are cut below the dequantize, the scales of their columns with them.
// CHECK-LABEL: func.func @quantized
// CHECK: %[[X:.*]] = quern.dequantize %arg0
// CHECK: %[[W:.*]] = quern.dequantize %{{.*}}, %{{.*}} {axis = 1 : i64{{.*}}} : tensor<4x4xsi8>, tensor<4xf32> -> tensor<4x4xf32>
// CHECK: quern.matmul %[[X]], %[[W]]
func.func @quantized(%x: tensor<1x3x4xui8>) -> tensor<1x3x4xf32> {
  %w = quern.constant(dense<3> : tensor<4x12xsi8>) {site = "w"} : tensor<4x12xsi8>
  %b = quern.constant(dense<0.1> : tensor<12xf32>) : tensor<12xf32>
  %sx = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %zx = quern.constant(dense<7> : tensor<ui8>) : tensor<ui8>
  %sw = quern.constant(dense<[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0]> : tensor<12xf32>) : tensor<12xf32>
  %none = onnx.absent
  %y = onnx.node "QAttention"(%x, %w, %b, %sx, %sw, %none, %zx) of "com.microsoft" since 1 outputs ["y"] attributes {num_heads = 2 : i64} : (tensor<1x3x4xui8>, tensor<4x12xsi8>, tensor<12xf32>, tensor<f32>, tensor<12xf32>, none, tensor<ui8>) -> tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// -----

// Heads that share keys and values are rows of one product; bool masks hide where they are false.
// CHECK-LABEL: func.func @grouped
// CHECK: quern.select %arg3, %{{.*}} : tensor<3x5xi1>
// CHECK: quern.reshape %{{.*}} : tensor<1x4x3x2xf32> -> tensor<1x2x6x2xf32>
// CHECK: quern.matmul %{{.*}}, %{{.*}} : tensor<1x2x6x2xf32>, tensor<1x2x2x5xf32> -> tensor<1x2x6x5xf32>
// CHECK: quern.matmul %{{.*}}, %arg2 : tensor<1x2x6x5xf32>, tensor<1x2x5x2xf32> -> tensor<1x2x6x2xf32>
// CHECK: return %{{.*}} : tensor<1x4x3x2xf32>
func.func @grouped(%q: tensor<1x4x3x2xf32>, %k: tensor<1x2x5x2xf32>, %v: tensor<1x2x5x2xf32>, %m: tensor<3x5xi1>) -> tensor<1x4x3x2xf32> {
  %y = onnx.node "Attention"(%q, %k, %v, %m) since 23 outputs ["y"] : (tensor<1x4x3x2xf32>, tensor<1x2x5x2xf32>, tensor<1x2x5x2xf32>, tensor<3x5xi1>) -> tensor<1x4x3x2xf32>
  return %y : tensor<1x4x3x2xf32>
}

// -----

// Halves of each head are turned against each other.
// CHECK-LABEL: func.func @rotary
// CHECK: %[[C:.*]] = quern.gather %arg1, %arg3
// CHECK: %[[A:.*]] = quern.slice %arg0 starts [0, 0, 0, 0]
// CHECK: %[[B:.*]] = quern.slice %arg0 starts [0, 0, 0, 2]
// CHECK: quern.concat %{{.*}}, %{{.*}} axis 3
func.func @rotary(%x: tensor<1x2x3x4xf32>, %cos: tensor<8x2xf32>, %sin: tensor<8x2xf32>, %at: tensor<1x3xsi64>) -> tensor<1x2x3x4xf32> {
  %y = onnx.node "RotaryEmbedding"(%x, %cos, %sin, %at) since 23 outputs ["y"] : (tensor<1x2x3x4xf32>, tensor<8x2xf32>, tensor<8x2xf32>, tensor<1x3xsi64>) -> tensor<1x2x3x4xf32>
  return %y : tensor<1x2x3x4xf32>
}

// -----

func.func @bad_heads(%x: tensor<1x3x4xf32>, %w: tensor<4x12xf32>) -> tensor<1x3x4xf32> {
  // expected-error @+1 {{'Attention': expected weights whose 12 columns are queries, keys (as wide) and values of 3 heads, found widths [4, 4, 4]}}
  %y = onnx.node "Attention"(%x, %w) of "com.microsoft" since 1 outputs ["y"] attributes {num_heads = 3 : i64} : (tensor<1x3x4xf32>, tensor<4x12xf32>) -> tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// -----

func.func @bad_mask(%x: tensor<1x3x4xf32>, %w: tensor<4x12xf32>, %m: tensor<5xsi32>) -> tensor<1x3x4xf32> {
  %none = onnx.absent
  // expected-error @+1 {{'Attention': expected an int32 or int64 mask of shape [batch], [2 * batch], [batch, keys], [batch, queries, keys] or [batch, 1, M, M], found [5]}}
  %y = onnx.node "Attention"(%x, %w, %none, %m) of "com.microsoft" since 1 outputs ["y"] attributes {num_heads = 2 : i64} : (tensor<1x3x4xf32>, tensor<4x12xf32>, none, tensor<5xsi32>) -> tensor<1x3x4xf32>
  return %y : tensor<1x3x4xf32>
}

// -----

func.func @bad_keys(%q: tensor<1x4x3x2xf32>, %k: tensor<1x3x5x2xf32>, %v: tensor<1x3x5x2xf32>) -> tensor<1x4x3x2xf32> {
  // expected-error @+1 {{'Attention': expected queries [B, N, S, h], keys [B, M, T, h] and values [B, M, T, e] with N divisible by M}}
  %y = onnx.node "Attention"(%q, %k, %v) since 23 outputs ["y"] : (tensor<1x4x3x2xf32>, tensor<1x3x5x2xf32>, tensor<1x3x5x2xf32>) -> tensor<1x4x3x2xf32>
  return %y : tensor<1x4x3x2xf32>
}

// -----

func.func @bad_tables(%x: tensor<1x2x3x4xf32>, %cos: tensor<2x2xf32>, %sin: tensor<2x2xf32>) -> tensor<1x2x3x4xf32> {
  // expected-error @+1 {{'RotaryEmbedding': expected cosines and sines [positions, 2], or [batch, 3, 2] without position_ids}}
  %y = onnx.node "RotaryEmbedding"(%x, %cos, %sin) since 23 outputs ["y"] : (tensor<1x2x3x4xf32>, tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x3x4xf32>
  return %y : tensor<1x2x3x4xf32>
}

// -----

// Queries, keys and values of one tensor.
// CHECK-LABEL: func.func @packed
// CHECK: %[[Q:.*]] = quern.slice %arg0 starts [0, 0, 0, 0, 0]
// CHECK: %[[K:.*]] = quern.slice %arg0 starts [0, 0, 0, 1, 0]
// CHECK: %[[V:.*]] = quern.slice %arg0 starts [0, 0, 0, 2, 0]
// CHECK: quern.matmul %{{.*}}, %{{.*}} : tensor<1x2x3x4xf32>, tensor<1x2x4x3xf32> -> tensor<1x2x3x3xf32>
func.func @packed(%x: tensor<1x3x2x3x4xf32>) -> tensor<1x3x8xf32> {
  %y = onnx.node "MultiHeadAttention"(%x) of "com.microsoft" since 1 outputs ["y"] attributes {num_heads = 2 : i64} : (tensor<1x3x2x3x4xf32>) -> tensor<1x3x8xf32>
  return %y : tensor<1x3x8xf32>
}
