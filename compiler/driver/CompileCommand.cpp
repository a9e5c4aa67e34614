// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Latency.h"
#include "compiler/driver/Commands.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Explain.h"
#include "compiler/driver/Quantization.h"
#include "compiler/driver/Registration.h"
#include "compiler/package/Artifact.h"
#include "compiler/package/DeviceArtifact.h"
#include "compiler/pipeline/Pipeline.h"
#include "compiler/runner/TemporaryFolder.h"
#include "compiler/target/LLVM/DeviceCode.h"
#include "compiler/target/LLVM/LowerKernels.h"
#include "dialects/Quern/QuernDialect.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"

#include <chrono>
#include <unistd.h>

using namespace mlir;

namespace quern::driver {

namespace {

/// One line per step on a terminal, once the work has taken a second.
class Progress {
public:
  void step(llvm::StringRef what) {
    std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (terminal && elapsed.count() > 1)
      llvm::errs() << llvm::formatv("[{0,5:F1} s] {1}\n", elapsed.count(), what);
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  bool terminal = isatty(STDERR_FILENO);
};

/// The way through the pipeline for one target. Each has a context of its own: constants that one
/// has packed and forgotten may be what another still reads.
struct TargetRun {
  TargetRun(const DialectRegistry &registry, const TargetBackend &target)
      : target(target), context(registry, MLIRContext::Threading::DISABLED), printer(context) {
    context.printOpOnDiagnostic(false);
  }
  const TargetBackend &target;
  MLIRContext context;
  DiagnosticPrinter printer;
  Compilation compilation;
};

/// One run of `quern compile`.
class CompileJob {
public:
  CompileJob(const CompileOptions &options, const DialectRegistry &registry)
      : options(options), quantization(options.quantize, options.model) {
    for (const TargetBackend *target : lookupTargetBackends(options.target))
      runs.push_back(std::make_unique<TargetRun>(registry, *target));
    // Names were checked when the flag was read.
    if (!options.board.empty())
      board = llvm::cantFail(findBoard(options.board));
  }
  llvm::Error run();
  bool hasReported() const {
    return isTooLarge ||
           llvm::any_of(runs, [](const auto &run) { return run->printer.hasErrors(); });
  }

private:
  PipelineOptions makePipelineOptions(TargetRun &run);
  llvm::Error runTarget(TargetRun &run);
  llvm::Error shareImport(ModuleOp module);
  llvm::Error explain(ModuleOp module);
  llvm::Error writeText(const Compilation &compilation);
  llvm::Error writeBinary();
  llvm::Error accept(llvm::ArrayRef<artifact::Variant> variants, const artifact::Figures &figures);
  llvm::Error writeForDevice();
  llvm::Error writeDependencies(llvm::ArrayRef<std::string> externalFiles);
  llvm::Expected<artifact::Provenance> makeProvenance(llvm::ArrayRef<std::string> externalFiles);

  const CompileOptions &options;
  std::vector<std::unique_ptr<TargetRun>> runs; ///< the most demanding target first
  std::string imported;   ///< for the targets after the first: the quantized module as bytecode
  TemporaryFolder shared; ///< its constants
  Quantization quantization;
  Progress progress;
  std::optional<Board> board;
  bool isTooLarge = false; ///< a limit was broken, and has been reported
};

} // namespace

/// Only for what the diagnostics have not said already.
static llvm::Error reported() { return llvm::createStringError(""); }

PipelineOptions CompileJob::makePipelineOptions(TargetRun &run) {
  PipelineOptions pipeline;
  pipeline.input = options.model;
  pipeline.target = &run.target;
  pipeline.shapes = options.shapes;
  pipeline.keep = options.keep;
  pipeline.exchangeCodes = options.exchangeCodes;
  pipeline.threadsMax = options.threadsMax;
  pipeline.startFrom = options.startFrom;
  pipeline.stopAfter = options.stopAfter;
  pipeline.dumpDirectory = options.dumpStages;
  if (!options.quantize.data.empty())
    pipeline.quantize = [this](ModuleOp module) -> LogicalResult {
      if (failed(quantization.run(module)))
        return failure();
      if (runs.size() == 1)
        return success();
      if (llvm::Error error = shareImport(module))
        return module.emitError() << llvm::toString(std::move(error));
      return success();
    };
  pipeline.onStage = [this](llvm::StringRef stage) { progress.step(stage); };
  pipeline.afterStage = [&run](llvm::StringRef stage, const Compilation &compilation) {
    if (stage == "import")
      run.printer.learnNodes(*compilation.module);
  };
  return pipeline;
}

static ContentStore &getStore(MLIRContext &context) {
  return context.getOrLoadDialect<qir::QuernDialect>()->getContentStore();
}

/// Keeps the model as it was quantized for the other targets' contexts, its constants as files.
llvm::Error CompileJob::shareImport(ModuleOp module) {
  auto blobs = shared.get();
  if (!blobs)
    return blobs.takeError();
  if (llvm::Error error = getStore(*module.getContext()).save(*blobs))
    return error;
  for (const auto &run : llvm::drop_begin(runs))
    getStore(run->context).addSearchDirectory(*blobs);
  llvm::raw_string_ostream stream(imported);
  if (failed(writeBytecodeToFile(module, stream)))
    return llvm::createStringError("the quantized model cannot be kept for the other targets");
  return llvm::Error::success();
}

llvm::Error CompileJob::runTarget(TargetRun &run) {
  PipelineOptions pipeline = makePipelineOptions(run);
  FailureOr<Compilation> compilation = failure();
  if (imported.empty()) {
    compilation = runPipeline(run.context, pipeline);
  } else {
    auto module = parseSourceString<ModuleOp>(imported, &run.context);
    if (!module)
      return reported();
    run.printer.learnNodes(*module);
    pipeline.startFrom = "import";
    compilation = runPipeline(run.context, pipeline, std::move(module));
  }
  if (failed(compilation))
    return reported();
  run.compilation = std::move(*compilation);
  return llvm::Error::success();
}

llvm::Error CompileJob::explain(ModuleOp module) {
  if (!options.explain)
    return llvm::Error::success();
  if (*options.explain == "-") {
    explainTable(module, llvm::errs());
    return llvm::Error::success();
  }
  return artifact::writeFile(*options.explain,
                             [&](llvm::raw_ostream &stream) { explainJson(module, stream); });
}

llvm::Error CompileJob::writeText(const Compilation &compilation) {
  ModuleOp module = compilation.kernels ? *compilation.kernels : *compilation.module;
  return artifact::writeFile(options.output.empty() ? "-" : options.output,
                             [&](llvm::raw_ostream &stream) { printStage(module, stream); });
}

static std::string makePrefix(llvm::StringRef name) {
  std::string prefix;
  for (char c : name)
    prefix += llvm::isAlnum(c) ? c : '_';
  if (prefix.empty() || llvm::isDigit(prefix.front()))
    prefix = "model_" + prefix;
  return prefix;
}

/// Adds a file's bytes to the hash.
static llvm::Error hashFile(llvm::SHA256 &hash, const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path, false, false);
  if (!file)
    return llvm::createStringError("'" + path + "': " + file.getError().message());
  hash.update((*file)->getBuffer());
  return llvm::Error::success();
}

llvm::Expected<artifact::Provenance>
CompileJob::makeProvenance(llvm::ArrayRef<std::string> externalFiles) {
  artifact::Provenance provenance;
  provenance.name = llvm::sys::path::stem(options.model).str();
  provenance.prefix = options.name.empty() ? makePrefix(provenance.name) : options.name;
  provenance.threadsMax = options.threadsMax;
  provenance.board = options.board;
  provenance.target =
      llvm::join(llvm::map_range(runs, [](const auto &run) { return run->target.getName(); }), ",");
  llvm::SHA256 hash;
  if (llvm::Error error = hashFile(hash, options.model))
    return error;
  for (const std::string &path : externalFiles)
    if (llvm::Error error = hashFile(hash, path))
      return error;
  std::array<uint8_t, 32> digest = hash.final();
  provenance.modelHash.assign(digest.begin(), digest.end());
  for (const auto &[name, dims] : options.shapes)
    provenance.options.push_back(
        "--shape=" + name + "=" +
        llvm::join(llvm::map_range(dims, [](int64_t dim) { return std::to_string(dim); }), "x"));
  for (const std::string &glob : options.keep)
    provenance.options.push_back("--keep=" + glob);
  if (options.exchangeCodes)
    provenance.options.push_back("--io=codes");
  if (options.threadsMax)
    provenance.options.push_back("--threads-max=" + std::to_string(options.threadsMax));
  return provenance;
}

/// Says which limits are broken and by what.
llvm::Error CompileJob::accept(llvm::ArrayRef<artifact::Variant> variants,
                               const artifact::Figures &figures) {
  auto broken = checkBudget(options.budget, board ? &*board : nullptr, variants, figures);
  for (const BrokenLimit &limit : broken) {
    llvm::errs() << "error: '" << options.model << "': " << limit.message << '\n';
    if (!limit.largest.empty())
      llvm::errs() << "note: " << limit.largest << '\n';
  }
  if (broken.empty())
    return llvm::Error::success();
  isTooLarge = true;
  return reported();
}

llvm::Error CompileJob::writeBinary() {
  auto kind = artifact::parseArtifactKind(options.emit);
  auto provenance = makeProvenance(runs.front()->compilation.externalFiles);
  if (!provenance)
    return provenance.takeError();
  progress.step("code generation");
  llvm::LLVMContext llvmContext;
  std::vector<artifact::Variant> variants;
  for (const auto &run : runs) {
    auto program = artifact::Program::read(*run->compilation.module);
    if (failed(program))
      return reported();
    estimateLatency(*program, *run->compilation.module, run->target, board ? &*board : nullptr,
                    options.threadsMax);
    TargetInfo info = run->target.getTargetInfo();
    auto kernels = translateKernels(*run->compilation.kernels, llvmContext, info);
    if (failed(kernels))
      return reported();
    variants.push_back(
        {std::move(*kernels), std::move(*program), std::move(info), run->target.getName().str()});
  }
  return artifact::writeArtifact(
      std::move(variants), *provenance, *kind, options.output.empty() ? "-" : options.output,
      [this](llvm::ArrayRef<artifact::Variant> made, const artifact::Figures &figures) {
        return accept(made, figures);
      });
}

llvm::Error CompileJob::writeForDevice() {
  TargetRun &run = *runs.front();
  auto program = artifact::Program::read(*run.compilation.module);
  if (failed(program))
    return reported();
  progress.step("code generation");
  auto code = generateDeviceCode(*run.compilation.kernels, run.target.getTargetInfo());
  if (failed(code))
    return reported();
  if (options.emit == "ptx")
    return artifact::writeFile(options.output.empty() ? "-" : options.output,
                               [&](llvm::raw_ostream &stream) { stream << code->assembly; });
  auto provenance = makeProvenance(run.compilation.externalFiles);
  if (!provenance)
    return provenance.takeError();
  return artifact::writeDeviceArtifact(
      {std::move(*code), std::move(*program), run.target.getTargetInfo()}, *provenance,
      options.output);
}

/// Spaces and the like as make reads them.
static std::string escapeForMake(llvm::StringRef path) {
  std::string text;
  for (char c : path)
    text += c == ' ' || c == '#' ? std::string("\\") + c : c == '$' ? "$$" : std::string(1, c);
  return text;
}

llvm::Error CompileJob::writeDependencies(llvm::ArrayRef<std::string> externalFiles) {
  if (!options.dependencies)
    return llvm::Error::success();
  return artifact::writeFile(options.output + ".d", [&](llvm::raw_ostream &stream) {
    stream << escapeForMake(options.output) << ": " << escapeForMake(options.model);
    for (const std::string &path : externalFiles)
      stream << ' ' << escapeForMake(path);
    stream << '\n';
  });
}

llvm::Error CompileJob::run() {
  for (const auto &run : runs)
    if (llvm::Error error = runTarget(*run))
      return error;
  const Compilation &first = runs.front()->compilation;
  if (llvm::Error error = explain(*first.module))
    return error;
  bool forDevice = isDevice(runs.front()->target.getTargetInfo());
  llvm::Error error = options.emit == "mlir" ? writeText(first)
                      : forDevice            ? writeForDevice()
                                             : writeBinary();
  return error ? std::move(error) : writeDependencies(first.externalFiles);
}

int runCompile(const CompileOptions &options) {
  if (llvm::sys::fs::equivalent(options.model, options.output)) {
    llvm::errs() << "error: '" << options.output << "' is the model itself\n";
    return ExitFailed;
  }
  DialectRegistry registry;
  registerAllDialects(registry);
  registerLoweringDialects(registry);
  CompileJob job(options, registry);
  llvm::Error error = job.run();
  if (!error)
    return ExitDone;
  std::string message = llvm::toString(std::move(error));
  if (!message.empty())
    llvm::errs() << "error: " << message << '\n';
  else if (!job.hasReported())
    llvm::errs() << "error: '" << options.model << "' cannot be compiled\n";
  return ExitFailed;
}

int runListTargets() {
  const TargetBackend *native = lookupTargetBackend("native");
  for (const TargetBackend *target : getTargetBackends())
    llvm::outs() << llvm::formatv("{0,-12} {1}{2}\n", target->getName(), target->getDescription(),
                                  target == native ? " (native)" : "");
  return ExitDone;
}

} // namespace quern::driver
