// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECT_TD
#define QUERN_DIALECT_TD

include "mlir/IR/OpBase.td"

def Quern_Dialect : Dialect {
  let name = "quern";
  let cppNamespace = "::quern::qir";
  let summary = "Quantized tensor programs, from the float waist to fused dispatches";
  let description = [{
    One dialect carries a model from legalized float form through the QDQ waist and the
    integer form to dispatches. Values are tensors with static shapes. Element types carry
    the storage: `ui8`, `si8`, `ui4`, `si32`, `f32`, `f8E4M3FN`, … Scales and zero points
    are operands, never type parameters (see docs/ir.md for the reasons and the stages).
    Spatial tensors are NHWC, convolution weights OHWI.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// The bytes behind every `#quern.blob` of this context.
    ::quern::ContentStore &getContentStore() { return *contentStore; }

  private:
    void registerAttributes();
    std::shared_ptr<::quern::ContentStore> contentStore;

  public:
  }];
  let hasConstantMaterializer = 0;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

/// What flows between ops: static shapes, elements that are integers or floats (others, such as index
/// or complex, have no bytes in memory that we could name).
def Quern_Tensor : StaticShapeTensorOf<[AnyInteger, AnyFloat]>;

class Quern_Op<string mnemonic, list<Trait> traits = []> : Op<Quern_Dialect, mnemonic, traits>;

#endif // QUERN_DIALECT_TD
