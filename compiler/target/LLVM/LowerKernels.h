// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_LLVM_LOWERKERNELS_H
#define QUERN_COMPILER_TARGET_LLVM_LOWERKERNELS_H

#include "compiler/target/TargetBackend.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace quern {

/// A function attribute of LLVM IR: the emitter has scheduled this kernel itself, so it goes to
/// instruction selection as it is. MLIR's form of it is the unit attribute `quern.heavy`.
inline constexpr llvm::StringLiteral heavyKernelAttr = "quern-heavy";

/// What the lowering needs to know of dialects when the context is made.
void registerLoweringDialects(mlir::DialectRegistry &registry);

/// Copies the kernel functions (all but @main) to a module of their own and brings them to the
/// LLVM dialect: bare pointers for memrefs, 64-bit indices, no fast-math. Reports what cannot be
/// lowered at its location.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> lowerKernelsToDialect(mlir::ModuleOp module);

/// The same as LLVM IR for the target. Kernels have internal linkage.
mlir::FailureOr<std::unique_ptr<llvm::Module>>
lowerKernels(mlir::ModuleOp module, llvm::LLVMContext &context, const TargetInfo &target);

/// The second half of `lowerKernels`, from what `lowerKernelsToDialect` gave.
mlir::FailureOr<std::unique_ptr<llvm::Module>>
translateKernels(mlir::ModuleOp lowered, llvm::LLVMContext &context, const TargetInfo &target);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_LLVM_LOWERKERNELS_H
