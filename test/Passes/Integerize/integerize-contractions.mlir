// RUN: %quern_opt %s --integerize-contractions --split-input-file | FileCheck %s
// RUN: %quern_opt %s --integerize-contractions=unsigned=false --split-input-file | FileCheck %s --check-prefix=S8
// RUN: %quern_opt %s --integerize-contractions --split-input-file --verify-diagnostics -o /dev/null

// bias - zx * sum(w): 10 - 3*3, 20 - 3*1, 30 + 3*1. One multiplier: 0.5 * sw / 2. Relu is the range.
// CHECK-LABEL: @convolution
// CHECK-DAG: %[[PAD:.*]] = quern.constant(dense<3> : tensor<1xui8>)
// CHECK: %[[ACC:.*]] = quern.conv %arg0, %{{.*}} pad %[[PAD]] {{.*}} : tensor<1x4x4x2xui8>, tensor<3x1x1x2xsi8> pad tensor<1xui8> -> tensor<1x6x6x3xsi32>
// CHECK-DAG: quern.constant(dense<[1, 17, 33]> : tensor<3xsi32>)
// CHECK-DAG: quern.constant(dense<[6.250000e-02, 1.250000e-01, 2.500000e-01]> : tensor<3xf32>)
// CHECK: quern.map ins(%[[ACC]], {{.*}} tensor<3xsi32>, tensor<3xf32>)
// CHECK: ^bb0(%[[A:.*]]: i32, %[[K:.*]]: i32, %[[M:.*]]: f32):
// CHECK-NEXT: %[[I:.*]] = arith.addi %[[A]], %[[K]]
// CHECK-NEXT: %[[F:.*]] = arith.sitofp %[[I]]
// CHECK-NEXT: %[[P:.*]] = arith.mulf %[[F]], %[[M]]
// CHECK-NEXT: %[[C:.*]] = quern.to_code %[[P]] zero_point 7 range[7, 255] bounded
// CHECK-NEXT: quern.yield %[[C]]
// CHECK: {site = "y"} -> tensor<1x6x6x3xui8>
// For a target that multiplies signed codes the activation is converted, the sum stays the same.
// S8-LABEL: @convolution
// S8: %[[X:.*]] = quern.map
// S8: arith.constant -128
// S8: -> tensor<1x4x4x2xsi8>
// S8: quern.constant(dense<-125> : tensor<1xsi8>)
// S8: quern.conv %[[X]]
// S8: quern.constant(dense<[385, 145, -95]> : tensor<3xsi32>)
func.func @convolution(%c: tensor<1x4x4x2xui8>) -> tensor<1x6x6x3xui8> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %x = quern.dequantize %c, %s, %z : tensor<1x4x4x2xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<1x4x4x2xf32>
  %w = quern.constant(dense<[[[[1, 2]]], [[[-3, 4]]], [[[5, -6]]]]> : tensor<3x1x1x2xsi8>) : tensor<3x1x1x2xsi8>
  %ws = quern.constant(dense<[0.25, 0.5, 1.0]> : tensor<3xf32>) : tensor<3xf32>
  %wf = quern.dequantize %w, %ws {axis = 0 : i64} : tensor<3x1x1x2xsi8>, tensor<3xf32> -> tensor<3x1x1x2xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [1, 1, 1, 1] dilations [1, 1] groups 1 : tensor<1x4x4x2xf32>, tensor<3x1x1x2xf32> -> tensor<1x6x6x3xf32>
  %b = quern.constant(dense<[10, 20, 30]> : tensor<3xsi32>) : tensor<3xsi32>
  %bs = quern.constant(dense<[0.125, 0.25, 0.5]> : tensor<3xf32>) : tensor<3xf32>
  %bf = quern.dequantize %b, %bs {axis = 0 : i64} : tensor<3xsi32>, tensor<3xf32> -> tensor<3xf32>
  %yb = quern.binary add %y, %bf : tensor<1x6x6x3xf32>, tensor<3xf32> -> tensor<1x6x6x3xf32>
  %r = quern.unary relu %yb : tensor<1x6x6x3xf32> -> tensor<1x6x6x3xf32>
  %t = quern.constant(dense<2.0> : tensor<1xf32>) : tensor<1xf32>
  %u = quern.constant(dense<7> : tensor<1xui8>) : tensor<1xui8>
  %q = quern.quantize %r, %t, %u {site = "y"} : tensor<1x6x6x3xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<1x6x6x3xui8>
  return %q : tensor<1x6x6x3xui8>
}

// -----

// ConvInteger with a zero point known at run time: the integers themselves. The first channel's
// weights minus 100 do not fit 8 bits: they keep 128 and a rest of -28 against the window's sum.
// CHECK-LABEL: @dynamic
// CHECK: quern.constant(dense<{{.*}}-127, 127]{{.*}}-97, -96]{{.*}}> : tensor<2x1x1x2xsi8>)
// CHECK: %[[ACC:.*]], %[[SUM:.*]] = quern.conv {{.*}} -> tensor<1x4x4x2xsi32>, tensor<1x4x4x1xsi32>
// CHECK-DAG: quern.constant(dense<[-56, 193]> : tensor<2xsi32>)
// CHECK-DAG: quern.constant(dense<[-28, 0]> : tensor<2xsi32>)
// CHECK-DAG: %[[OFFSETS:.*]] = quern.map ins(%arg1, %{{.*}} : tensor<ui8>, tensor<2xsi32>)
// CHECK: quern.map ins(%[[ACC]], %[[OFFSETS]], %{{.*}}, %[[SUM]] :
// CHECK-NOT: sitofp
// CHECK: return
func.func @dynamic(%c: tensor<1x4x4x2xui8>, %z: tensor<ui8>) -> tensor<1x4x4x2xsi32> {
  %one = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %x = quern.dequantize %c, %one, %z : tensor<1x4x4x2xui8>, tensor<f32>, tensor<ui8> -> tensor<1x4x4x2xf32>
  %w = quern.constant(dense<[[[[1, 255]]], [[[3, 4]]]]> : tensor<2x1x1x2xui8>) : tensor<2x1x1x2xui8>
  %wz = quern.constant(dense<100> : tensor<ui8>) : tensor<ui8>
  %wf = quern.dequantize %w, %one, %wz : tensor<2x1x1x2xui8>, tensor<f32>, tensor<ui8> -> tensor<2x1x1x2xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x2xf32>, tensor<2x1x1x2xf32> -> tensor<1x4x4x2xf32>
  %i = quern.cast %y : tensor<1x4x4x2xf32> -> tensor<1x4x4x2xsi32>
  return %i : tensor<1x4x4x2xsi32>
}

// -----

// One weight of 128 does not fit 8 bits once its zero point is subtracted: all keep 16.
// CHECK-LABEL: @few_beyond
// CHECK: quern.constant(#quern.blob<{{.*}}, 256>) : tensor<16x1x1x8xsi16>
// CHECK: quern.conv {{.*}} : tensor<1x4x4x8xui8>, tensor<16x1x1x8xsi16> -> tensor<1x4x4x16xsi32>
// CHECK-NOT: window_sum
// CHECK: return
func.func @few_beyond(%c: tensor<1x4x4x8xui8>, %z: tensor<ui8>) -> tensor<1x4x4x16xsi32> {
  %one = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %x = quern.dequantize %c, %one, %z : tensor<1x4x4x8xui8>, tensor<f32>, tensor<ui8> -> tensor<1x4x4x8xf32>
  %w = quern.constant(dense<"0x505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F7071727374FF7677505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F7071727374757677505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F70717273747576775051525354555657"> : tensor<16x1x1x8xui8>) : tensor<16x1x1x8xui8>
  %wz = quern.constant(dense<100> : tensor<ui8>) : tensor<ui8>
  %wf = quern.dequantize %w, %one, %wz : tensor<16x1x1x8xui8>, tensor<f32>, tensor<ui8> -> tensor<16x1x1x8xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x8xf32>, tensor<16x1x1x8xf32> -> tensor<1x4x4x16xf32>
  %i = quern.cast %y : tensor<1x4x4x16xf32> -> tensor<1x4x4x16xsi32>
  return %i : tensor<1x4x4x16xsi32>
}

// -----

// Two activations: sums correct both zero points, 4-bit codes are kept in bytes.
// CHECK-LABEL: @product
// CHECK: %[[B:.*]] = quern.map ins(%arg1 : tensor<2x4x3xui4>)
// CHECK: -> tensor<2x4x3xsi8>
// CHECK: quern.matmul %arg0, %[[B]] : {{.*}} -> tensor<2x5x3xsi32> lhs_sum tensor<2x5x1xsi32> rhs_sum tensor<2x1x3xsi32>
// CHECK: quern.constant(dense<5.000000e-01> : tensor<1xf32>)
func.func @product(%a: tensor<2x5x4xui8>, %b: tensor<2x4x3xui4>) -> tensor<2x5x3xf32> {
  %s = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %one = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %za = quern.constant(dense<100> : tensor<ui8>) : tensor<ui8>
  %zb = quern.constant(dense<8> : tensor<ui4>) : tensor<ui4>
  %x = quern.dequantize %a, %s, %za : tensor<2x5x4xui8>, tensor<f32>, tensor<ui8> -> tensor<2x5x4xf32>
  %y = quern.dequantize %b, %one, %zb : tensor<2x4x3xui4>, tensor<f32>, tensor<ui4> -> tensor<2x4x3xf32>
  %m = quern.matmul %x, %y : tensor<2x5x4xf32>, tensor<2x4x3xf32> -> tensor<2x5x3xf32>
  return %m : tensor<2x5x3xf32>
}

// -----

// Scales by blocks: unsigned codes with a shared zero point, signed activations whose zero point
// (3 - 128) meets the constant sum over blocks of scale * sum of weights, 0.5 * 2 * 2 = 2.
// CHECK-LABEL: @blocks
// CHECK: %[[X:.*]] = quern.map ins(%arg0
// CHECK: -> tensor<4x4xsi8>
// CHECK-DAG: %[[W:.*]] = quern.constant(dense<9> : tensor<4x2xui4>)
// CHECK-DAG: %[[Z:.*]] = quern.constant(dense<8> : tensor<1xui4>)
// CHECK-DAG: %[[S:.*]] = quern.constant(dense<5.000000e-01> : tensor<2x2xf32>)
// CHECK: quern.reduce sum %{{.*}} axes [2] : tensor<4x2x2xsi8> -> tensor<4x2x1xsi32>
// CHECK: quern.matmul %[[X]], %[[W]] blocks 2 scales %[[S]] zeros %[[Z]] lhs_sums %{{.*}} -> tensor<4x2xf32>
// CHECK: quern.constant(dense<2.500000e+02> : tensor<2xf32>)
// CHECK: quern.map ins(
// CHECK: arith.addf
// CHECK: arith.mulf
func.func @blocks(%c: tensor<4x4xui8>) -> tensor<4x2xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %z = quern.constant(dense<3> : tensor<1xui8>) : tensor<1xui8>
  %x = quern.dequantize %c, %s, %z : tensor<4x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<4x4xf32>
  %w = quern.constant(dense<1> : tensor<4x2xsi4>) : tensor<4x2xsi4>
  %ws = quern.constant(dense<0.5> : tensor<2x2xf32>) : tensor<2x2xf32>
  %wf = quern.dequantize %w, %ws {axis = 0 : i64, block_size = 2 : i64} : tensor<4x2xsi4>, tensor<2x2xf32> -> tensor<4x2xf32>
  %y = quern.matmul %x, %wf : tensor<4x4xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// Activations with scales of the same blocks, known at run time; the reduction ends inside of a block.
// CHECK-LABEL: @blocks_of_both
// CHECK: quern.pad %arg0, %{{.*}} low [0, 0] : tensor<4x3xsi8>, tensor<1xsi8> -> tensor<4x4xsi8>
// CHECK-DAG: quern.constant(dense<{{.*}}1], [2], [3], [0]]> : tensor<4x1xui4>)
// CHECK-DAG: quern.constant(dense<{{.*}}5], [6]]> : tensor<2x1xui4>)
// CHECK: quern.matmul {{.*}} blocks 2 scales %{{.*}} zeros %{{.*}} lhs_scales %arg1 lhs_sums
// CHECK-NOT: quern.map
// CHECK: return
func.func @blocks_of_both(%c: tensor<4x3xsi8>, %s: tensor<4x2xf32>) -> tensor<4x1xf32> {
  %x = quern.dequantize %c, %s {axis = 1 : i64, block_size = 2 : i64} : tensor<4x3xsi8>, tensor<4x2xf32> -> tensor<4x3xf32>
  %w = quern.constant(dense<[[1], [2], [3]]> : tensor<3x1xui4>) : tensor<3x1xui4>
  %ws = quern.constant(dense<0.5> : tensor<2x1xf32>) : tensor<2x1xf32>
  %wz = quern.constant(dense<[[5], [6]]> : tensor<2x1xui4>) : tensor<2x1xui4>
  %wf = quern.dequantize %w, %ws, %wz {axis = 0 : i64, block_size = 2 : i64} : tensor<3x1xui4>, tensor<2x1xf32>, tensor<2x1xui4> -> tensor<3x1xf32>
  %y = quern.matmul %x, %wf : tensor<4x3xf32>, tensor<3x1xf32> -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// -----

// Other blocks than those of the weights have no common sums.
// CHECK-LABEL: @other_blocks
// CHECK: quern.matmul {{.*}} : tensor<4x4xf32>, tensor<4x2xf32>
func.func @other_blocks(%c: tensor<4x4xsi8>, %s: tensor<4x4xf32>) -> tensor<4x2xf32> {
  %x = quern.dequantize %c, %s {axis = 1 : i64, block_size = 1 : i64} : tensor<4x4xsi8>, tensor<4x4xf32> -> tensor<4x4xf32>
  %w = quern.constant(dense<1> : tensor<4x2xui4>) : tensor<4x2xui4>
  %ws = quern.constant(dense<0.5> : tensor<2x2xf32>) : tensor<2x2xf32>
  %wf = quern.dequantize %w, %ws {axis = 0 : i64, block_size = 2 : i64} : tensor<4x2xui4>, tensor<2x2xf32> -> tensor<4x2xf32>
  // expected-remark @+1 {{computed in float: expected one scale per tensor or output channel, found one per block}}
  %y = quern.matmul %x, %wf : tensor<4x4xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// A scale for each row of the activations: one more factor in the epilogue.
// CHECK-LABEL: @rows
// CHECK: %[[ACC:.*]] = quern.matmul %{{.*}} : tensor<4x4xui8>, tensor<4x2xsi8> -> tensor<4x2xsi32>
// CHECK: quern.map ins(%[[ACC]], {{.*}} : tensor<4x2xsi32>, {{.*}}tensor<4x1xf32>, tensor<2xf32>)
// CHECK: arith.addi
// CHECK: %[[F:.*]] = arith.sitofp
// CHECK: %[[M:.*]] = arith.mulf
// CHECK: arith.mulf %[[F]], %[[M]]
func.func @rows(%c: tensor<4x4xsi8>, %s: tensor<4xf32>) -> tensor<4x2xf32> {
  %x = quern.dequantize %c, %s {axis = 0 : i64} : tensor<4x4xsi8>, tensor<4xf32> -> tensor<4x4xf32>
  %w = quern.constant(dense<100> : tensor<4x2xsi8>) : tensor<4x2xsi8>
  %ws = quern.constant(dense<[0.5, 0.25]> : tensor<2xf32>) : tensor<2xf32>
  %wf = quern.dequantize %w, %ws {axis = 1 : i64} : tensor<4x2xsi8>, tensor<2xf32> -> tensor<4x2xf32>
  %y = quern.matmul %x, %wf : tensor<4x4xf32>, tensor<4x2xf32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

// -----

// Weights of at most 4 bits keep the bits that they need: here 3, once 9 is subtracted.
// CHECK-LABEL: @narrow
// CHECK: quern.constant(dense<{{.*}}-1, 2]{{.*}}-4, 3]{{.*}}> : tensor<2x1x1x2xsi3>)
// CHECK: quern.conv {{.*}} : tensor<1x4x4x2xui8>, tensor<2x1x1x2xsi3> -> tensor<1x4x4x2xsi32>
func.func @narrow(%c: tensor<1x4x4x2xui8>) -> tensor<1x4x4x2xf32> {
  %one = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %x = quern.dequantize %c, %one : tensor<1x4x4x2xui8>, tensor<f32> -> tensor<1x4x4x2xf32>
  %w = quern.constant(dense<[[[[8, 11]]], [[[5, 12]]]]> : tensor<2x1x1x2xui4>) : tensor<2x1x1x2xui4>
  %wz = quern.constant(dense<9> : tensor<ui4>) : tensor<ui4>
  %wf = quern.dequantize %w, %one, %wz : tensor<2x1x1x2xui4>, tensor<f32>, tensor<ui4> -> tensor<2x1x1x2xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x2xf32>, tensor<2x1x1x2xf32> -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}

// -----

// Those that do not fit once their zero point is subtracted meet the sum of the window instead.
// CHECK-LABEL: @narrow_rest
// CHECK: quern.constant(dense<{{.*}}-8, 7]{{.*}}-1, 2]{{.*}}> : tensor<2x1x1x2xsi4>)
// CHECK: %{{.*}}, %{{.*}} = quern.conv {{.*}} -> tensor<1x4x4x2xsi32>, tensor<1x4x4x1xsi32>
// CHECK: quern.constant(dense<[-6, 0]> : tensor<2xsi32>)
func.func @narrow_rest(%c: tensor<1x4x4x2xui8>) -> tensor<1x4x4x2xf32> {
  %one = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %x = quern.dequantize %c, %one : tensor<1x4x4x2xui8>, tensor<f32> -> tensor<1x4x4x2xf32>
  %w = quern.constant(dense<[[[[0, 15]]], [[[1, 4]]]]> : tensor<2x1x1x2xui4>) : tensor<2x1x1x2xui4>
  %wz = quern.constant(dense<2> : tensor<ui4>) : tensor<ui4>
  %wf = quern.dequantize %w, %one, %wz : tensor<2x1x1x2xui4>, tensor<f32>, tensor<ui4> -> tensor<2x1x1x2xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x4x4x2xf32>, tensor<2x1x1x2xf32> -> tensor<1x4x4x2xf32>
  return %y : tensor<1x4x4x2xf32>
}

// -----

// Not where groups cannot be corrected, nor in a depthwise convolution: a byte each.
// CHECK-LABEL: @narrow_groups
// CHECK: quern.conv {{.*}} groups 2 : tensor<1x4x4x4xui8>, tensor<4x1x1x2xsi8> -> tensor<1x4x4x4xsi32>
// CHECK: quern.conv {{.*}} groups 4 : tensor<1x4x4x4xui8>, tensor<4x1x1x1xsi8> -> tensor<1x4x4x4xsi32>
func.func @narrow_groups(%c: tensor<1x4x4x4xui8>) -> (tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>) {
  %one = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %x = quern.dequantize %c, %one : tensor<1x4x4x4xui8>, tensor<f32> -> tensor<1x4x4x4xf32>
  %w = quern.constant(dense<[[[[0, 15]]], [[[1, 4]]], [[[1, 4]]], [[[1, 4]]]]> : tensor<4x1x1x2xui4>) : tensor<4x1x1x2xui4>
  %wz = quern.constant(dense<2> : tensor<ui4>) : tensor<ui4>
  %wf = quern.dequantize %w, %one, %wz : tensor<4x1x1x2xui4>, tensor<f32>, tensor<ui4> -> tensor<4x1x1x2xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 2 : tensor<1x4x4x4xf32>, tensor<4x1x1x2xf32> -> tensor<1x4x4x4xf32>
  %v = quern.constant(dense<[[[[1]]], [[[2]]], [[[3]]], [[[-4]]]]> : tensor<4x1x1x1xsi4>) : tensor<4x1x1x1xsi4>
  %vf = quern.dequantize %v, %one : tensor<4x1x1x1xsi4>, tensor<f32> -> tensor<4x1x1x1xf32>
  %u = quern.conv %x, %vf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 4 : tensor<1x4x4x4xf32>, tensor<4x1x1x1xf32> -> tensor<1x4x4x4xf32>
  return %y, %u : tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>
}

// -----

// A pointwise convolution is a product, also where scales go by blocks of the channels.
// CHECK-LABEL: @blocks_pointwise
// CHECK: quern.matmul %{{.*}}, %{{.*}} transposed blocks 2 scales %{{.*}} zeros %{{.*}} lhs_sums %{{.*}} : tensor<1x3x5x4xsi8>, tensor<2x4xui4> {{.*}} lhs_sums tensor<1x3x5x2xsi32> -> tensor<1x3x5x2xf32>
// CHECK-NOT: quern.conv
func.func @blocks_pointwise(%c: tensor<1x3x5x4xui8>) -> tensor<1x3x5x2xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %c, %s : tensor<1x3x5x4xui8>, tensor<1xf32> -> tensor<1x3x5x4xf32>
  %w = quern.constant(dense<1> : tensor<2x1x1x4xsi4>) : tensor<2x1x1x4xsi4>
  %ws = quern.constant(dense<0.5> : tensor<2x1x1x2xf32>) : tensor<2x1x1x2xf32>
  %wf = quern.dequantize %w, %ws {axis = 3 : i64, block_size = 2 : i64} : tensor<2x1x1x4xsi4>, tensor<2x1x1x2xf32> -> tensor<2x1x1x4xf32>
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x3x5x4xf32>, tensor<2x1x1x4xf32> -> tensor<1x3x5x2xf32>
  return %y : tensor<1x3x5x2xf32>
}

// -----

// With a window it has blocks of taps that no kernel knows.
// CHECK-LABEL: @blocks_window
// CHECK: quern.conv {{.*}} -> tensor<1x2x4x2xf32>
func.func @blocks_window(%c: tensor<1x3x5x4xui8>) -> tensor<1x2x4x2xf32> {
  %s = quern.constant(dense<0.5> : tensor<1xf32>) : tensor<1xf32>
  %x = quern.dequantize %c, %s : tensor<1x3x5x4xui8>, tensor<1xf32> -> tensor<1x3x5x4xf32>
  %w = quern.constant(dense<1> : tensor<2x2x2x4xsi4>) : tensor<2x2x2x4xsi4>
  %ws = quern.constant(dense<0.5> : tensor<2x2x2x2xf32>) : tensor<2x2x2x2xf32>
  %wf = quern.dequantize %w, %ws {axis = 3 : i64, block_size = 2 : i64} : tensor<2x2x2x4xsi4>, tensor<2x2x2x2xf32> -> tensor<2x2x2x4xf32>
  // expected-remark @+1 {{computed in float: expected one scale per tensor or output channel, found one per block}}
  %y = quern.conv %x, %wf strides [1, 1] pads [0, 0, 0, 0] dilations [1, 1] groups 1 : tensor<1x3x5x4xf32>, tensor<2x2x2x4xf32> -> tensor<1x2x4x2xf32>
  return %y : tensor<1x2x4x2xf32>
}
