// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_ACTIVATIONCHAIN_H
#define QUERN_PASSES_QUANTIZE_ACTIVATIONCHAIN_H

#include "passes/Calibrate/Sweep.h"
#include "passes/Quantize/SampleStore.h"

#include "mlir/IR/BuiltinOps.h"

namespace quern {

/// The inputs of an imported module, as samples must fill them.
std::vector<TensorSlot> getInputSlots(mlir::ModuleOp module);

/// Walks a model from cut to cut over all samples: each segment is compiled and run once, on what
/// the one before it left. What is done to a segment before it is compiled (a part of the model may
/// be quantized by then) acts on all that follows.
class ActivationChain {
public:
  /// Reads all samples: the model's inputs are the first live values. A last batch that is not full
  /// is filled up with its last sample.
  static llvm::Expected<ActivationChain>
  start(const ModelRunner &runner, std::vector<TensorSlot> inputs, SampleSource &source);
  /// Makes `live` the live values. `module` is the whole float model; `prepare` changes a segment
  /// of it.
  llvm::Error advance(mlir::ModuleOp module, llvm::ArrayRef<std::string> live,
                      llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp)> prepare);
  size_t getRuns() const { return runs; }
  const SampleStore &getStore() const { return store; }

private:
  ActivationChain(const ModelRunner &runner, SampleStore store, size_t runs)
      : runner(&runner), store(std::move(store)), runs(runs) {}
  llvm::Error run(const CompiledModel &model, SampleStore &next) const;

  const ModelRunner *runner;
  SampleStore store;
  size_t runs;
};

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_ACTIVATIONCHAIN_H
