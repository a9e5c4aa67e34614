// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_INTERFACES_MODELRUNNER_H
#define QUERN_PASSES_INTERFACES_MODELRUNNER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace quern {

/// An input or output of a compiled model: its `quern.name` and static shape. Buffers are dense,
/// row-major, little-endian.
struct TensorSlot {
  std::string name;
  mlir::RankedTensorType type;
  int64_t low = 0, high = 0; ///< the whole numbers that an input takes; both 0: any
  size_t getBytes() const;
};

/// A model that was compiled in this process and can be run.
class CompiledModel {
public:
  virtual ~CompiledModel() = default;
  virtual llvm::ArrayRef<TensorSlot> getInputs() const = 0;
  virtual llvm::ArrayRef<TensorSlot> getOutputs() const = 0;
  /// Runs it once. Buffers must have the slots' sizes and 64-byte alignment.
  virtual llvm::Error run(llvm::ArrayRef<const void *> inputs,
                          llvm::ArrayRef<void *> outputs) const = 0;
};

/// Compiles models for the machine that the compiler runs on, by the compiler's own pipeline.
/// `compiler/runner` has the real ones, tests make fakes.
class ModelRunner {
public:
  virtual ~ModelRunner() = default;
  /// Compiles a module of the stage `import` (which is copied). Problems are diagnostics.
  virtual mlir::FailureOr<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp module) const = 0;
};

/// The same as an error, without text as a diagnostic has said it.
llvm::Expected<std::unique_ptr<CompiledModel>> compileModel(const ModelRunner &runner,
                                                            mlir::ModuleOp module);

} // namespace quern

#endif // QUERN_PASSES_INTERFACES_MODELRUNNER_H
