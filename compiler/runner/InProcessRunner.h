// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_RUNNER_INPROCESSRUNNER_H
#define QUERN_COMPILER_RUNNER_INPROCESSRUNNER_H

#include "compiler/target/TargetBackend.h"
#include "passes/Interfaces/ModelRunner.h"

namespace quern {

/// Compiles through the whole pipeline to a shared library in a temporary folder and loads it: what
/// runs is what the artifact would be.
class InProcessRunner : public ModelRunner {
public:
  /// `target` must be one that this machine can run.
  explicit InProcessRunner(const TargetBackend &target) : target(target) {}
  mlir::FailureOr<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp module) const override;

private:
  const TargetBackend &target;
};

} // namespace quern

#endif // QUERN_COMPILER_RUNNER_INPROCESSRUNNER_H
