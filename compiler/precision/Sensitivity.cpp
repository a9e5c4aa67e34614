// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/precision/Sensitivity.h"

#include "compiler/data/SelectedSamples.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/ActivationChain.h"
#include "passes/Quantize/LayerTask.h"
#include "passes/Quantize/Quantize.h"

#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using llvm::Error;
using llvm::Expected;

namespace quern {

std::string getChoiceName(WeightChoice choice) {
  if (!choice.scheme)
    return "float";
  return choice.scheme->name.str() + (choice.group ? "/" + std::to_string(choice.group) : "");
}

int64_t countChoiceBytes(WeightedNode &layer, WeightChoice choice) {
  int64_t weights = layer.getWeightType().getNumElements();
  if (!choice.scheme)
    return 4 * weights;
  WeightLayout layout = WeightLayout::of(layer.getWeightType().getShape(), layer.axis);
  int64_t scales = layout.outputs * WeightGrid(layout, choice).getGroups();
  int64_t bits = choice.scheme->bits;
  int64_t zeroPoints = choice.scheme->isSigned ? 0 : (scales * bits + 7) / 8;
  return (weights * bits + 7) / 8 + 4 * scales + zeroPoints;
}

std::string getLayerName(WeightedNode &layer) {
  auto name = llvm::dyn_cast<mlir::NameLoc>(layer.node.getLoc());
  return name ? name.getName().str() : layer.node.getOutputName(0).str();
}

LayerRule makeRule(WeightedNode &layer, WeightChoice choice) {
  std::string glob;
  for (char c : getLayerName(layer)) {
    if (llvm::StringRef("\\*?[]{}").contains(c))
      glob += '\\';
    glob += c;
  }
  return {glob, choice};
}

/// The codes nearest to the weights, as values again.
static WeightMatrix roundWeights(LayerTask &task) {
  task.grid.choose(task.original, chooseScaleByError, task.getImportance());
  return task.grid.dequantize(task.grid.quantize(task.original));
}

Expected<std::vector<SensitivityStudy::OptionErrors>>
SensitivityStudy::measureLayer(WeightedNode &layer, const LayerCandidates &candidates,
                               const ActivationChain &chain) {
  const SampleStore &store = chain.getStore();
  size_t slot = *store.find(getSite(layer.getInput()));
  MomentSums sums(PatchGeometry::of(layer), chain.getRuns(), /*second=*/true);
  SlotBuffer buffer(store.getSlots()[slot].getBytes());
  auto *values = reinterpret_cast<float *>(buffer.data());
  for (size_t run = 0; run < chain.getRuns(); ++run) {
    if (Error error = store.read(run, slot, values))
      return std::move(error);
    sums.add(values, values);
  }
  std::vector<InputMoments> moments = sums.finish(/*centered=*/false);
  std::vector<OptionErrors> result;
  for (WeightChoice choice : candidates) {
    LayerTask task(layer, choice, moments);
    WeightMatrix coded = roundWeights(task);
    OptionErrors &option = result.emplace_back();
    double power = task.original.cast<double>().squaredNorm();
    option.weights = (task.original - coded).cast<double>().squaredNorm() / std::max(power, 1e-30);
    for (size_t group = 0; group < moments.size(); ++group)
      option.output += getOutputError(task.getPart(task.original, group),
                                      task.getPart(coded, group), moments[group].own);
  }
  return result;
}

/// Samples at even distances, enough to know a layer's inputs by: these are kept in a file.
static std::vector<size_t> chooseSamples(size_t count) {
  std::vector<size_t> samples(std::min<size_t>(count, 32));
  for (size_t i = 0; i < samples.size(); ++i)
    samples[i] = i * count / samples.size();
  return samples;
}

Error SensitivityStudy::measureErrors(Placement &placement,
                                      llvm::ArrayRef<LayerCandidates> candidates) {
  data::SelectedSamples some(source, chooseSamples(source.size()));
  auto chain = ActivationChain::start(runner, getInputSlots(module), some);
  if (!chain)
    return chain.takeError();
  std::vector<std::string> sites;
  for (WeightedNode &layer : placement.weights)
    if (std::string site = getSite(layer.getInput()).str(); !llvm::is_contained(sites, site))
      sites.push_back(site);
  if (Error error = chain->advance(module, sites, [](mlir::ModuleOp) { return mlir::success(); }))
    return error;
  for (auto [layer, options] : llvm::zip_equal(placement.weights, candidates)) {
    auto measured = measureLayer(layer, options, *chain);
    if (!measured)
      return measured.takeError();
    errors.push_back(std::move(*measured));
    onProgress("estimating sensitivities", errors.size(), candidates.size());
  }
  return Error::success();
}

/// Only this layer's weights become codes.
Expected<std::vector<double>> SensitivityStudy::measureLoss(WeightedNode &layer,
                                                            WeightChoice choice) {
  Recipe recipe = getDefaultRecipe(*parsePrecision("w8"));
  recipe.algorithms = {lookupAlgorithm("mse")};
  recipe.floatActivations = true;
  recipe.layers = {{"*", {}}, makeRule(layer, choice)};
  mlir::OwningOpRef<mlir::ModuleOp> clone = module.clone();
  auto plan = quantizeModel(*clone, recipe, runner, source, {});
  if (!plan)
    return plan.takeError();
  auto model = runner.compile(*clone);
  if (mlir::failed(model))
    return llvm::createStringError("");
  return meter.measureLoss(**model);
}

/// The candidate that is measured: of those that change the outputs that with the middle bytes.
static size_t chooseProbe(llvm::ArrayRef<int64_t> bytes) {
  std::vector<size_t> order(bytes.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  llvm::sort(order,
             [&](size_t a, size_t b) { return std::pair(bytes[a], a) < std::pair(bytes[b], b); });
  return order[(order.size() - 1) / 2];
}

Expected<std::vector<PrecisionTensor>>
SensitivityStudy::run(Placement &placement, llvm::ArrayRef<LayerCandidates> candidates) {
  if (Error error = measureErrors(placement, candidates))
    return std::move(error);
  std::vector<PrecisionTensor> tensors;
  for (auto [index, layer] : llvm::enumerate(placement.weights)) {
    std::vector<int64_t> bytes;
    for (WeightChoice choice : candidates[index])
      bytes.push_back(countChoiceBytes(layer, choice));
    size_t probe = chooseProbe(bytes);
    auto losses = measureLoss(layer, candidates[index][probe]);
    if (!losses)
      return losses.takeError();
    double probeError = errors[index][probe].output;
    PrecisionTensor tensor = {getLayerName(layer), layer.getWeightType().getNumElements(), {}};
    for (auto [option, choice] : llvm::enumerate(candidates[index])) {
      double factor = probeError > 0 ? errors[index][option].output / probeError : 1;
      std::vector<double> expected;
      for (double loss : *losses)
        expected.push_back(loss * factor);
      tensor.options.push_back({getChoiceName(choice), bytes[option], std::move(expected),
                                errors[index][option].weights});
    }
    tensors.push_back(std::move(tensor));
    onProgress("measuring sensitivities", tensors.size(), placement.weights.size());
  }
  return std::move(tensors);
}

} // namespace quern
