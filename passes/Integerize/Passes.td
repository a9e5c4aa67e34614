// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_INTEGERIZE_PASSES_TD
#define QUERN_PASSES_INTEGERIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

class UnsignedOption
    : Option<"isUnsigned", "unsigned", "bool", "true",
             "left operands of contractions are ui8 (x86); otherwise si8 (ARM)">;

def PropagateCodes : Pass<"propagate-codes", "::mlir::func::FuncOp"> {
  let summary = "Lets ops that only move values work on codes";
  let description = [{
    Reshape, transpose, slice, broadcast, concat, pad, gather, max pool and max or min reduction commute
    with a dequantize of one scale (which is monotone) and with a quantize: a dequantize before them
    moves behind, a quantize behind them moves before. Codes that are dequantized and quantized
    with the same scale and zero point stay as they are. All of this is exact.

    Example:
    ```mlir
    %x = quern.dequantize %c, %s, %z : tensor<1x8x8x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<1x8x8x4xf32>
    %p = quern.pool max %x kernel [2, 2] … : tensor<1x8x8x4xf32> -> tensor<1x4x4x4xf32>
    // becomes
    %m = quern.pool max %c kernel [2, 2] … : tensor<1x8x8x4xui8> -> tensor<1x4x4x4xui8>
    %p = quern.dequantize %m, %s, %z : tensor<1x4x4x4xui8>, tensor<1xf32>, tensor<1xui8> -> tensor<1x4x4x4xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def SignActivations : Pass<"sign-activations", "::mlir::func::FuncOp"> {
  let summary = "Gives 8-bit activation codes the sign that the target multiplies";
  let description = [{
    Codes that reach the left operand of a contraction become ui8 (or si8 with `unsigned=false`),
    those that only reach a right operand become si8: zero points and bounds of the quantize and
    dequantize ops move by 128. All values that are connected by ops that only move codes change
    together; codes that come from or go to the caller keep their type (a contraction then
    converts them itself).

    Example:
    ```mlir
    %c = quern.quantize %x, %s, %z : tensor<2x4xf32>, tensor<1xf32>, tensor<1xsi8> -> tensor<2x4xsi8>
    // becomes, with %zu = %z + 128,
    %c = quern.quantize %x, %s, %zu : tensor<2x4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<2x4xui8>
    ```
  }];
  let options = [UnsignedOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def ScaleFloatCodes : Pass<"scale-float-codes", "::mlir::func::FuncOp"> {
  let summary = "Convolutions and products of 8-bit floats multiply the codes, scales go behind them";
  let description = [{
    conv(dq(x; sx), dq(w; sw[o])) of f8E4M3FN or f8E5M2 codes is conv(x, w) * (sx * sw[o]): the product
    of two codes is exact in f32, so the sum needs no scale in it. sx may be one for each row, known only at
    run time. Scales by blocks stay where they are: the codes are then dequantized first.

    With `widens` (the CPUs, which multiply no such codes) the operands of the product are the codes'
    values as f32, exact, so that kernels of floats take them.

    Example:
    ```mlir
    %y = quern.matmul %xf, %wf : tensor<4x8xf32>, tensor<8x2xf32> -> tensor<4x2xf32>
    // becomes, where both are dequantized f8E4M3FN codes,
    %acc = quern.matmul %x, %w : tensor<4x8xf8E4M3FN>, tensor<8x2xf8E4M3FN> -> tensor<4x2xf32>
    %y = quern.map ins(%acc, %m : …) maps […] {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.mulf %a, %b : f32
      quern.yield %0 : f32
    } -> tensor<4x2xf32>
    ```
  }];
  let options = [Option<"widens", "widens", "bool", "true",
                        "products take the codes' values in f32 instead of the codes">];
  let dependentDialects = ["::quern::qir::QuernDialect", "::mlir::arith::ArithDialect"];
}

def IntegerizeContractions : Pass<"integerize-contractions", "::mlir::func::FuncOp"> {
  let summary = "Convolutions and products of codes become integer ones, scales go behind them";
  let description = [{
    conv(dq(x; sx, zx), dq(w; sw[o], zw[o])) is float(acc + k[o]) * (sx * sw[o]) with an integer
    convolution acc over the codes, padded with zx, and k = -zx * sum(w) + bias, all exact. Constant
    weights become si8 (their zero point is subtracted; where that does not fit, sums of the
    activations enter). Zero points and scales known only at run time stay operands of the map.
    A following bias, relu, clamp and quantize join the map: to_code(float(acc + k[o]) * m[o]) with
    m = sx * sw[o] / s, rounded once.

    What is not computed in integers (block scales, scales along the reduction, sums beyond 32
    bits) stays float, with a remark.

    Example:
    ```mlir
    %y = quern.matmul %xf, %wf : tensor<4x8xf32>, tensor<8x2xf32> -> tensor<4x2xf32>
    %q = quern.quantize %y, %s : tensor<4x2xf32>, tensor<1xf32> -> tensor<4x2xui8>
    // becomes
    %acc = quern.matmul %x, %w : tensor<4x8xui8>, tensor<8x2xsi8> -> tensor<4x2xsi32>
    %q = quern.map ins(%acc, %k, %m : …) maps […] {
    ^bb0(%a: i32, %b: i32, %c: f32):
      %0 = arith.addi %a, %b : i32
      %1 = arith.sitofp %0 : i32 to f32
      %2 = arith.mulf %1, %c : f32
      %3 = quern.to_code %2 zero_point 0 range [0, 255] bounded
      quern.yield %3 : i32
    } -> tensor<4x2xui8>
    ```
  }];
  let options = [UnsignedOption<>];
  let dependentDialects = ["::quern::qir::QuernDialect", "::mlir::arith::ArithDialect"];
}

def IntegerizePools : Pass<"integerize-pools", "::mlir::func::FuncOp"> {
  let summary = "Sums and means of codes become integer sums";
  let description = [{
    A pool sum or a reduce sum or mean over a dequantize sums the codes in si32; the zero point is
    taken out exactly (it counts as often as codes lie under the window), and scale, count and a
    following quantize are one multiplier. See `integerize-contractions` for what joins the map.

    Example:
    ```mlir
    %m = quern.reduce mean %xf axes [1, 2] : tensor<1x7x7x8xf32> -> tensor<1x1x1x8xf32>
    %q = quern.quantize %m, %s, %z : …
    // becomes
    %sum = quern.reduce sum %x axes [1, 2] : tensor<1x7x7x8xui8> -> tensor<1x1x1x8xsi32>
    %q = quern.map ins(%sum, %k, %m : …) …
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect", "::mlir::arith::ArithDialect"];
}

def IntegerizeElementwise : Pass<"integerize-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Sums and products of codes are requantized by one map";
  let description = [{
    quantize(dq(a) ± dq(b)), with relu or clamp between, becomes to_code(fma(a, sa/s, fma(b, sb/s, f)))
    where f holds all zero points; quantize(dq(a) * dq(b)) becomes to_code((fa * fb) * (sa*sb/s)) with
    fa and fb the exact codes minus their zero points; quantize(dq(a)) becomes to_code(fa * (sa/s)). Relu and clamp become the
    range of to_code, exactly. Scales are constants of one element.

    Example:
    ```mlir
    %y = quern.binary add %af, %bf : tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>
    %q = quern.quantize %y, %s, %z : tensor<4xf32>, tensor<1xf32>, tensor<1xui8> -> tensor<4xui8>
    // becomes
    %q = quern.map ins(%a, %b, … : tensor<4xui8>, tensor<4xui8>, …) … -> tensor<4xui8>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def LowerElementwise : Pass<"lower-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Every elementwise tensor op becomes a map with the normative scalar program";
  let description = [{
    quantize, dequantize, unary, binary, clamp, select and cast become `quern.map`, their broadcasting
    affine maps, their arithmetic that of docs/numerics.md. Division by a scale is a multiplication
    by its f32 reciprocal, made once. A dequantize of constant weights that a float contraction
    reads is evaluated.

    Example:
    ```mlir
    %y = quern.unary relu %x : tensor<4xf32> -> tensor<4xf32>
    // becomes
    %y = quern.map ins(%x : tensor<4xf32>) maps [affine_map<(d0) -> (d0)>] {
    ^bb0(%a: f32): …
    } -> tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect", "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def FuseMaps : Pass<"fuse-maps", "::mlir::func::FuncOp"> {
  let summary = "Puts maps into the maps that read them";
  let description = [{
    A map goes into its only reader, and a cheap one (a dequantize) into all readers when that
    removes its tensor. Transposes, slices and broadcasts before a map join its affine maps.
    Inputs read twice in the same way are merged. A map that reads a contraction's result is
    only fused where it is read at its own index, and never makes a map read two contractions,
    so that it can be the contraction's epilogue. With `anchors=false` such maps, and maps that
    give codes of at most 8 bits, are left alone: tables are looked for first. A rounding to codes inside stays a rounding.

    Example:
    ```mlir
    %a = quern.map ins(%x : tensor<4xui8>) maps […] {dequantize} -> tensor<4xf32>
    %b = quern.map ins(%a : tensor<4xf32>) maps […] {relu} -> tensor<4xf32>
    // becomes
    %b = quern.map ins(%x : tensor<4xui8>) maps […] {dequantize; relu} -> tensor<4xf32>
    ```
  }];
  let options = [Option<"anchors", "anchors", "bool", "true",
                        "fuse maps that read the result of a contraction, too">];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def MergeScalars : Pass<"merge-scalars", "::mlir::func::FuncOp"> {
  let summary = "Makes one map of maps of one element that read each other";
  let description = [{
    A map of one element goes into the one whose result it reads when all else that it reads is there
    by then: a map of several results, one launch. That is the arithmetic of dynamic quantization: range,
    scale, zero point, reciprocal, product of scales.

    Example:
    ```mlir
    %s = quern.map ins(%low, %high : tensor<f32>, tensor<f32>) maps […] {subtract} -> tensor<f32>
    %r = quern.map ins(%s : tensor<f32>) maps […] {reciprocal} -> tensor<f32>
    // becomes
    %s, %r = quern.map ins(%low, %high : tensor<f32>, tensor<f32>) maps […] {subtract; reciprocal} -> tensor<f32>, tensor<f32>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def ComposeTables : Pass<"compose-tables", "::mlir::func::FuncOp"> {
  let summary = "Maps from one 8-bit code tensor to 8-bit codes become tables";
  let description = [{
    A map whose only inputs are one 8-bit code tensor, read at its own index, and constants of one
    element, and whose result is 8-bit codes, is evaluated for all codes, when it does more than one
    requantization. Tables of tables become one, also where a map reads several tables of the
    same codes.

    Example:
    ```mlir
    %y = quern.map ins(%x, %s : tensor<4xui8>, tensor<1xf32>) maps […] {…sigmoid…} -> tensor<4xui8>
    // becomes
    %y = quern.table %x, %t : tensor<4xui8>, tensor<256xui8> -> tensor<4xui8>
    ```
  }];
  let dependentDialects = ["::quern::qir::QuernDialect"];
}

def VerifyIntegerForm : Pass<"verify-integer-form", "::mlir::func::FuncOp"> {
  let summary = "Reports every op that integer form does not allow";
  let description = [{
    No quantize, dequantize, unary, binary, clamp, select or cast may be left. The IR is not
    changed.

    Example:
    ```mlir
    %y = quern.unary relu %x : tensor<4xf32> -> tensor<4xf32>
    // error: 'quern.unary' is left in integer form
    ```
  }];
}

#endif // QUERN_PASSES_INTEGERIZE_PASSES_TD
