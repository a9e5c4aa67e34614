// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/CompileModule.h"

#include "compiler/pipeline/Pipeline.h"
#include "compiler/target/LLVM/LowerKernels.h"
#include "dialects/Quern/QuernDialect.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

using namespace mlir;

namespace quern {

static llvm::Error write(Compilation &compilation, const TargetBackend &target,
                         artifact::ArtifactKind kind, llvm::StringRef path) {
  auto program = artifact::Program::read(*compilation.module);
  if (failed(program))
    return llvm::createStringError("the module has no program");
  artifact::Provenance provenance;
  provenance.name = runnerPrefix.str();
  provenance.prefix = runnerPrefix.str();
  provenance.target = target.getName().str();
  TargetInfo info = target.getTargetInfo();
  llvm::LLVMContext llvmContext;
  auto kernels = translateKernels(*compilation.kernels, llvmContext, info);
  if (failed(kernels))
    return llvm::createStringError("the kernels cannot be translated");
  std::vector<artifact::Variant> variants;
  variants.push_back(
      {std::move(*kernels), std::move(*program), std::move(info), target.getName().str()});
  return artifact::writeArtifact(std::move(variants), provenance, kind, path);
}

LogicalResult compileModule(ModuleOp module, const TargetBackend &target,
                            artifact::ArtifactKind kind, llvm::StringRef path) {
  MLIRContext &context = *module.getContext();
  auto *dialect = context.getOrLoadDialect<qir::QuernDialect>();
  ContentStore::Scope scope(dialect->getContentStore());
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
  if (llvm::Error error = write(*compilation, target, kind, path))
    return module.emitError() << "the model cannot be compiled to be run: "
                              << llvm::toString(std::move(error));
  return success();
}

} // namespace quern
