// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/InProcessRunner.h"

#include "compiler/package/Artifact.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/runner/LoadedModel.h"
#include "compiler/target/LLVM/LowerKernels.h"
#include "dialects/Quern/QuernDialect.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace quern {

static constexpr llvm::StringLiteral prefix = "quern_runner";

/// Writes the library of a compiled module to `path`.
static llvm::Error writeLibrary(Compilation &compilation, const TargetBackend &target,
                                llvm::StringRef path) {
  auto program = artifact::Program::read(*compilation.module);
  if (failed(program))
    return llvm::createStringError("the module has no program");
  artifact::Provenance provenance;
  provenance.name = prefix.str();
  provenance.prefix = prefix.str();
  provenance.target = target.getName().str();
  TargetInfo info = target.getTargetInfo();
  llvm::LLVMContext llvmContext;
  auto kernels = translateKernels(*compilation.kernels, llvmContext, info);
  if (failed(kernels))
    return llvm::createStringError("the kernels cannot be translated");
  std::vector<artifact::Variant> variants;
  variants.push_back(
      {std::move(*kernels), std::move(*program), std::move(info), target.getName().str()});
  return artifact::writeArtifact(std::move(variants), provenance, artifact::ArtifactKind::Shared,
                                 path);
}

static llvm::Expected<std::unique_ptr<LoadedModel>>
writeAndLoad(Compilation &compilation, const TargetBackend &target, MLIRContext &context) {
  llvm::SmallString<128> folder;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("quern-runner", folder))
    return llvm::createStringError("temporary folder: " + code.message());
  auto remove = llvm::scope_exit([&] {
    if (std::error_code code = llvm::sys::fs::remove_directories(folder))
      llvm::errs() << "warning: '" << folder << "': " << code.message() << '\n';
  });
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, "model.so");
  if (llvm::Error error = writeLibrary(compilation, target, path))
    return std::move(error);
  return LoadedModel::load(path, prefix, context);
}

FailureOr<std::unique_ptr<CompiledModel>> InProcessRunner::compile(ModuleOp module) const {
  MLIRContext &context = *module.getContext();
  auto *dialect = context.getOrLoadDialect<qir::QuernDialect>();
  ContentStore::Scope scope(dialect->getContentStore());
  // Advice on speed is about the user's program, not about one that shows its inner tensors.
  ScopedDiagnosticHandler quiet(&context, [](Diagnostic &diagnostic) {
    return success(diagnostic.getSeverity() == DiagnosticSeverity::Warning ||
                   diagnostic.getSeverity() == DiagnosticSeverity::Remark);
  });
  PipelineOptions options;
  options.target = &target;
  options.startFrom = "import";
  auto compilation = runPipeline(context, options, OwningOpRef<ModuleOp>(module.clone()));
  if (failed(compilation))
    return failure();
  auto model = writeAndLoad(*compilation, target, context);
  if (!model) {
    module.emitError() << "the model cannot be run in this process: "
                       << llvm::toString(model.takeError());
    return failure();
  }
  return std::unique_ptr<CompiledModel>(std::move(*model));
}

} // namespace quern
