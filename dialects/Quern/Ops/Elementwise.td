// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_ELEMENTWISE_TD
#define QUERN_OPS_ELEMENTWISE_TD

include "dialects/Quern/QuernAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

def Quern_UnaryOp : Quern_Op<"unary", [Pure]> {
  let summary = "Elementwise function of one tensor";
  let description = [{
    `alpha`, `beta` parametrize leaky_relu/elu (alpha) and hard_sigmoid (alpha, beta). Each
    function's normative algorithm is in docs/numerics.md.
    Constraints: (U1) shape and element type are kept; (U2) f32, or i1 for `not`, or integers for
    abs, neg, relu, sign.
  }];
  let arguments = (ins Quern_UnaryKindAttr:$kind, Quern_Tensor:$input,
                       OptionalAttr<F32Attr>:$alpha, OptionalAttr<F32Attr>:$beta);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$kind $input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_BinaryOp : Quern_Op<"binary", [Pure]> {
  let summary = "Elementwise function of two tensors, with NumPy broadcasting";
  let description = [{
    Constraints: (B1) the result's shape is the broadcast shape; (B2) operands have the same element
    type; (B3) comparisons give i1, all others the operands' type; (B4) `and`, `or` take integers or
    i1, `pow`, `prelu` f32.
  }];
  let arguments = (ins Quern_BinaryKindAttr:$kind, Quern_Tensor:$lhs,
                       Quern_Tensor:$rhs);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$kind $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_ClampOp : Quern_Op<"clamp", [Pure, SameOperandsAndResultType]> {
  let summary = "min(max(x, low), high), elementwise, f32";
  let arguments = (ins Quern_Tensor:$input, F32Attr:$low, F32Attr:$high);
  let results = (outs Quern_Tensor:$result);
  let description = [{Constraints: (K1) f32; (K2) low <= high (infinities allowed).}];
  let assemblyFormat = "$input `to` $low `,` $high attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Quern_SelectOp : Quern_Op<"select", [Pure]> {
  let summary = "condition ? a : b, elementwise, with NumPy broadcasting";
  let arguments = (ins Quern_Tensor:$condition, Quern_Tensor:$on_true,
                       Quern_Tensor:$on_false);
  let results = (outs Quern_Tensor:$result);
  let description = [{Constraints: (W1) condition is i1; (W2) the other three share an element type; (W3) shapes broadcast.}];
  let assemblyFormat = "$condition `,` $on_true `,` $on_false attr-dict `:` type(operands) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_CastOp : Quern_Op<"cast", [Pure]> {
  let summary = "Conversion of element types by value";
  let description = [{
    Float to integer truncates toward zero and saturates; integer to narrower integer wraps; to i1
    is x != 0. Constraints: (T1) shapes agree.
  }];
  let arguments = (ins Quern_Tensor:$input);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_TableOp : Quern_Op<"table", [Pure]> {
  let summary = "Codes to codes through a table";
  let description = [{
    result[i] = table[input[i]] for ui8 codes and a 256-entry table (si8 codes index by code + 128).
    Constraints: (A1) input is ui8 or si8; (A2) table is [256] of the result's element type; (A3)
    shapes agree.
  }];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$table);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input `,` $table attr-dict `:` type($input) `,` type($table) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_MapOp : Quern_Op<"map", [Pure, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Elementwise program over one iteration space";
  let description = [{
    For every index of the result shape, reads each input through its affine map, runs the body on
    scalars and stores what `quern.yield` gives. All results have the same shape, the iteration
    space. The body holds `arith`, `math.fma`, `math.sqrt`, `math.absf`, `math.roundeven`, `math.copysign` and
    `quern.to_code`; elements are seen in their compute type: integers of at most 16 bits and i1 as
    i32 (zero- or sign-extended by the element type), si32/ui32 as i32, si64 as i64, f16, bf16 and
    f8 as f32. On yield they are truncated (integers; the body has clamped them) or rounded to
    nearest even (floats).

    ```
    %c = quern.map ins(%acc, %m : tensor<1x8x8x16xsi32>, tensor<16xf32>)
           maps [affine_map<(d0,d1,d2,d3) -> (d0,d1,d2,d3)>, affine_map<(d0,d1,d2,d3) -> (d3)>] {
      ^bb0(%a: i32, %s: f32):
        %f = arith.sitofp %a : i32 to f32
        %p = arith.mulf %f, %s : f32
        %q = quern.to_code %p zero_point 3 range [0, 255]
        quern.yield %q : i32
    } -> tensor<1x8x8x16xui8>
    ```
    Constraints: (E1) one map per input, from the iteration rank to the input's rank, each result
    linear with constant coefficients; (E2) block arguments have the compute types; (E3) the
    yielded values have the results' compute types; (E4) results share one shape.
  }];
  let arguments = (ins Variadic<Quern_Tensor>:$inputs, AffineMapArrayAttr:$maps,
                       OptionalAttr<StrAttr>:$site);
  let results = (outs Variadic<Quern_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `ins` `(` ($inputs^ `:` type($inputs))? `)` `maps` $maps $body attr-dict `->` type($results)
  }];
  let hasVerifier = 1;
}

def Quern_YieldOp : Quern_Op<"yield", [Pure, Terminator, ParentOneOf<["MapOp"]>]> {
  let summary = "What a `quern.map` body stores";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Quern_ToCodeOp : Quern_Op<"to_code", [Pure]> {
  let summary = "Scalar: round to nearest even, add the zero point, clamp to the code range";
  let description = [{
    code = clamp(rne(x) + zero_point, lo, hi), computed as if in unbounded integers; NaN gives lo.
    `bounded` states that |x| < 2^30 was proved, so targets may convert without a guard.
    The zero point is an attribute, or an i32 operand when it is only known at run time.
  }];
  let arguments = (ins F32:$input, Optional<I32>:$dynamic_zero_point, I32Attr:$zero_point,
                       I32Attr:$lo, I32Attr:$hi, UnitAttr:$bounded);
  let results = (outs I32:$result);
  let assemblyFormat = [{
    $input `zero_point` ($dynamic_zero_point^ `+`)? $zero_point `range` `[` $lo `,` $hi `]`
    (`bounded` $bounded^)? attr-dict
  }];
}

#endif // QUERN_OPS_ELEMENTWISE_TD
