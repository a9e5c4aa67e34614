// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Registration.h"

#include "dialects/Onnx/OnnxDialect.h"
#include "dialects/Quern/QuernDialect.h"
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

#ifdef QUERN_HAS_LEGALIZE
#include "passes/Legalize/Passes.h"
#endif
#ifdef QUERN_HAS_INTEGERIZE
#include "passes/Integerize/Passes.h"
#endif
#ifdef QUERN_HAS_CODEGEN
#include "passes/Codegen/Passes.h"
#endif

namespace quern {

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
#ifdef QUERN_HAS_LEGALIZE
  registerLegalizePasses();
#endif
#ifdef QUERN_HAS_INTEGERIZE
  registerIntegerizePasses();
#endif
#ifdef QUERN_HAS_CODEGEN
  registerCodegenPasses();
#endif
}

} // namespace quern
