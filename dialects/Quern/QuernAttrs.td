// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_ATTRS_TD
#define QUERN_ATTRS_TD

include "dialects/Quern/QuernDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

class Quern_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Quern_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Quern_BlobAttr : Quern_Attr<"Blob", "blob"> {
  let summary = "A constant's bytes, by content, in the context's content store";
  let description = [{
    `hash` names the bytes (128-bit XXH3, 32 hex digits), `length` is their number. The layout is
    row-major, little endian, one element after the other; elements of less than 8 bits are
    stored one per byte (codes sign- or zero-extended). Text dumps keep only this name; the bytes
    travel beside the dump (see `ContentStore::save`).
  }];
  let parameters = (ins StringRefParameter<"hash of the bytes">:$hash, "uint64_t":$length);
  let assemblyFormat = "`<` $hash `,` $length `>`";
}

def Quern_PaddedAttr : Quern_Attr<"Padded", "padded"> {
  let summary = "Encoding of an NHWC tensor kept with a halo around its rows and columns";
  let description = [{
    In memory the tensor [N, H, W, C] is a buffer [N, top+H+bottom, left+W+right, C], its halo
    filled with the value that the tensor's consumers need there (see `fill` of the producing
    dispatch). The logical shape does not change.
  }];
  let parameters = (ins "int64_t":$top, "int64_t":$left, "int64_t":$bottom, "int64_t":$right);
  let assemblyFormat = "`<` $top `,` $left `,` $bottom `,` $right `>`";
}

def Quern_PackedAttr : Quern_Attr<"Packed", "packed"> {
  let summary = "Encoding of a weight (or right-hand matrix) in panels for one target's kernels";
  let description = [{
    `form` is the target's name of the packed form (for example `vnni`: panels of `columns`
    output channels, `depth` consecutive values of the reduction together). `bytes` is the
    number of bytes of the packed buffer.
  }];
  let parameters = (ins StringRefParameter<"packed form">:$form, "int64_t":$columns,
                        "int64_t":$depth, "int64_t":$bytes);
  let assemblyFormat = "`<` $form `,` $columns `,` $depth `,` $bytes `>`";
}

def Quern_UnaryKind : I32EnumAttr<"UnaryKind", "elementwise function of one value", [
    I32EnumAttrCase<"Abs", 0, "abs">, I32EnumAttrCase<"Neg", 1, "neg">,
    I32EnumAttrCase<"Relu", 2, "relu">, I32EnumAttrCase<"Exp", 3, "exp">,
    I32EnumAttrCase<"Log", 4, "log">, I32EnumAttrCase<"Sqrt", 5, "sqrt">,
    I32EnumAttrCase<"Reciprocal", 6, "reciprocal">, I32EnumAttrCase<"Erf", 7, "erf">,
    I32EnumAttrCase<"Tanh", 8, "tanh">, I32EnumAttrCase<"Sigmoid", 9, "sigmoid">,
    I32EnumAttrCase<"Gelu", 10, "gelu">, I32EnumAttrCase<"GeluTanh", 11, "gelu_tanh">,
    I32EnumAttrCase<"Silu", 12, "silu">, I32EnumAttrCase<"HardSigmoid", 13, "hard_sigmoid">,
    I32EnumAttrCase<"HardSwish", 14, "hard_swish">, I32EnumAttrCase<"Softplus", 15, "softplus">,
    I32EnumAttrCase<"Floor", 16, "floor">, I32EnumAttrCase<"Ceil", 17, "ceil">,
    I32EnumAttrCase<"Round", 18, "round">, I32EnumAttrCase<"Sign", 19, "sign">,
    I32EnumAttrCase<"Not", 20, "not">, I32EnumAttrCase<"Elu", 21, "elu">,
    I32EnumAttrCase<"LeakyRelu", 22, "leaky_relu">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::quern::qir";
}
def Quern_UnaryKindAttr : EnumAttr<Quern_Dialect, Quern_UnaryKind, "unary_kind">;

def Quern_BinaryKind : I32EnumAttr<"BinaryKind", "elementwise function of two values", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Sub", 1, "sub">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Div", 3, "div">,
    I32EnumAttrCase<"Max", 4, "max">, I32EnumAttrCase<"Min", 5, "min">,
    I32EnumAttrCase<"Pow", 6, "pow">, I32EnumAttrCase<"PRelu", 7, "prelu">,
    I32EnumAttrCase<"Equal", 8, "equal">, I32EnumAttrCase<"Less", 9, "less">,
    I32EnumAttrCase<"LessEqual", 10, "less_equal">, I32EnumAttrCase<"Greater", 11, "greater">,
    I32EnumAttrCase<"GreaterEqual", 12, "greater_equal">, I32EnumAttrCase<"And", 13, "and">,
    I32EnumAttrCase<"Or", 14, "or">, I32EnumAttrCase<"Mod", 15, "mod">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::quern::qir";
}
def Quern_BinaryKindAttr : EnumAttr<Quern_Dialect, Quern_BinaryKind, "binary_kind">;

def Quern_PoolKind : I32EnumAttr<"PoolKind", "what a pooling window yields", [
    I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Sum", 1, "sum">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::quern::qir";
}
def Quern_PoolKindAttr : EnumAttr<Quern_Dialect, Quern_PoolKind, "pool_kind">;

def Quern_ReduceKind : I32EnumAttr<"ReduceKind", "what a reduction yields", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"Prod", 4, "prod">]> {
  let genSpecializedAttr = 0;
  let cppNamespace = "::quern::qir";
}
def Quern_ReduceKindAttr : EnumAttr<Quern_Dialect, Quern_ReduceKind, "reduce_kind">;

#endif // QUERN_ATTRS_TD
