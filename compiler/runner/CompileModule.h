// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_RUNNER_COMPILEMODULE_H
#define QUERN_COMPILER_RUNNER_COMPILEMODULE_H

#include "compiler/package/Artifact.h"
#include "compiler/target/TargetBackend.h"

#include "mlir/IR/BuiltinOps.h"

namespace quern {

/// The prefix of the functions of libraries that are compiled to be run here.
inline constexpr llvm::StringLiteral runnerPrefix = "quern_runner";

/// Compiles a copy of a module of the stage `import` to an artifact. Problems are diagnostics;
/// warnings and remarks are not shown: advice on speed is about the user's program, not about one
/// that shows its inner tensors.
mlir::LogicalResult compileModule(mlir::ModuleOp module, const TargetBackend &target,
                                  artifact::ArtifactKind kind, llvm::StringRef path);

} // namespace quern

#endif // QUERN_COMPILER_RUNNER_COMPILEMODULE_H
