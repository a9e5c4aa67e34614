// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef ONNX_DIALECT_TD
#define ONNX_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"

def Onnx_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::quern::onnxir";
  let summary = "An ONNX graph, node by node";
  let description = [{
    The form in which an ONNX file enters the compiler: one `onnx.node` for each node of the
    file, with the file's own operator names, attribute names and tensor names. The dialect
    gives the nodes no meaning; the Legalize stage does, from tables keyed by operator, domain
    and schema version. A generic node instead of one op for each of ONNX's operators keeps the
    importer free of per-operator code, and a new ONNX operator set needs no new op here.

    Constants (initializers and `Constant` nodes) are `quern.constant`, so weights are blobs in
    the content store from the start.
  }];
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
}

class Onnx_Op<string mnemonic, list<Trait> traits = []> : Op<Onnx_Dialect, mnemonic, traits>;

def Onnx_UnknownType : TypeDef<Onnx_Dialect, "Unknown"> {
  let mnemonic = "unknown";
  let summary = "The type of a tensor about which the file says nothing";
  let description = [{
    The result type of a node whose schema the onnx library does not know (an operator of a
    foreign domain) when the file records no type for it either. Legalize, which knows the
    operator, replaces it. A known element type with an unknown rank is `tensor<*xT>`.
  }];
}

#endif // ONNX_DIALECT_TD
