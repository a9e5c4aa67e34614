// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_OPS_DISPATCH_TD
#define QUERN_OPS_DISPATCH_TD

include "dialects/Quern/QuernAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/IR/SymbolInterfaces.td"

def Quern_DispatchOp : Quern_Op<"dispatch", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "A unit of run time: tensor ops that become one kernel";
  let description = [{
    The body sees the inputs as block arguments. It is at most: a chain of view ops (reshape,
    transpose, slice, broadcast), at most one `quern.map` on the anchor's input (prologue), one
    anchor (conv, matmul, pool, softmax, layer_norm, reduce, table, gather, pad, concat or none),
    and one `quern.map` (epilogue; it is the anchor when there is no other), then
    `quern.return`. Tensor types in and at the border of the body carry the encodings
    (`#quern.padded`, `#quern.packed`) that storage really has.

    `fill` gives the code (integer) or value with which the halo of a padded result is filled.
    `tile` and `unit` are set by AssignTiles and PlanThreads; `kernel` is the emitted function's name.
    Constraints: (Y1) block arguments have the inputs' types; (Y2) returned types are the results'.
  }];
  let arguments = (ins Variadic<Quern_Tensor>:$inputs, OptionalAttr<DictionaryAttr>:$tile,
                       OptionalAttr<AnyAttr>:$fill);
  let results = (outs Variadic<Quern_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `ins` `(` ($inputs^ `:` type($inputs))? `)` (`tile` $tile^)? (`fill` $fill^)? $body attr-dict `->` type($results)
  }];
  let hasVerifier = 1;
}

def Quern_ReturnOp : Quern_Op<"return", [Pure, Terminator, ParentOneOf<["DispatchOp"]>]> {
  let summary = "What a `quern.dispatch` gives";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

def Quern_RelayoutOp : Quern_Op<"relayout", [Pure]> {
  let summary = "The same tensor under another encoding (pads the halo, packs a matrix)";
  let description = [{
    A matrix that is packed is [..., K, N], or with `transpose_rhs` [..., N, K], K being reduced.
    Constraints: (I1) shape and element type are kept; (I2) the encodings differ.
  }];
  let arguments = (ins Quern_Tensor:$input, Optional<Quern_Tensor>:$fill_value,
                       UnitAttr:$transpose_rhs);
  let results = (outs Quern_Tensor:$result);
  let assemblyFormat = "$input (`fill` $fill_value^)? (`transposed` $transpose_rhs^)? attr-dict `:` type($input) (`fill` type($fill_value)^)? `->` type($result)";
  let hasVerifier = 1;
}

#endif // QUERN_OPS_DISPATCH_TD
