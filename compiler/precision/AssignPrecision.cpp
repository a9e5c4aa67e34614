// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/precision/AssignPrecision.h"

#include "dialects/Quern/QuernOps.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/InsertQuantization.h"

#include "llvm/ADT/STLExtras.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

/// Mixes that are measured for the picture of size against drops.
static constexpr unsigned frontPoints = 7;
/// Layers that are tried as culprits, those with the most weights.
static constexpr size_t maxSuspects = 64;

std::vector<WeightChoice> getDefaultCandidates() {
  std::vector<WeightChoice> candidates;
  for (auto [name, group] : {std::pair("s2", 32), std::pair("s3", 0), std::pair("s3", 32),
                             std::pair("s4", 0), std::pair("s4", 32), std::pair("s8", 0)})
    candidates.push_back({lookupWeightScheme(name), group});
  return candidates;
}

/// Which layers there are, and what each may have.
Error PrecisionAssigner::prepare() {
  auto resolved = resolveRecipe(getMain(module), request.recipe);
  // What another scheme for the rest does not change is decided already: by a rule, or because the
  // layer is too sensitive.
  Recipe other = request.recipe;
  bool isEight = other.weights.scheme->bits == 8;
  other.weights = {lookupWeightScheme(isEight ? "s4" : "s8"), 0};
  auto changed = resolveRecipe(getMain(module), other);
  if (!resolved || !changed)
    return llvm::joinErrors(resolved.takeError(), changed.takeError());
  placement = std::move(resolved->placement);
  for (auto [choice, otherChoice] : llvm::zip_equal(resolved->choices, changed->choices)) {
    bool isDecided = request.candidates.empty() || choice.scheme == otherChoice.scheme;
    candidates.push_back(isDecided ? LayerCandidates{choice} : request.candidates);
  }
  return Error::success();
}

/// All constants that the model reads but those that become codes.
static int64_t countFixedBytes(mlir::ModuleOp module, Placement &placement) {
  int64_t bytes = 0;
  for (auto constant : getMain(module).getOps<qir::ConstantOp>()) {
    auto type = llvm::cast<mlir::RankedTensorType>(constant.getType());
    bytes += (type.getNumElements() * type.getElementTypeBitWidth() + 7) / 8;
  }
  for (WeightedNode &layer : placement.weights)
    bytes -= 4 * layer.getWeightType().getNumElements();
  return bytes;
}

/// Where nothing is searched, nothing needs to be known of single layers.
Expected<std::vector<PrecisionTensor>> PrecisionAssigner::makeTensors() {
  bool isOpen = llvm::any_of(candidates, [](const auto &options) { return options.size() > 1; });
  if (isOpen || request.wantsPicture)
    return SensitivityStudy(module, runner, source, meter, onProgress).run(placement, candidates);
  std::vector<PrecisionTensor> tensors;
  for (auto [layer, options] : llvm::zip_equal(placement.weights, candidates))
    tensors.push_back({getLayerName(layer),
                       layer.getWeightType().getNumElements(),
                       {{getChoiceName(options[0]), countChoiceBytes(layer, options[0]),
                         std::vector<double>(1 + meter.getSlices().size()), 0}}});
  return std::move(tensors);
}

Recipe PrecisionAssigner::makeRecipe(llvm::ArrayRef<size_t> chosen) {
  Recipe recipe = request.recipe;
  for (auto [layer, options, number] : llvm::zip_equal(placement.weights, candidates, chosen))
    recipe.layers.push_back(makeRule(layer, options[number]));
  return recipe;
}

Expected<QuantizationPlan> PrecisionAssigner::quantize(mlir::ModuleOp copy, const Recipe &recipe) {
  QuantizationHooks hooks;
  hooks.resume = statistics ? &*statistics : nullptr;
  hooks.onBatch = [&](const Statistics &observed, size_t total) {
    onProgress("calibrating", observed.samples, total);
    if (observed.samples == total)
      statistics = observed.save();
    return Error::success();
  };
  hooks.onProgress = onProgress;
  return quantizeModel(copy, recipe, runner, source, hooks);
}

Expected<std::unique_ptr<CompiledModel>> PrecisionAssigner::compile(mlir::ModuleOp copy) {
  auto model = runner.compile(copy);
  if (mlir::failed(model))
    return llvm::createStringError("");
  return std::move(*model);
}

Expected<MeasuredDrops> PrecisionAssigner::measure(llvm::ArrayRef<size_t> chosen) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  auto made = quantize(*copy, makeRecipe(chosen));
  if (!made)
    return made.takeError();
  auto model = compile(*copy);
  if (!model)
    return model.takeError();
  auto drops = meter.measure(**model);
  if (!drops)
    return drops.takeError();
  figures[chosen.vec()] = meter.getLastFigures();
  planned = chosen.vec();
  plan = std::move(*made);
  return drops;
}

Expected<PrecisionDecision> PrecisionAssigner::run() {
  if (Error error = prepare())
    return std::move(error);
  auto tensors = makeTensors();
  if (!tensors)
    return tensors.takeError();
  PrecisionDecision decision;
  decision.problem = {std::move(*tensors), countFixedBytes(module, placement), meter.getSlices(),
                      request.budgets};
  auto outcome = searchPrecision(
      decision.problem, [&](llvm::ArrayRef<size_t> chosen) { return measure(chosen); },
      request.wantsPicture ? frontPoints : 0);
  if (!outcome)
    return outcome.takeError();
  decision.outcome = std::move(*outcome);
  const std::vector<size_t> &chosen = decision.outcome.trials[decision.outcome.best].chosen;
  decision.recipe = makeRecipe(chosen);
  decision.figures = figures[chosen];
  return std::move(decision);
}

Expected<std::vector<std::pair<std::string, double>>>
PrecisionAssigner::findCulprits(const PrecisionDecision &decision, size_t group, size_t count) {
  const std::vector<size_t> &chosen = decision.outcome.trials[decision.outcome.best].chosen;
  if (planned != chosen)
    if (auto drops = measure(chosen); !drops)
      return drops.takeError();
  auto measureWithout = [&](std::optional<size_t> left) -> Expected<double> {
    QuantizationPlan reduced = plan;
    if (left)
      reduced.weights.erase(reduced.weights.begin() + static_cast<ptrdiff_t>(*left));
    mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
    if (mlir::failed(insertQuantization(*copy, reduced)))
      return llvm::createStringError("");
    auto model = compile(*copy);
    if (!model)
      return model.takeError();
    return meter.measureLossOf(**model, group);
  };
  auto whole = measureWithout(std::nullopt);
  if (!whole)
    return whole.takeError();
  std::vector<size_t> suspects(plan.weights.size());
  for (size_t i = 0; i < suspects.size(); ++i)
    suspects[i] = i;
  llvm::sort(suspects, [&](size_t a, size_t b) {
    return std::pair(plan.weights[b].codes.size(), a) < std::pair(plan.weights[a].codes.size(), b);
  });
  suspects.resize(std::min(suspects.size(), maxSuspects));
  std::vector<std::pair<std::string, double>> culprits;
  for (auto [number, suspect] : llvm::enumerate(suspects)) {
    auto loss = measureWithout(suspect);
    if (!loss)
      return loss.takeError();
    auto layer = llvm::find_if(placement.weights, [&](WeightedNode &node) {
      return node.node.getOutputName(0).getValue() == plan.weights[suspect].use.node;
    });
    if (double part = *whole > 0 ? (*whole - *loss) / *whole : 0; part > 0.01)
      culprits.emplace_back(getLayerName(*layer), part);
    onProgress("finding the layers to blame", number + 1, suspects.size());
  }
  llvm::sort(culprits, [](const auto &a, const auto &b) { return a.second > b.second; });
  culprits.resize(std::min(culprits.size(), count));
  return std::move(culprits);
}

} // namespace quern
