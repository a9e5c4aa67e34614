// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_STORAGE_TD
#define QUERN_OPS_STORAGE_TD

include "dialects/Quern/QuernAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Quern_ConstantOp : Quern_Op<"constant", [Pure, ConstantLike]> {
  let summary = "A constant tensor";
  let description = [{
    `value` is an elements attribute (small constants, readable in dumps) or a `#quern.blob`.
    Constraints: (C1) `value` is one of the two; (C2) an elements attribute has the result's
    shape and element type; (C3) a blob's length is the number of elements times the bytes of an
    element (elements of less than 8 bits take a byte each), unless the result's encoding is
    `#quern.packed`, whose `bytes` it then is.

    Example: `%w = quern.constant(#quern.blob<"8f…", 864>) {site = "conv1.weight"} : tensor<32x3x3x3xsi8>`
  }];
  let arguments = (ins AnyAttr:$value, OptionalAttr<StrAttr>:$site);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "`(` $value `)` attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Quern_QuantizeOp : Quern_Op<"quantize", [Pure]> {
  let summary = "Real values to codes";
  let description = [{
    code = clamp(rne(x / scale) + zero_point, min, max) of the result's element type; for float
    codes (f8E4M3FN, f8E5M2, f4E2M1FN) code = convert(x / scale), saturating. `axis` names the
    dimension along which `scale` varies, `block_size` the number of consecutive elements of
    `axis` that share one. Without `axis`, `scale` has one element. `lo`/`hi` narrow the code range
    (narrow or sub-byte ranges kept in a wider type). See docs/numerics.md for the exact arithmetic.
    Constraints: (Q1) x is f32; (Q2) the result's element type is a storage scheme; (Q3) scale is f32 and its
    shape [1] or [], or [dim(axis)], or with `block_size` x's shape with dim(axis) divided by
    it, rounded up; (Q4) zero_point has scale's shape and the result's element type; (Q5)
    constant scales are positive, finite and normal; (Q6) axis lies in the rank; (Q7) lo <= hi lie in
    the code range (integer codes only); (Q8) the result has x's shape.
  }];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$scale,
                       Optional<Quern_Tensor>:$zero_point, OptionalAttr<I64Attr>:$axis,
                       OptionalAttr<I64Attr>:$block_size, OptionalAttr<I64Attr>:$lo,
                       OptionalAttr<I64Attr>:$hi, OptionalAttr<StrAttr>:$site);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $scale (`,` $zero_point^)? attr-dict `:` type($input) `,` type($scale)
    (`,` type($zero_point)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Quern_DequantizeOp : Quern_Op<"dequantize", [Pure, AttrSizedOperandSegments]> {
  let summary = "Codes to real values";
  let description = [{
    x = (code - zero_point) * scale, in f32; with `codebook`, x = codebook[code] * scale.
    `axis` and `block_size` as in `quern.quantize`; si32 codes (biases) are allowed here.
    Constraints: (D1) the result is f32 with the codes' shape; (D2) the codes' element type is a
    storage scheme or si32; (D3)-(D6) as (Q3)-(Q6) of `quern.quantize`; (D7) a codebook is f32, with one
    dimension and 2^bits entries.
  }];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$scale,
                       Optional<Quern_Tensor>:$zero_point,
                       Optional<Quern_Tensor>:$codebook, OptionalAttr<I64Attr>:$axis,
                       OptionalAttr<I64Attr>:$block_size, OptionalAttr<StrAttr>:$site);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = [{
    $input `,` $scale (`,` $zero_point^)? (`codebook` $codebook^)? attr-dict `:` type($input)
    `,` type($scale) (`,` type($zero_point)^)? (`codebook` type($codebook)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

#endif // QUERN_OPS_STORAGE_TD
