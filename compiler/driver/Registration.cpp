// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Registration.h"

#include "compiler/target/Passes.h"
#include "compiler/target/TargetBackend.h"
#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Codegen/Passes.h"
#include "passes/Integerize/Passes.h"
#include "passes/Interfaces/TargetRegistry.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/Extensions/InlinerExtension.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace quern {

namespace {

/// A target as the passes' registry owns it; the target itself lives as long as the process.
class TargetReference : public TargetModel {
public:
  explicit TargetReference(const TargetBackend &target) : target(target) {}
  llvm::StringRef getName() const override { return target.getName(); }
  bool wantsUnsignedActivations() const override { return target.wantsUnsignedActivations(); }
  bool wantsPaddedInputs() const override { return target.wantsPaddedInputs(); }
  bool readsHalo(mlir::Operation *window) const override { return target.readsHalo(window); }
  bool takesFollower(mlir::Operation *contraction, mlir::Operation *follower) const override {
    return target.takesFollower(contraction, follower);
  }
  qir::PackedAttr getPackedForm(mlir::Operation *anchor) const override {
    return target.getPackedForm(anchor);
  }
  qir::PackedAttr getBlockForm(qir::MatMulOp matmul, mlir::Value parameter) const override {
    return target.getBlockForm(matmul, parameter);
  }
  std::vector<char> pack(mlir::Operation *anchor, qir::PackedAttr form,
                         llvm::ArrayRef<char> bytes) const override {
    return target.pack(anchor, form, bytes);
  }
  mlir::DictionaryAttr chooseTile(qir::DispatchOp dispatch) const override {
    return target.chooseTile(dispatch);
  }
  int64_t getUnits(qir::DispatchOp dispatch) const override { return target.getUnits(dispatch); }
  TargetRates getRates() const override { return target.getRates(); }
  double estimateProducts(qir::DispatchOp dispatch, int64_t macs, bool asFloat) const override {
    return target.estimateProducts(dispatch, macs, asFloat);
  }
  std::string explainProducts(qir::DispatchOp dispatch) const override {
    return target.explainProducts(dispatch);
  }

private:
  const TargetBackend &target;
};

} // namespace

static void registerTargets() {
  for (const TargetBackend *target : getTargetBackends())
    registerTargetModel(target->getName(),
                        [target] { return std::make_unique<TargetReference>(*target); });
}

void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<onnxir::OnnxDialect, qir::QuernDialect, mlir::affine::AffineDialect,
                  mlir::arith::ArithDialect, mlir::cf::ControlFlowDialect, mlir::func::FuncDialect,
                  mlir::LLVM::LLVMDialect, mlir::math::MathDialect, mlir::memref::MemRefDialect,
                  mlir::scf::SCFDialect, mlir::tensor::TensorDialect, mlir::ub::UBDialect,
                  mlir::vector::VectorDialect>();
  mlir::func::registerInlinerExtension(registry);
}

void registerAllPasses() {
  mlir::registerTransformsPasses();
  mlir::registerConversionPasses();
  registerLegalizePasses();
  registerIntegerizePasses();
  registerCodegenPasses();
  registerTargetPasses();
  registerTargets();
}

} // namespace quern
