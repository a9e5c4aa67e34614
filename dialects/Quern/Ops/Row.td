// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_ROW_TD
#define QUERN_OPS_ROW_TD

include "dialects/Quern/QuernAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Quern_SoftmaxOp : Quern_Op<"softmax", [Pure, SameOperandsAndResultType]> {
  let summary = "Softmax along the last dimension";
  let description = [{
    y = exp(x - max) / sum(exp(x - max)) by the normative exp and the 16-lane reduction of
    docs/numerics.md. Other axes are brought last by transposes during legalization.
    Constraints: (S1) f32, rank >= 1.
  }];
  let arguments = (ins Quern_Tensor:$input, UnitAttr:$log);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Quern_LayerNormOp : Quern_Op<"layer_norm", [Pure]> {
  let summary = "Layer normalization along the last dimension";
  let description = [{
    y = (x - mean) / sqrt(var + epsilon) * scale + bias over the last dimension of size D; scale
    and bias have D elements. `rms` leaves the mean out (RMSNorm).
    Constraints: (L1) f32; (L2) scale, bias are f32 [D]; (L3) epsilon is finite and >= 0.
  }];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$scale,
                       Optional<Quern_Tensor>:$bias, F32Attr:$epsilon, UnitAttr:$rms);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $scale (`,` $bias^)? `epsilon` $epsilon (`rms` $rms^)? attr-dict `:` type($input)
    `,` type($scale) (`,` type($bias)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Quern_ReduceOp : Quern_Op<"reduce", [Pure]> {
  let summary = "Reduction over dimensions, which stay with size 1";
  let description = [{
    Reduces f32 (16-lane strided order when the last dimension is reduced, else in index order)
    or codes (sum to si32; max, min keep the type). `mean` is f32 only.
    Constraints: (R1) axes are sorted, unique, inside the rank; (R2) the result has the input's
    shape with 1 at each axis; (R3) types as above.
  }];
  let arguments = (ins Quern_ReduceKindAttr:$kind, Quern_Tensor:$input,
                       DenseI64ArrayAttr:$axes);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$kind $input `axes` $axes attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

#endif // QUERN_OPS_ROW_TD
