// RUN: %quern_opt %s --recognize-activations --split-input-file | FileCheck %s

// x * (1 + erf(x / sqrt 2)) * 0.5
// CHECK-LABEL: func.func @gelu_torch
// CHECK-NEXT: %[[Y:.*]] = quern.unary gelu %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @gelu_torch(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = quern.constant(dense<1.41421354> : tensor<f32>) : tensor<f32>
  %c1 = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %c2 = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %d = quern.binary div %x, %c0 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %e = quern.unary erf %d : tensor<4xf32> -> tensor<4xf32>
  %a = quern.binary add %e, %c1 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %m = quern.binary mul %x, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %r = quern.binary mul %m, %c2 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// (x * 0.5) * (erf(0.7071 * x) + 1)
// CHECK-LABEL: func.func @gelu_half_first
// CHECK-NEXT: %[[Y:.*]] = quern.unary gelu %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @gelu_half_first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = quern.constant(dense<0.7071> : tensor<f32>) : tensor<f32>
  %c1 = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %c2 = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %d = quern.binary mul %c0, %x : tensor<f32>, tensor<4xf32> -> tensor<4xf32>
  %e = quern.unary erf %d : tensor<4xf32> -> tensor<4xf32>
  %a = quern.binary add %c1, %e : tensor<f32>, tensor<4xf32> -> tensor<4xf32>
  %h = quern.binary mul %x, %c2 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %r = quern.binary mul %h, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// x * (0.5 + 0.5 * erf(x / sqrt 2))
// CHECK-LABEL: func.func @gelu_inside
// CHECK-NEXT: %[[Y:.*]] = quern.unary gelu %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @gelu_inside(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = quern.constant(dense<0.707106769> : tensor<f32>) : tensor<f32>
  %c2 = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %d = quern.binary mul %x, %c0 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %e = quern.unary erf %d : tensor<4xf32> -> tensor<4xf32>
  %s = quern.binary mul %e, %c2 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %a = quern.binary add %s, %c2 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %r = quern.binary mul %a, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// 0.5 * x * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3)))
// CHECK-LABEL: func.func @gelu_tanh
// CHECK-NEXT: %[[Y:.*]] = quern.unary gelu_tanh %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @gelu_tanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = quern.constant(dense<0.044715> : tensor<f32>) : tensor<f32>
  %c1 = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %c2 = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %c3 = quern.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %c4 = quern.constant(dense<0.797884583> : tensor<f32>) : tensor<f32>
  %p = quern.binary pow %x, %c3 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %q = quern.binary mul %p, %c0 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %s = quern.binary add %x, %q : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %u = quern.binary mul %s, %c4 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %t = quern.unary tanh %u : tensor<4xf32> -> tensor<4xf32>
  %a = quern.binary add %t, %c1 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %h = quern.binary mul %x, %c2 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %r = quern.binary mul %h, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// sqrt(2/pi) * x * (1 + 0.044715 * x * x) inside
// CHECK-LABEL: func.func @gelu_tanh_factored
// CHECK-NEXT: %[[Y:.*]] = quern.unary gelu_tanh %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @gelu_tanh_factored(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = quern.constant(dense<0.044715> : tensor<f32>) : tensor<f32>
  %c1 = quern.constant(dense<1.0> : tensor<f32>) : tensor<f32>
  %c2 = quern.constant(dense<0.5> : tensor<f32>) : tensor<f32>
  %c4 = quern.constant(dense<0.797884583> : tensor<f32>) : tensor<f32>
  %x2 = quern.binary mul %x, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %q = quern.binary mul %x2, %c0 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %s = quern.binary add %q, %c1 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %w = quern.binary mul %x, %c4 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %u = quern.binary mul %w, %s : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %t = quern.unary tanh %u : tensor<4xf32> -> tensor<4xf32>
  %a = quern.binary add %t, %c1 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %m = quern.binary mul %x, %a : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %r = quern.binary mul %m, %c2 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @silu
// CHECK-NEXT: %[[Y:.*]] = quern.unary silu %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @silu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = quern.unary sigmoid %x : tensor<4xf32> -> tensor<4xf32>
  %r = quern.binary mul %s, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @hard_swish
// CHECK-NEXT: %[[Y:.*]] = quern.unary hard_swish %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @hard_swish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %c0 = quern.constant(dense<3.0> : tensor<f32>) : tensor<f32>
  %c1 = quern.constant(dense<6.0> : tensor<f32>) : tensor<f32>
  %a = quern.binary add %x, %c0 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %k = quern.clamp %a to 0.0, 6.0 : tensor<4xf32>
  %m = quern.binary mul %x, %k : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %r = quern.binary div %m, %c1 : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @hard_swish_of_hard_sigmoid
// CHECK-NEXT: %[[Y:.*]] = quern.unary hard_swish %arg0 : tensor<4xf32> -> tensor<4xf32>
// CHECK-NEXT: return %[[Y]]
func.func @hard_swish_of_hard_sigmoid(%x: tensor<4xf32>) -> tensor<4xf32> {
  %s = quern.unary hard_sigmoid %x {alpha = 0.16666667 : f32, beta = 0.5 : f32} : tensor<4xf32> -> tensor<4xf32>
  %r = quern.binary mul %x, %s : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// -----

// Another factor, another gate and a rounding in between are not recognized.
// CHECK-LABEL: func.func @others
// CHECK: quern.unary sigmoid
// CHECK: quern.binary mul
// CHECK: quern.unary sigmoid
// CHECK: quern.quantize
// CHECK: quern.binary mul
func.func @others(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %c = quern.constant(dense<1.702> : tensor<f32>) : tensor<f32>
  %s = quern.constant(dense<0.00390625> : tensor<f32>) : tensor<f32>
  %k = quern.binary mul %x, %c : tensor<4xf32>, tensor<f32> -> tensor<4xf32>
  %g = quern.unary sigmoid %k : tensor<4xf32> -> tensor<4xf32>
  %a = quern.binary mul %x, %g : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  %h = quern.unary sigmoid %x : tensor<4xf32> -> tensor<4xf32>
  %q = quern.quantize %h, %s : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
  %d = quern.dequantize %q, %s : tensor<4xui8>, tensor<f32> -> tensor<4xf32>
  %b = quern.binary mul %x, %d : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
  return %a, %b : tensor<4xf32>, tensor<4xf32>
}
