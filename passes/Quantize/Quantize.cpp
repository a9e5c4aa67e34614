// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Quantize.h"

#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/InsertQuantization.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/GlobPattern.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

Recipe getDefaultRecipe() {
  Recipe recipe;
  recipe.observer = lookupObserver("average");
  recipe.channelObserver = lookupObserver("minmax");
  recipe.algorithms = {lookupAlgorithm("mse"), lookupAlgorithm("correct-bias")};
  return recipe;
}

static llvm::StringRef getNodeName(mlir::Operation *op) {
  auto name = llvm::dyn_cast<mlir::NameLoc>(op->getLoc());
  return name ? name.getName().getValue() : llvm::StringRef();
}

static Expected<std::vector<llvm::GlobPattern>> compileGlobs(mlir::func::FuncOp main,
                                                             const Recipe &recipe) {
  std::vector<llvm::GlobPattern> globs;
  for (const std::string &text : recipe.exclude) {
    auto glob = llvm::GlobPattern::create(text, /*MaxSubPatterns=*/1024);
    if (!glob)
      return llvm::createStringError("'" + text + "': " + llvm::toString(glob.takeError()));
    if (llvm::none_of(main.getOps<onnxir::NodeOp>(),
                      [&](onnxir::NodeOp node) { return glob->match(getNodeName(node)); }))
      return llvm::createStringError("'" + text + "' matches no node, expected one at least");
    globs.push_back(std::move(*glob));
  }
  return std::move(globs);
}

static Error runPhase(QuantizationState &state, const Recipe &recipe, Phase phase) {
  for (const AlgorithmInfo *algorithm : recipe.algorithms)
    if (algorithm->phase == phase)
      if (Error error = algorithm->run(state))
        return error;
  return Error::success();
}

static void planActivations(QuantizationState &state) {
  constexpr unsigned levels = 256;
  llvm::StringMap<CodeParameters> known;
  for (const ObservedSite &source : state.placement.getSources())
    known[source.name] =
        makeActivationParameters(state.statistics.getRanges(source.name, levels), source.axis);
  for (const QuantizedTensor &tensor : state.placement.tensors)
    state.plan.activations.push_back({tensor.site, known.lookup(tensor.source)});
}

Expected<QuantizationPlan> quantizeModel(mlir::ModuleOp module, const Recipe &recipe,
                                         const ModelRunner &runner, SampleSource &source,
                                         const QuantizationHooks &hooks) {
  mlir::func::FuncOp main = getMain(module);
  auto globs = compileGlobs(main, recipe);
  if (!globs)
    return globs.takeError();
  Placement placement = findPlacement(main, [&](onnxir::NodeOp node) {
    return llvm::any_of(*globs, [&](auto &glob) { return glob.match(getNodeName(node)); });
  });
  if (placement.weights.empty())
    return llvm::createStringError(
        "the model has no Conv, Gemm or MatMul with constant float32 weights to quantize");
  QuantizationState state = {module,
                             runner,
                             source,
                             std::move(placement),
                             Statistics(*recipe.observer, *recipe.channelObserver),
                             {},
                             {},
                             hooks.onProgress};
  if (Error error = runPhase(state, recipe, Phase::Prepare))
    return std::move(error);
  CalibrationOptions options = {recipe.observer, recipe.channelObserver, hooks.resume,
                                hooks.onBatch};
  auto statistics = calibrate(module, state.placement.getSources(), runner, source, options);
  if (!statistics)
    return statistics.takeError();
  state.statistics = std::move(*statistics);
  planActivations(state);
  for (Phase phase : {Phase::Weights, Phase::Correct})
    if (Error error = runPhase(state, recipe, phase))
      return std::move(error);
  if (mlir::failed(insertQuantization(module, state.plan)))
    return llvm::createStringError("");
  return std::move(state.plan);
}

} // namespace quern
