// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_RUNNER_LOADEDMODEL_H
#define QUERN_COMPILER_RUNNER_LOADEDMODEL_H

#include "passes/Interfaces/ModelRunner.h"
#include "quern/model.h"

#include <mutex>

namespace quern {

/// A shared library artifact, loaded into this process. Calls may come from several threads; each
/// takes an arena from those that are free.
class LoadedModel : public CompiledModel {
public:
  /// Loads the library `path` whose functions begin with `prefix`. The file may be removed
  /// afterwards. Fails if this machine cannot run it.
  static llvm::Expected<std::unique_ptr<LoadedModel>>
  load(llvm::StringRef path, llvm::StringRef prefix, mlir::MLIRContext &context);
  ~LoadedModel() override;
  LoadedModel(const LoadedModel &) = delete;
  LoadedModel &operator=(const LoadedModel &) = delete;

  llvm::ArrayRef<TensorSlot> getInputs() const override { return inputs; }
  llvm::ArrayRef<TensorSlot> getOutputs() const override { return outputs; }
  llvm::Error run(llvm::ArrayRef<const void *> inputBuffers,
                  llvm::ArrayRef<void *> outputBuffers) const override;

private:
  explicit LoadedModel(void *library) : library(library) {}
  template <typename Function> Function *find(llvm::StringRef prefix, const char *name) const;
  llvm::Error bind(llvm::StringRef prefix, mlir::MLIRContext &context);
  void *takeArena() const;
  void giveArena(void *arena) const;

  void *library;
  quern_status (*execute)(const quern_call *) = nullptr;
  std::vector<TensorSlot> inputs, outputs;
  size_t arenaBytes = 0, arenaAlign = 64;
  mutable std::mutex mutex;
  mutable std::vector<void *> arenas;
};

} // namespace quern

#endif // QUERN_COMPILER_RUNNER_LOADEDMODEL_H
