// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataSet.h"
#include "compiler/data/FileSource.h"
#include "compiler/data/RandomSource.h"
#include "compiler/driver/Commands.h"
#include "compiler/driver/ModelLoader.h"
#include "compiler/driver/ProgressLine.h"
#include "compiler/driver/VerifyReport.h"
#include "compiler/runner/EmulatedRunner.h"
#include "compiler/runner/InProcessRunner.h"
#include "passes/Quantize/ActivationChain.h"

#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using llvm::Error;
using llvm::Expected;
using mlir::ModuleOp;
using mlir::OwningOpRef;

namespace quern::driver {

namespace {

/// One run of `quern verify`. Its result is whether the bounds hold.
class Verification {
public:
  explicit Verification(const VerifyOptions &options) : options(options) {}
  Expected<bool> run();

private:
  Expected<OwningOpRef<ModuleOp>> import(const CompileOptions &model,
                                         Quantization *quantization = nullptr);
  Error openSource(ModuleOp module);
  Expected<bool> verifyForms();
  Expected<bool> verifyTargets();

  const VerifyOptions &options;
  ModelLoader loader;
  std::unique_ptr<SampleSource> source;
  ProgressLine progress;
};

} // namespace

Expected<OwningOpRef<ModuleOp>> Verification::import(const CompileOptions &model,
                                                     Quantization *quantization) {
  OwningOpRef<ModuleOp> module = loader.import(model, quantization);
  if (!module)
    return llvm::createStringError("");
  return module;
}

/// The values of random inputs depend on what the model does with them, which is known when it is
/// compiled.
Error Verification::openSource(ModuleOp module) {
  if (!options.data.empty()) {
    auto set = data::DataSet::open(options.data, getInputSlots(module));
    if (!set)
      return set.takeError();
    for (const std::string &warning : (*set)->getWarnings())
      llvm::errs() << "warning: " << warning << '\n';
    source = std::move(*set);
    return Error::success();
  }
  if (!options.inputs.empty()) {
    auto files = data::FileSource::open(options.inputs, getInputSlots(module));
    if (!files)
      return files.takeError();
    source = std::move(*files);
    return Error::success();
  }
  auto model = compileModel(InProcessRunner(*lookupTargetBackend("native")), module);
  if (!model)
    return model.takeError();
  source =
      std::make_unique<data::RandomSource>((*model)->getInputs(), options.samples, options.seed);
  return Error::success();
}

Expected<bool> Verification::verifyForms() {
  // With --calibrate both come from one file; its quantization is written into a module of its own.
  CompileOptions original = options.compile;
  original.quantize = {};
  if (!options.against.empty())
    original.model = options.against;
  Quantization quantization(options.compile.quantize, options.compile.model);
  bool quantizes = !options.compile.quantize.data.empty();
  auto real = import(original);
  if (!real)
    return real.takeError();
  auto quantized = import(options.compile, quantizes ? &quantization : nullptr);
  if (!quantized)
    return quantized.takeError();
  auto describe = [](const TensorSlot &slot) { return std::pair(slot.name, slot.type); };
  if (!llvm::equal(llvm::map_range(getInputSlots(**real), describe),
                   llvm::map_range(getInputSlots(**quantized), describe)))
    return llvm::createStringError("'" + original.model + "': expected the inputs of '" +
                                   options.compile.model + "', found others");
  if (Error error = openSource(**real))
    return std::move(error);
  InProcessRunner runner(*lookupTargetBackend("native"));
  auto report = compareForms(**quantized, **real, runner, *source, [&](size_t done, size_t total) {
    progress.show("verifying", done, total);
  });
  if (!report)
    return report.takeError();
  progress.clear();
  return showForms(*report, options);
}

static std::unique_ptr<ModelRunner> makeRunner(const TargetBackend &target) {
  llvm::Triple own(llvm::sys::getProcessTriple());
  if (llvm::Triple(target.getTargetInfo().triple).getArch() == own.getArch())
    return std::make_unique<InProcessRunner>(target);
  return std::make_unique<EmulatedRunner>(target);
}

Expected<bool> Verification::verifyTargets() {
  Quantization quantization(options.compile.quantize, options.compile.model);
  bool quantizes = !options.compile.quantize.data.empty();
  auto module = import(options.compile, quantizes ? &quantization : nullptr);
  if (!module)
    return module.takeError();
  if (Error error = openSource(**module))
    return std::move(error);
  InProcessRunner portable(*lookupTargetBackend("portable"));
  std::vector<std::string> targets = options.targets;
  if (targets.empty())
    targets.emplace_back("native");
  std::vector<TargetReport> reports;
  for (const std::string &name : targets) {
    const TargetBackend &target = *lookupTargetBackend(name);
    auto edges = compareTargets(
        **module, portable, *makeRunner(target), *source,
        [&](size_t done, size_t total) { progress.show("verifying " + name, done, total); });
    if (!edges)
      return edges.takeError();
    reports.push_back({target.getName().str(), std::move(*edges)});
  }
  progress.clear();
  return showTargets(reports, options);
}

Expected<bool> Verification::run() {
  bool comparesForms = options.targets.empty() &&
                       !(options.against.empty() && options.compile.quantize.data.empty());
  return comparesForms ? verifyForms() : verifyTargets();
}

int runVerify(const VerifyOptions &options) {
  Expected<bool> holds = Verification(options).run();
  if (holds)
    return *holds ? ExitDone : ExitFailed;
  ModelLoader::report(holds.takeError());
  return ExitFailed;
}

} // namespace quern::driver
