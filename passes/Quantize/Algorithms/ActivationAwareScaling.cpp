// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/ActivationChain.h"
#include "passes/Quantize/ChannelScaling.h"
#include "passes/Quantize/LayerTask.h"
#include "passes/Quantize/Segments.h"

#include <cmath>

using llvm::Error;
using llvm::Expected;

namespace quern {

/// Exponents that are tried: k / 20, k < 20.
static constexpr int steps = 20;

namespace {

/// Lin et al. (2023): channel j of a group's input is divided, and its weights multiplied, by a
/// power of its mean magnitude, of all powers that which leaves the least error in the layers'
/// outputs.
class ScaleSearch {
public:
  explicit ScaleSearch(QuantizationState &state)
      : state(state), groups(findScalableGroups(state)) {}
  Error run();

private:
  /// Of one group's input.
  struct InputPower {
    InputMoments moments;
    std::vector<float> magnitudes; ///< mean |x| of each channel
  };
  Expected<InputPower> measure(const ScalableGroup &group, const ActivationChain &chain);
  std::vector<float> search(const ScalableGroup &group, const InputPower &power);
  double getError(const ScalableGroup &group, const InputPower &power,
                  llvm::ArrayRef<float> factors);
  WeightChoice getChoice(const WeightedNode *layer) const {
    return state.choices[layer - state.placement.weights.data()];
  }

  QuantizationState &state;
  std::vector<ScalableGroup> groups;
};

} // namespace

/// Powers of the magnitudes, about one.
static std::vector<float> makeFactors(llvm::ArrayRef<float> magnitudes, float exponent) {
  std::vector<float> factors;
  float low = std::numeric_limits<float>::infinity(), high = 0;
  for (float magnitude : magnitudes) {
    factors.push_back(std::max(std::pow(magnitude, exponent), 1e-4F));
    low = std::min(low, factors.back());
    high = std::max(high, factors.back());
  }
  for (float &factor : factors)
    factor /= std::sqrt(low * high);
  return factors;
}

/// The output error of all layers when the factors are applied before rounding.
double ScaleSearch::getError(const ScalableGroup &group, const InputPower &power,
                             llvm::ArrayRef<float> factors) {
  double error = 0;
  for (WeightedNode *layer : group.layers) {
    LayerTask task(*layer, getChoice(layer), {});
    WeightMatrix scaled = task.original;
    for (int64_t column = 0; column < scaled.cols(); ++column)
      scaled.col(column) *= factors[column / task.layout.kernel];
    task.grid.choose(scaled, chooseScaleByExtremes, {});
    WeightMatrix coded = task.grid.dequantize(task.grid.quantize(scaled));
    for (int64_t column = 0; column < coded.cols(); ++column)
      coded.col(column) /= factors[column / task.layout.kernel];
    error += getOutputError(task.original, coded, power.moments.own);
  }
  return error;
}

std::vector<float> ScaleSearch::search(const ScalableGroup &group, const InputPower &power) {
  std::vector<float> best;
  double least = std::numeric_limits<double>::infinity();
  for (int step = 0; step < steps; ++step) {
    std::vector<float> factors = makeFactors(power.magnitudes, static_cast<float>(step) / steps);
    double error = getError(group, power, factors);
    if (error < least) {
      least = error;
      best = std::move(factors);
    }
  }
  return best;
}

Expected<ScaleSearch::InputPower> ScaleSearch::measure(const ScalableGroup &group,
                                                       const ActivationChain &chain) {
  PatchGeometry geometry = PatchGeometry::of(*group.layers.front());
  MomentSums sums(geometry, chain.getRuns(), /*second=*/true);
  InputPower power;
  power.magnitudes.resize(geometry.channels);
  std::string site = getSite(group.input).str();
  auto shape = llvm::cast<mlir::RankedTensorType>(group.input.getType()).getShape();
  int64_t inner = 1;
  for (int64_t dim : shape.drop_front(group.axis + 1))
    inner *= dim;
  SlotBuffer buffer(chain.getStore().getSlots()[*chain.getStore().find(site)].getBytes());
  auto *values = reinterpret_cast<float *>(buffer.data());
  int64_t count = geometry.batch * geometry.channels * geometry.height * geometry.width;
  for (size_t run = 0; run < chain.getRuns(); ++run) {
    if (Error error = chain.getStore().read(run, *chain.getStore().find(site), buffer.data()))
      return std::move(error);
    sums.add(values, values);
    int64_t perChannel = count / geometry.channels;
    for (int64_t i = 0; i < count; ++i)
      power.magnitudes[i / inner % geometry.channels] +=
          std::abs(values[i]) /
          (static_cast<float>(perChannel) * static_cast<float>(chain.getRuns()));
  }
  power.moments = sums.finish(/*centered=*/false)[0];
  return power;
}

Error ScaleSearch::run() {
  std::vector<mlir::Value> wanted;
  wanted.reserve(groups.size());
  for (const ScalableGroup &group : groups)
    wanted.push_back(group.input);
  if (wanted.empty())
    return Error::success();
  auto chain = ActivationChain::start(state.runner, getInputSlots(state.module), state.source);
  if (!chain)
    return chain.takeError();
  std::vector<std::vector<float>> factors;
  std::vector<GraphCut> cuts = cutGraph(getMain(state.module), wanted);
  for (auto [group, cut] : llvm::zip_equal(groups, cuts)) {
    if (Error error =
            chain->advance(state.module, cut.live, [](mlir::ModuleOp) { return mlir::success(); }))
      return error;
    auto power = measure(group, *chain);
    if (!power)
      return power.takeError();
    factors.push_back(search(group, *power));
    if (state.onProgress)
      state.onProgress("scaling channels", factors.size(), groups.size());
  }
  // Only now: what is stored of the activations is of the model as it was.
  for (auto [group, factor] : llvm::zip_equal(groups, factors))
    divideChannels(state, group, factor);
  return Error::success();
}

Error scaleForWeights(QuantizationState &state) { return ScaleSearch(state).run(); }

} // namespace quern
