// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_SHAPE_TD
#define QUERN_OPS_SHAPE_TD

include "dialects/Quern/QuernAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Quern_ReshapeOp : Quern_Op<"reshape", [Pure]> {
  let summary = "The same elements in row-major order under another shape";
  let description = [{Constraints: (H1) element types and element counts agree.}];
  let arguments = (ins Quern_Tensor:$input);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Quern_TransposeOp : Quern_Op<"transpose", [Pure]> {
  let summary = "Permuted dimensions: result.dim(i) = input.dim(permutation[i])";
  let description = [{Constraints: (X1) permutation is one; (X2) the result's shape follows.}];
  let arguments = (ins Quern_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Quern_BroadcastOp : Quern_Op<"broadcast", [Pure]> {
  let summary = "NumPy broadcasting to the result's shape";
  let description = [{Constraints: (O1) input's shape broadcasts to the result's.}];
  let arguments = (ins Quern_Tensor:$input);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_ConcatOp : Quern_Op<"concat", [Pure]> {
  let summary = "Tensors one after the other along an axis";
  let description = [{Constraints: (N1) element types agree; (N2) all dimensions but axis agree and axis adds up.}];
  let arguments = (ins Variadic<Quern_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$inputs `axis` $axis attr-dict `:` type($inputs) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_SliceOp : Quern_Op<"slice", [Pure]> {
  let summary = "result[i] = input[starts + i * steps], per dimension (steps may be negative)";
  let description = [{Constraints: (Z1) one start and step per dimension, and the input's
    element type; (Z2) all read positions lie inside.}];
  let arguments = (ins Quern_Tensor:$input, DenseI64ArrayAttr:$starts,
                       DenseI64ArrayAttr:$steps);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input `starts` $starts `steps` $steps attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_PadOp : Quern_Op<"pad", [Pure]> {
  let summary = "The input inside a larger tensor filled with one value";
  let description = [{Constraints: (G1) low >= 0 per dimension and low + dim <= result dim; (G2)
    value has one element; (G3) one element type.}];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$value,
                       DenseI64ArrayAttr:$low);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input `,` $value `low` $low attr-dict `:` type($input) `,` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Quern_GatherOp : Quern_Op<"gather", [Pure]> {
  let summary = "Slices of the input along an axis, picked by indices";
  let description = [{
    result[a..., i..., b...] = input[a..., indices[i...], b...] with a before and b after axis;
    negative indices count from the end; indices outside are clamped.
    Constraints: (J1) indices are si32 or si64; (J2) the result's shape and element type follow.
  }];
  let arguments = (ins Quern_Tensor:$input, Quern_Tensor:$indices, I64Attr:$axis);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input `,` $indices `axis` $axis attr-dict `:` type($input) `,` type($indices) `->` type($result)";
  let hasVerifier = 1;
}

#endif // QUERN_OPS_SHAPE_TD
