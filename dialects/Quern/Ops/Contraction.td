// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_CONTRACTION_TD
#define QUERN_OPS_CONTRACTION_TD

include "dialects/Quern/QuernAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Quern_ConvOp : Quern_Op<"conv", [Pure]> {
  let summary = "2-D convolution, NHWC by OHWI";
  let description = [{
    result[n,y,x,o] = sum over (ky, kx, c), in this order, of
    input[n, y*stride_h + ky*dilation_h - top, x*stride_w + kx*dilation_w - left, g*I + c] *
    weights[o, ky, kx, c], where g is o's group. Positions outside the input read `pad_value` (a
    code, or 0 when absent). `pads` is [top, left, bottom, right].

    Float operands accumulate in f32, starting from 0, one fused multiply-add per term; f16 and bf16
    weights are widened first, exactly. 8-bit floats (f8E4M3FN, f8E5M2, on both sides) are widened and accumulate like f32
    on CPUs, within a stated tolerance on GPUs (docs/numerics.md). Integer
    operands (8 bits or less) accumulate exactly in si32; `window_sum`, when asked for, is the sum
    of the codes under the window, [N, OH, OW, groups], padding included. A depthwise convolution
    has groups = input channels = output channels.

    Weights may be si16: codes minus a zero point, in [-255, 255], where 8 bits do not hold all of
    them. Targets with 8-bit multipliers take the few that do not fit in two terms, so this is a
    form for weights that mostly do.

    Constraints: (V1) input is rank 4 and weights rank 4; (V2) element types: f32 by f32,
    f16 or bf16 -> f32, both 8-bit floats -> f32, or both integers of at most 8 bits (the weights may be si16) -> si32; (V3) channels = groups * weights.dim(3) and
    weights.dim(0) is a multiple of groups; (V4) strides, dilations >= 1, pads >= 0,
    all of them and the window's sizes at most 2^31 - 1, the window at least 1 x 1; (V5) the
    result's shape follows from them; (V6) pad_value has one element of the input's type; (V7)
    window_sum only with integer operands, si32.
  }];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$weights,
                       Optional<Quern_Tensor>:$pad_value,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, I64Attr:$groups);
  let results = (outs Quern_Tensor:$result, Optional<Quern_Tensor>:$window_sum);
  let assemblyFormat = [{
    $input `,` $weights (`pad` $pad_value^)? `strides` $strides `pads` $pads `dilations` $dilations
    `groups` $groups attr-dict `:` type($input) `,` type($weights) (`pad` type($pad_value)^)?
    `->` type($result) (`,` type($window_sum)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    bool isDepthwise();
    bool isInteger();
  }];
}

def Quern_MatMulOp : Quern_Op<"matmul",
    [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "Matrix product, batched";
  let description = [{
    result[..., m, n] = sum over k, in order, of lhs[..., m, k] * rhs[..., k, n]. Both have the
    same rank >= 2, or rhs has rank 2 (shared by all batches); batch dimensions of size 1
    broadcast. With `transpose_rhs`, rhs is [..., n, k]. Accumulation and si16 weights as in
    `quern.conv`.
    `lhs_sum` [..., M, 1] and `rhs_sum` [..., 1, N] are the sums of the codes over k, with the batch
    dimensions of lhs and of rhs.

    With `scales`, weights stay codes of at most 8 bits that have one scale for each column and
    block of `block_size` terms of the reduction. `zero_points` are as many codes, one for all, or 0
    when absent. Two kinds of lhs meet them:
    - f32: rhs[k, n] is float(code - zero) * scale, as `quern.dequantize` computes it.
    - si8 codes, whose zero point, if any, is the reader's business: the blocks' sums
      acc_b[m, n] = sum over k in block b of lhs[m, k] * (rhs[k, n] - zero) are exact, and the result
      is the sum over b, in order and starting from 0, of fma(float(acc_b), scale, result). With
      `lhs_scales`, one for each row and block, the scale is the product of the two, rounded once.
      `lhs_sums`, [..., M, K / block_size], must be the sums of lhs's codes over each block: kernels
      whose instructions want unsigned weights start from -zero * sum.

    Constraints: (M1) ranks as above; (M2) element types as (V2); (M3) k agrees; (M4) the result's
    shape follows; (M5) sums only with integer operands, si32, of the shapes above;
    (M6) with scales lhs is f32 or si8, the result f32, rhs codes of rank 2, block_size divides k,
    scales are f32 [k / block_size, n], zero_points have rhs's element type and the scales' shape or
    one element; without scales there are no zero_points and no block_size; (M7) with scales and
    codes on the left there are lhs_sums, si32 [..., M, k / block_size], and rhs is unsigned;
    lhs_scales are f32 of that shape; elsewhere there are neither.
  }];
  let arguments = (ins Quern_Tensor:$lhs, Quern_Tensor:$rhs,
                       Optional<Quern_Tensor>:$scales, Optional<Quern_Tensor>:$zero_points,
                       Optional<Quern_Tensor>:$lhs_scales, Optional<Quern_Tensor>:$lhs_sums,
                       UnitAttr:$transpose_rhs, OptionalAttr<I64Attr>:$block_size);
  let results = (outs Quern_Tensor:$result, Optional<Quern_Tensor>:$lhs_sum,
                      Optional<Quern_Tensor>:$rhs_sum);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transposed` $transpose_rhs^)? (`blocks` $block_size^)? (`scales` $scales^)?
    (`zeros` $zero_points^)? (`lhs_scales` $lhs_scales^)? (`lhs_sums` $lhs_sums^)? attr-dict
    `:` type($lhs) `,` type($rhs) (`scales` type($scales)^)? (`zeros` type($zero_points)^)?
    (`lhs_scales` type($lhs_scales)^)? (`lhs_sums` type($lhs_sums)^)? `->` type($result)
    (`lhs_sum` type($lhs_sum)^)? (`rhs_sum` type($rhs_sum)^)?
  }];
  let hasVerifier = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Type":$lhsSum, "::mlir::Type":$rhsSum,
                   "::mlir::Value":$lhs, "::mlir::Value":$rhs, "bool":$transposeRhs), [{
      build($_builder, $_state, result, lhsSum, rhsSum, lhs, rhs, ::mlir::Value(), ::mlir::Value(),
            ::mlir::Value(), ::mlir::Value(), transposeRhs, ::mlir::IntegerAttr());
    }]>
  ];
  let extraClassDeclaration = [{
    bool isInteger();
    /// Codes by codes with scales by blocks: exact sums of blocks, added as floats.
    bool isBlockedInteger();
  }];
}

def Quern_PoolOp : Quern_Op<"pool", [Pure]> {
  let summary = "Maximum or sum over windows, NHWC";
  let description = [{
    Windows as in `quern.conv`. Positions outside the input do not take part. `max` keeps the
    element type; `sum` of f32 gives f32 (added in window order, starting from 0), `sum` of codes
    gives si32. An average is a sum followed by a multiplication by 1/count (constant where the
    window never leaves the input, else by a constant [1,OH,OW,1] tensor).
    Constraints: (P1) rank 4; (P2) element types as above; (P3) result's shape follows from kernel,
    strides, pads, dilations; those as (V4).
  }];
  let arguments = (ins Quern_PoolKindAttr:$kind, Quern_Tensor:$input,
                       DenseI64ArrayAttr:$kernel, DenseI64ArrayAttr:$strides,
                       DenseI64ArrayAttr:$pads, DenseI64ArrayAttr:$dilations);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = [{
    $kind $input `kernel` $kernel `strides` $strides `pads` $pads `dilations` $dilations attr-dict
    `:` type($input) `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QUERN_OPS_CONTRACTION_TD
