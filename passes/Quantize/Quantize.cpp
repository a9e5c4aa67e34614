// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Quantize.h"

#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/InsertQuantization.h"
#include "passes/Quantize/LayerWalk.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

static Error prepare(QuantizationState &state, const Recipe &recipe) {
  for (const AlgorithmInfo *algorithm : recipe.algorithms)
    if (algorithm->phase == Phase::Prepare)
      if (Error error = algorithm->prepare(state))
        return error;
  return Error::success();
}

static Error calibrateActivations(QuantizationState &state, const Recipe &recipe,
                                  const QuantizationHooks &hooks) {
  CalibrationOptions options = {recipe.observer, recipe.channelObserver, hooks.resume,
                                hooks.onBatch};
  auto statistics =
      calibrate(state.module, state.placement.getSources(), state.runner, state.source, options);
  if (!statistics)
    return statistics.takeError();
  state.statistics = std::move(*statistics);
  constexpr unsigned levels = 256;
  llvm::StringMap<CodeParameters> known;
  for (const ObservedSite &source : state.placement.getSources())
    known[source.name] =
        makeActivationParameters(state.statistics.getRanges(source.name, levels), source.axis);
  for (const QuantizedTensor &tensor : state.placement.tensors)
    state.plan.activations.push_back({tensor.site, known.lookup(tensor.source)});
  return Error::success();
}

/// Drops changes of constants that became codes after all.
static void dropOvertaken(QuantizationPlan &plan) {
  auto isOvertaken = [&](const ConstantChange &change) {
    auto isSame = [&](const auto &coded) {
      return coded.use.node == change.use.node && coded.use.operand == change.use.operand;
    };
    return llvm::any_of(plan.weights, isSame) || llvm::any_of(plan.biases, isSame);
  };
  llvm::erase_if(plan.constants, isOvertaken);
}

Expected<QuantizationPlan> quantizeModel(mlir::ModuleOp module, const Recipe &recipe,
                                         const ModelRunner &runner, SampleSource &source,
                                         const QuantizationHooks &hooks) {
  mlir::func::FuncOp main = getMain(module);
  auto resolved = resolveRecipe(main, recipe);
  if (!resolved)
    return resolved.takeError();
  QuantizationState state = {module,
                             runner,
                             source,
                             std::move(resolved->placement),
                             std::move(resolved->choices),
                             recipe.floatActivations,
                             Statistics(*recipe.observer, *recipe.channelObserver),
                             {},
                             hooks.onProgress};
  if (Error error = prepare(state, recipe))
    return std::move(error);
  if (!recipe.floatActivations)
    if (Error error = calibrateActivations(state, recipe, hooks))
      return std::move(error);
  if (Error error = quantizeLayers(state, recipe.algorithms))
    return std::move(error);
  dropOvertaken(state.plan);
  if (mlir::failed(insertQuantization(module, state.plan)))
    return llvm::createStringError("");
  return std::move(state.plan);
}

} // namespace quern
