// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/InProcessRunner.h"

#include "compiler/runner/CompileModule.h"
#include "compiler/runner/LoadedModel.h"
#include "compiler/runner/TemporaryFolder.h"

using namespace mlir;

namespace quern {

FailureOr<std::unique_ptr<CompiledModel>> InProcessRunner::compile(ModuleOp module) const {
  TemporaryFolder folder;
  auto path = folder.get("model.so");
  if (!path)
    return module.emitError() << llvm::toString(path.takeError()), failure();
  if (failed(compileModule(module, target, artifact::ArtifactKind::Shared, *path)))
    return failure();
  auto model = LoadedModel::load(*path, runnerPrefix, *module.getContext());
  if (!model)
    return module.emitError() << "the model cannot be run in this process: "
                              << llvm::toString(model.takeError()),
           failure();
  return std::unique_ptr<CompiledModel>(std::move(*model));
}

} // namespace quern
