// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_RUNNER_EMULATEDRUNNER_H
#define QUERN_COMPILER_RUNNER_EMULATEDRUNNER_H

#include "compiler/target/TargetBackend.h"
#include "passes/Interfaces/ModelRunner.h"

namespace quern {

/// Compiles for a machine of another architecture, to an executable in a temporary folder; each run
/// is a process of its own in an emulator, inputs and outputs being .npy files.
class EmulatedRunner : public ModelRunner {
public:
  explicit EmulatedRunner(const TargetBackend &target) : target(target) {}
  mlir::FailureOr<std::unique_ptr<CompiledModel>> compile(mlir::ModuleOp module) const override;

private:
  const TargetBackend &target;
};

} // namespace quern

#endif // QUERN_COMPILER_RUNNER_EMULATEDRUNNER_H
