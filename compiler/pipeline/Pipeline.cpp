// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/pipeline/Pipeline.h"

#include "compiler/frontend/onnx/OnnxImport.h"
#include "compiler/package/Artifact.h"
#include "compiler/target/LLVM/LowerKernels.h"
#include "compiler/target/Passes.h"
#include "dialects/Quern/QuernDialect.h"
#include "passes/Codegen/Passes.h"
#include "passes/Integerize/Passes.h"
#include "passes/Legalize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace quern {

static LogicalResult runPasses(MLIRContext &context, Compilation &compilation,
                               llvm::function_ref<void(PassManager &)> build) {
  PassManager manager(&context);
  build(manager);
  return manager.run(*compilation.module);
}

static LogicalResult runImport(MLIRContext &context, const PipelineOptions &options,
                               Compilation &compilation) {
  OnnxImportOptions import;
  for (const auto &[name, dims] : options.shapes)
    import.shapes[name] = dims;
  import.keep = options.keep;
  import.externalFiles = &compilation.externalFiles;
  compilation.module = importOnnx(context, options.input, import);
  if (!compilation.module)
    return failure();
  return options.quantize ? options.quantize(*compilation.module) : success();
}

static LogicalResult runLegalize(MLIRContext &context, const PipelineOptions &options,
                                 Compilation &compilation) {
  return runPasses(context, compilation, [&](PassManager &manager) {
    manager.addPass(createLegalizeOnnx());
    OpPassManager &functions = manager.nest<func::FuncOp>();
    functions.addPass(createFoldConstants());
    functions.addPass(createCanonicalizerPass());
    // Before transposes come between the interface and its quantize ops.
    if (options.exchangeCodes)
      functions.addPass(createExchangeCodes());
    // Subgraphs are recognized by values that are the same.
    functions.addPass(createShareEqualValues());
    functions.addPass(createRecognizeActivations());
    functions.addPass(createRecognizeNormalizations());
    functions.addPass(createFoldBatchNorm());
    functions.addPass(createPropagateLayout());
    functions.addPass(createFoldConstants());
    functions.addPass(createCanonicalizerPass());
    functions.addPass(createCSEPass());
  });
}

static LogicalResult runIntegerize(MLIRContext &context, const PipelineOptions &options,
                                   Compilation &compilation) {
  return runPasses(context, compilation, [&](PassManager &manager) {
    buildIntegerizePipeline(manager, *options.target);
  });
}

static LogicalResult runDispatch(MLIRContext &context, const PipelineOptions &options,
                                 Compilation &compilation) {
  return runPasses(context, compilation, [&](PassManager &manager) {
    buildCodegenPipeline(manager, *options.target, options.threadsMax);
  });
}

static LogicalResult runKernels(MLIRContext &context, const PipelineOptions &options,
                                Compilation &compilation) {
  return runPasses(context, compilation, [&](PassManager &manager) {
    EmitKernelsOptions emission;
    emission.target = options.target->getName().str();
    manager.addPass(createEmitKernels(emission));
  });
}

static LogicalResult runLLVM(MLIRContext &, const PipelineOptions &, Compilation &compilation) {
  auto kernels = lowerKernelsToDialect(*compilation.module);
  if (failed(kernels))
    return failure();
  compilation.kernels = std::move(*kernels);
  return success();
}

llvm::ArrayRef<Stage> getStages() {
  static const Stage stages[] = {
      {"import", "the ONNX graph, node by node", runImport},
      {"legalize", "quern ops in float over quantize and dequantize: the waist", runLegalize},
      {"integerize", "integer contractions and scalar maps", runIntegerize},
      {"dispatch", "fused dispatches with layouts, tiles, packed weights and memory", runDispatch},
      {"kernels", "a function in scf, vector and memref for each dispatch", runKernels},
      {"llvm", "the kernels in the LLVM dialect", runLLVM},
  };
  return stages;
}

int findStage(llvm::StringRef name) {
  for (auto [index, stage] : llvm::enumerate(getStages()))
    if (name == stage.name)
      return index;
  return -1;
}

void printStage(ModuleOp module, llvm::raw_ostream &stream) {
  OpPrintingFlags flags;
  flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/false);
  module.print(stream, flags);
}

/// Blobs of a dumped stage lie in the folder `blobs` beside it.
static OwningOpRef<ModuleOp> readStage(MLIRContext &context, const PipelineOptions &options) {
  SmallString<256> blobs(options.input);
  llvm::sys::path::remove_filename(blobs);
  llvm::sys::path::append(blobs, "blobs");
  auto *dialect = context.getOrLoadDialect<qir::QuernDialect>();
  dialect->getContentStore().addSearchDirectory(blobs);
  return parseSourceFile<ModuleOp>(options.input, &context);
}

static LogicalResult dumpStage(MLIRContext &context, const PipelineOptions &options, int number,
                               const Compilation &compilation) {
  auto fail = [&](llvm::Error error) {
    return emitError(UnknownLoc::get(&context), llvm::toString(std::move(error))), failure();
  };
  if (std::error_code code = llvm::sys::fs::create_directories(options.dumpDirectory))
    return fail(llvm::createStringError("'" + options.dumpDirectory + "': " + code.message()));
  ModuleOp module = compilation.kernels ? *compilation.kernels : *compilation.module;
  std::string name = llvm::formatv("{0,0+2}-{1}.mlir", number, getStages()[number].name);
  SmallString<256> path(options.dumpDirectory);
  llvm::sys::path::append(path, name);
  if (llvm::Error error =
          artifact::writeFile(path, [&](llvm::raw_ostream &stream) { printStage(module, stream); }))
    return fail(std::move(error));
  SmallString<256> blobs(options.dumpDirectory);
  llvm::sys::path::append(blobs, "blobs");
  if (std::error_code code = llvm::sys::fs::create_directories(blobs))
    return fail(llvm::createStringError("'" + blobs + "': " + code.message()));
  auto *dialect = context.getOrLoadDialect<qir::QuernDialect>();
  if (llvm::Error error = dialect->getContentStore().save(blobs))
    return fail(std::move(error));
  return success();
}

FailureOr<Compilation> runPipeline(MLIRContext &context, const PipelineOptions &options) {
  if (options.startFrom.empty())
    return runPipeline(context, options, nullptr);
  OwningOpRef<ModuleOp> module = readStage(context, options);
  if (!module)
    return failure();
  return runPipeline(context, options, std::move(module));
}

FailureOr<Compilation> runPipeline(MLIRContext &context, const PipelineOptions &options,
                                   OwningOpRef<ModuleOp> module) {
  Compilation compilation;
  compilation.module = std::move(module);
  int first = options.startFrom.empty() ? 0 : findStage(options.startFrom) + 1;
  int last = options.stopAfter.empty() ? getStages().size() - 1 : findStage(options.stopAfter);
  for (int number = first; number <= last; ++number) {
    const Stage &stage = getStages()[number];
    if (options.onStage)
      options.onStage(stage.name);
    if (failed(stage.run(context, options, compilation)))
      return failure();
    if (options.afterStage)
      options.afterStage(stage.name, compilation);
    if (!options.dumpDirectory.empty() && failed(dumpStage(context, options, number, compilation)))
      return failure();
  }
  return std::move(compilation);
}

} // namespace quern
