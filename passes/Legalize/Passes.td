// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_LEGALIZE_PASSES_TD
#define QUERN_PASSES_LEGALIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def LegalizeOnnx : Pass<"legalize-onnx", "::mlir::ModuleOp"> {
  let summary = "Converts ONNX nodes to quern float ops over quantize and dequantize: the waist";
  let description = [{
    Every `onnx.node` becomes `quern` ops by a table keyed by domain, operator and schema version.
    Result types are inferred again from the operands, so the types of foreign operators need not
    be known. Shape arithmetic on constants is evaluated on the way and disappears. Operators that
    work on codes (QLinearConv, ConvInteger, …) are written out as float ops between dequantize and
    quantize. Spatial operators become NHWC between two transposes; `propagate-layout` moves those.

    Example:
    ```mlir
    %y = onnx.node "Relu"(%x) since 14 outputs ["y"] : (tensor<4xf32>) -> tensor<4xf32>
    // becomes
    %y = quern.unary relu %x : tensor<4xf32> -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def FoldConstants : Pass<"fold-constants", "::mlir::func::FuncOp"> {
  let summary = "Evaluates ops whose operands are all constant, on the constants' bytes";
  let description = [{
    Layout ops (transpose, reshape, slice, concat, pad, broadcast) of constants are applied to the
    bytes, casts and elementwise ops are computed. A dequantize of a constant stays: it is how the
    waist says that a weight is stored as codes.

    Example:
    ```mlir
    %t = quern.transpose %w [0, 2, 3, 1] : tensor<2x3x1x1xsi8> -> tensor<2x1x1x3xsi8>
    // becomes, with %w constant,
    %t = quern.constant(dense<[…]> : tensor<2x1x1x3xsi8>) : tensor<2x1x1x3xsi8>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def PropagateLayout : Pass<"propagate-layout", "::mlir::func::FuncOp"> {
  let summary = "Moves transposes to the graph's edge and cancels them";
  let description = [{
    Transposes move through elementwise ops, quantize and dequantize (the axis is adapted), pool,
    concat, pad and reduce, and meet their inverses. A transpose that only moves dimensions of size
    1 becomes a reshape.

    Example:
    ```mlir
    %a = quern.transpose %x [0, 3, 1, 2] : tensor<1x4x4x8xf32> -> tensor<1x8x4x4xf32>
    %b = quern.unary relu %a : tensor<1x8x4x4xf32> -> tensor<1x8x4x4xf32>
    %c = quern.transpose %b [0, 2, 3, 1] : tensor<1x8x4x4xf32> -> tensor<1x4x4x8xf32>
    // becomes
    %c = quern.unary relu %x : tensor<1x4x4x8xf32> -> tensor<1x4x4x8xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def ExchangeCodes : Pass<"exchange-codes", "::mlir::func::FuncOp"> {
  let summary = "Lets the caller exchange codes instead of floats, where the model quantizes at once";
  let description = [{
    For `--io=codes`. An argument whose every use is the same quantize, with one constant scale and
    zero point, becomes the codes; a result that is a dequantize with such a scale becomes the
    codes that it reads. The values are those that the float interface would have given. The
    argument or result says what its codes mean in `quern.scale` and `quern.zero_point`, and in
    `quern.low` and `quern.high` where it takes fewer codes than its type holds; these go into the
    artifact. Other arguments and results stay as they are.

    Example:
    ```mlir
    func.func @main(%x: tensor<2x4xf32>) -> … {
      %c = quern.quantize %x, %s, %z : tensor<2x4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xui8>
    // becomes, with %s = 0.5 and %z = 3, and %c = %x,
    func.func @main(%x: tensor<2x4xui8> {quern.scale = 5.0e-01 : f32, quern.zero_point = 3 : i64}) -> … {
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def FoldBatchNorm : Pass<"fold-batch-norm", "::mlir::func::FuncOp"> {
  let summary = "Folds a constant per-channel mul and add into the float weights before it";
  let description = [{
    A convolution or matrix product with constant float weights, used once and followed (after a
    bias or not) by a multiplication with a constant that has one value per output channel, takes
    the factor into its weights and bias: (w*x + b) * m = (w*m)*x + b*m. Products and sums are
    rounded once each, in single precision. Quantized weights are left alone: their scales would
    no longer be those of the file.

    Example:
    ```mlir
    %y = quern.matmul %x, %w : tensor<1x4xf32>, tensor<4x8xf32> -> tensor<1x8xf32>
    %m = quern.binary mul %y, %c : tensor<1x8xf32>, tensor<8xf32> -> tensor<1x8xf32>
    // becomes, with %wc = %w * %c,
    %m = quern.matmul %x, %wc : tensor<1x4xf32>, tensor<4x8xf32> -> tensor<1x8xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def RecognizeActivations : Pass<"recognize-activations", "::mlir::func::FuncOp"> {
  let summary = "Turns subgraphs that spell GELU, SiLU or hard-swish into one op";
  let description = [{
    Exporters write activations in small ops, in every order of factors. Where no quantize stands
    between them (it would be a rounding that we have to keep), they become one `quern.unary`:
    0.5 * x * (1 + erf(x / sqrt(2))) is `gelu`, the same with tanh(sqrt(2/pi) * (x + 0.044715 x^3))
    is `gelu_tanh`, x * sigmoid(x) is `silu`, x * clamp(x + 3, 0, 6) / 6 and x * hard_sigmoid(x; 1/6,
    1/2) are `hard_swish`.

    Example:
    ```mlir
    %s = quern.unary sigmoid %x : tensor<4xf32> -> tensor<4xf32>
    %y = quern.binary mul %s, %x : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    // becomes
    %y = quern.unary silu %x : tensor<4xf32> -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def ShareEqualValues : Pass<"share-equal-values", "::mlir::func::FuncOp"> {
  let summary = "Makes equal constants and equal ops one, whatever tensors of the file they were";
  let description = [{
    Quantizers write a dequantize for each reader of a tensor, and give tensors that are views of each
    other scales of their own with equal values. Ops that compute the same are one here, although their
    `site` differs; the first one's stays. (MLIR's `cse` takes ops with different attributes for different.)

    Example:
    ```mlir
    %a = quern.quantize %x, %s {site = "a"} : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
    %b = quern.quantize %x, %s {site = "b"} : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
    %c = quern.matmul %a, %b : …
    // becomes
    %a = quern.quantize %x, %s {site = "a"} : tensor<4xf32>, tensor<f32> -> tensor<4xui8>
    %c = quern.matmul %a, %a : …
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def RecognizeNormalizations : Pass<"recognize-normalizations", "::mlir::func::FuncOp"> {
  let summary = "Turns subgraphs that spell a layer normalization into one op";
  let description = [{
    Exporters for older operator sets write (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale
    + bias in small ops: with a quotient, a reciprocal or a power of -0.5, the difference computed once or
    twice, or as x * factor + (bias - mean(x) * factor). Over the last dimension all of them are one
    `quern.layer_norm`, and without the mean one with `rms`. Where scale or bias are not there, or a
    quantize stands before them (a rounding that we have to keep), what comes before is recognized, with a
    scale of ones.

    Example:
    ```mlir
    %m = quern.reduce mean %x axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
    %d = quern.binary sub %x, %m : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
    %s = quern.binary mul %d, %d : tensor<2x4xf32>, tensor<2x4xf32> -> tensor<2x4xf32>
    %v = quern.reduce mean %s axes [1] : tensor<2x4xf32> -> tensor<2x1xf32>
    %e = quern.binary add %v, %epsilon : tensor<2x1xf32>, tensor<f32> -> tensor<2x1xf32>
    %r = quern.unary sqrt %e : tensor<2x1xf32> -> tensor<2x1xf32>
    %n = quern.binary div %d, %r : tensor<2x4xf32>, tensor<2x1xf32> -> tensor<2x4xf32>
    %y = quern.binary mul %n, %scale : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
    // becomes
    %y = quern.layer_norm %x, %scale epsilon 1.0e-5 : tensor<2x4xf32>, tensor<4xf32> -> tensor<2x4xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

#endif // QUERN_PASSES_LEGALIZE_PASSES_TD
