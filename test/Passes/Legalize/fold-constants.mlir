// RUN: quern-opt %s --fold-constants --split-input-file | FileCheck %s

// CHECK-LABEL: @movement
func.func @movement() -> (tensor<3x2xsi8>, tensor<6xsi8>, tensor<2x2xsi8>, tensor<2x6xsi8>, tensor<3x4xsi8>, tensor<2x2xsi8>, tensor<2x3xsi8>) {
  %c = quern.constant(dense<[[1, -2, 3], [4, 5, -6]]> : tensor<2x3xsi8>) {site = "w"} : tensor<2x3xsi8>
  %z = quern.constant(dense<9> : tensor<1xsi8>) : tensor<1xsi8>
  %i = quern.constant(dense<[-1, 1]> : tensor<2xsi64>) : tensor<2xsi64>
  %row = quern.constant(dense<[[1, 2, 3]]> : tensor<1x3xsi8>) : tensor<1x3xsi8>
  // CHECK-NOT: quern.transpose
  // CHECK-DAG: quern.constant(dense<{{\[}}[1, 4], [-2, 5], [3, -6]]> {{.*}}site = "w"
  %t = quern.transpose %c [1, 0] : tensor<2x3xsi8> -> tensor<3x2xsi8>
  // CHECK-DAG: dense<[1, -2, 3, 4, 5, -6]>
  %r = quern.reshape %c : tensor<2x3xsi8> -> tensor<6xsi8>
  // CHECK-DAG: dense<{{\[}}[3, 1], [-6, 4]]>
  %s = quern.slice %c starts [0, 2] steps [1, -2] : tensor<2x3xsi8> -> tensor<2x2xsi8>
  // CHECK-DAG: dense<{{\[}}[1, -2, 3, 1, -2, 3], [4, 5, -6, 4, 5, -6]]>
  %k = quern.concat %c, %c axis 1 : tensor<2x3xsi8>, tensor<2x3xsi8> -> tensor<2x6xsi8>
  // CHECK-DAG: dense<{{\[}}[9, 9, 9, 9], [9, 1, -2, 3], [9, 4, 5, -6]]>
  %p = quern.pad %c, %z low [1, 1] : tensor<2x3xsi8>, tensor<1xsi8> -> tensor<3x4xsi8>
  // CHECK-DAG: dense<{{\[}}[3, -2], [-6, 5]]>
  %g = quern.gather %c, %i axis 1 : tensor<2x3xsi8>, tensor<2xsi64> -> tensor<2x2xsi8>
  // CHECK-DAG: dense<{{\[}}[1, 2, 3], [1, 2, 3]]>
  %b = quern.broadcast %row : tensor<1x3xsi8> -> tensor<2x3xsi8>
  return %t, %r, %s, %k, %p, %g, %b : tensor<3x2xsi8>, tensor<6xsi8>, tensor<2x2xsi8>, tensor<2x6xsi8>, tensor<3x4xsi8>, tensor<2x2xsi8>, tensor<2x3xsi8>
}

// -----

// CHECK-LABEL: @computation
func.func @computation() -> (tensor<2x2xf32>, tensor<2xf32>, tensor<2xi1>, tensor<2xf32>, tensor<2xsi32>, tensor<1x2xf32>) {
  %a = quern.constant(dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>) : tensor<2x2xf32>
  %b = quern.constant(dense<[10.0, -2.75]> : tensor<2xf32>) : tensor<2xf32>
  // CHECK-DAG: dense<{{\[}}[1.100000e+01, -7.500000e-01], [1.300000e+01, 1.250000e+00]]>
  %s = quern.binary add %a, %b : tensor<2x2xf32>, tensor<2xf32> -> tensor<2x2xf32>
  // CHECK-DAG: dense<[1.000000e+01, 0.000000e+00]>
  %u = quern.unary relu %b : tensor<2xf32> -> tensor<2xf32>
  // CHECK-DAG: dense<[false, true]> : tensor<2xi1>
  %l = quern.binary less %b, %u : tensor<2xf32>, tensor<2xf32> -> tensor<2xi1>
  // CHECK-DAG: dense<[1.000000e+01, -2.750000e+00]>
  %w = quern.select %l, %b, %u : tensor<2xi1>, tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>
  // CHECK-DAG: dense<[10, -2]> : tensor<2xsi32>
  %i = quern.cast %b : tensor<2xf32> -> tensor<2xsi32>
  // CHECK-DAG: dense<{{\[}}[2.000000e+00, 3.000000e+00]]> : tensor<1x2xf32>
  %m = quern.reduce mean %a axes [0] : tensor<2x2xf32> -> tensor<1x2xf32>
  // CHECK-NOT: quern.binary
  return %s, %u, %l, %w, %i, %m : tensor<2x2xf32>, tensor<2xf32>, tensor<2xi1>, tensor<2xf32>, tensor<2xsi32>, tensor<1x2xf32>
}

// -----

// Codes of weights stay codes; a quantized constant becomes codes; a layer norm gets its floats.
// CHECK-LABEL: @codes
func.func @codes(%x: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x4xf32>) {
  %scale = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %zero = quern.constant(dense<1> : tensor<si8>) : tensor<si8>
  %f = quern.constant(dense<[[1.0, 0.25], [0.75, -100.0], [0.0, 1.5], [200.0, -1.0]]> : tensor<4x2xf32>) : tensor<4x2xf32>
  // CHECK: %[[Q:.*]] = quern.constant(dense<{{\[}}[3, 1], [3, -128], [1, 4], [127, -1]]> : tensor<4x2xsi8>)
  %q = quern.quantize %f, %scale, %zero : tensor<4x2xf32>, tensor<f32>, tensor<si8> -> tensor<4x2xsi8>
  // CHECK: %[[W:.*]] = quern.dequantize %[[Q]]
  %w = quern.dequantize %q, %scale, %zero : tensor<4x2xsi8>, tensor<f32>, tensor<si8> -> tensor<4x2xf32>
  // CHECK: quern.matmul %{{.*}}, %[[W]]
  %y = quern.matmul %x, %w : tensor<1x4xf32>, tensor<4x2xf32> -> tensor<1x2xf32>
  %g = quern.constant(dense<[1, 2, 3, 5]> : tensor<4xsi8>) : tensor<4xsi8>
  // CHECK: %[[G:.*]] = quern.constant(dense<[0.000000e+00, 5.000000e-01, 1.000000e+00, 2.000000e+00]>
  %gamma = quern.dequantize %g, %scale, %zero : tensor<4xsi8>, tensor<f32>, tensor<si8> -> tensor<4xf32>
  // CHECK: quern.layer_norm %{{.*}}, %[[G]]
  %n = quern.layer_norm %x, %gamma epsilon 1.0e-5 : tensor<1x4xf32>, tensor<4xf32> -> tensor<1x4xf32>
  return %y, %n : tensor<1x2xf32>, tensor<1x4xf32>
}

// -----

// Half-precision weights stay as they are stored; what else reads them, and depthwise weights, are widened.
// CHECK-LABEL: @half_weights
func.func @half_weights(%x: tensor<1x4xf32>, %z: tensor<1x2x2x2xf32>) -> (tensor<1x2xf32>, tensor<4x2xf32>, tensor<1x2x2x2xf32>) {
  %w = quern.constant(dense<0.5> : tensor<4x2xf16>) : tensor<4x2xf16>
  %v = quern.constant(dense<0.25> : tensor<4x2xbf16>) : tensor<4x2xbf16>
  %d = quern.constant(dense<2.0> : tensor<2x1x1x1xf16>) : tensor<2x1x1x1xf16>
  // CHECK: %[[W:.*]] = quern.cast %{{.*}} : tensor<4x2xf16> -> tensor<4x2xf32>
  // CHECK-NOT: quern.cast
  // CHECK: quern.matmul %arg0, %[[W]]
  %wide = quern.cast %w : tensor<4x2xf16> -> tensor<4x2xf32>
  %y = quern.matmul %x, %wide : tensor<1x4xf32>, tensor<4x2xf32> -> tensor<1x2xf32>
  %other = quern.cast %v : tensor<4x2xbf16> -> tensor<4x2xf32>
  %taps = quern.cast %d : tensor<2x1x1x1xf16> -> tensor<2x1x1x1xf32>
  %u = quern.conv %z, %taps strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : tensor<1x2x2x2xf32>, tensor<2x1x1x1xf32> -> tensor<1x2x2x2xf32>
  return %y, %other, %u : tensor<1x2xf32>, tensor<4x2xf32>, tensor<1x2x2x2xf32>
}
