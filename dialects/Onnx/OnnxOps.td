// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef ONNX_OPS_TD
#define ONNX_OPS_TD

include "dialects/Onnx/OnnxDialect.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// A tensor of the graph: ranked or not, or not known at all; `none` stands for an omitted one.
def Onnx_Value : AnyTypeOf<[AnyTensor, Onnx_UnknownType, NoneType]>;

def Onnx_AbsentOp : Onnx_Op<"absent", [Pure]> {
  let summary = "The place of an optional input that is left out";
  let description = [{
    ONNX writes an omitted input in the middle of a node's inputs as an empty name. Trailing
    omitted inputs are simply not there.

    Example: `%none = onnx.absent`
  }];
  let results = (outs NoneType:$result);
  let assemblyFormat = "attr-dict";
}

def Onnx_NodeOp : Onnx_Op<"node", [Pure]> {
  let summary = "One node of an ONNX graph";
  let description = [{
    `op_type` and `domain` name the operator (the default domain `ai.onnx` is the empty string),
    `since_version` the version of its schema: the operator set version in which its meaning last
    changed, or the domain's imported version where the onnx library has no schema. `attrs` holds
    the node's attributes under their ONNX names:

    | ONNX                          | here                                       |
    |-------------------------------|--------------------------------------------|
    | int, float, string            | `i64` integer, `f32` float, string         |
    | ints, floats, strings         | `array<i64: …>`, `array<f32: …>`, `["…"]`  |
    | tensor                        | elements attribute                         |

    `outputs` are the ONNX names of the results, the `site` names of the later stages; an omitted
    output has the name "" and the type `none`. The location is the node's name over the file
    and the node's index in the graph.

    Constraints: (N1) `op_type` is not empty; (N2) `since_version` is at least 1; (N3) `outputs`
    has one string for each result; (N4) a result has the empty name exactly if it has the type
    `none`; (N5) no two results have the same name; (N6) each attribute is one of the forms above.

    Example:
    ```mlir
    %y = onnx.node "Conv"(%x, %w) since 11 outputs ["y"] attributes {strides = array<i64: 1, 1>}
        : (tensor<1x3x8x8xf32>, tensor<4x3x1x1xf32>) -> tensor<1x4x8x8xf32>
    %s = onnx.node "QLinearAdd"(%a, %b) of "com.microsoft" since 1 outputs ["s"]
        : (tensor<4xui8>, tensor<4xui8>) -> !onnx.unknown
    ```
  }];
  let arguments = (ins StrAttr:$op_type, Variadic<Onnx_Value>:$inputs,
                       DefaultValuedStrAttr<StrAttr, "">:$domain, I64Attr:$since_version,
                       StrArrayAttr:$outputs, OptionalAttr<DictionaryAttr>:$attrs);
  let results = (outs Variadic<Onnx_Value>:$results);
  let assemblyFormat = [{
    $op_type `(` $inputs `)` (`of` $domain^)? `since` $since_version `outputs` $outputs
    (`attributes` $attrs^)? attr-dict `:` functional-type($inputs, $results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether this is `type` of the domain `domainName` ("" is ai.onnx).
    bool is(::llvm::StringRef type, ::llvm::StringRef domainName = "") {
      return getOpType() == type && getDomain() == domainName;
    }
    /// The ONNX attribute `name`, or null.
    ::mlir::Attribute getNodeAttr(::llvm::StringRef name) {
      ::mlir::DictionaryAttr dictionary = getAttrsAttr();
      return dictionary ? dictionary.get(name) : ::mlir::Attribute();
    }
    /// The attribute's value, or `fallback` if it is missing or of another kind.
    int64_t getInt(::llvm::StringRef name, int64_t fallback);
    float getFloat(::llvm::StringRef name, float fallback);
    ::llvm::StringRef getString(::llvm::StringRef name, ::llvm::StringRef fallback);
    /// The list, or std::nullopt if it is missing or of another kind.
    std::optional<::llvm::ArrayRef<int64_t>> getInts(::llvm::StringRef name);
    std::optional<::llvm::ArrayRef<float>> getFloats(::llvm::StringRef name);
    /// Whether the input `index` is there (not past the end and not `onnx.absent`).
    bool hasInput(unsigned index) {
      return index < getInputs().size() &&
             !::llvm::isa<::mlir::NoneType>(getInputs()[index].getType());
    }
    /// The input, or null if `hasInput` says no.
    ::mlir::Value getInput(unsigned index) {
      return hasInput(index) ? getInputs()[index] : ::mlir::Value();
    }
    /// The ONNX tensor name of the result `index`: its site.
    ::mlir::StringAttr getOutputName(unsigned index) {
      return ::llvm::cast<::mlir::StringAttr>(getOutputs()[index]);
    }
  }];
}

#endif // ONNX_OPS_TD
