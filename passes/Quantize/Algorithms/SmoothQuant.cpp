// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/ChannelScaling.h"

#include <cmath>

using llvm::Error;

namespace quern {

/// How much of the difficulty goes into the weights.
static constexpr float strength = 0.5F;
static constexpr float smallest = 1e-5F;

/// The largest magnitude in each input channel of all layers of the group.
static std::vector<float> getWeightRanges(const ScalableGroup &group) {
  std::vector<float> all;
  for (const ScalableGroup::Operand &consumer : group.consumers) {
    std::vector<float> ranges = getRanges(consumer.node, consumer.operand, consumer.axis);
    all.resize(ranges.size());
    for (auto [whole, range] : llvm::zip_equal(all, ranges))
      whole = std::max(whole, range);
  }
  return all;
}

/// Xiao et al. (2022): channel j of a layer's input is divided by max|x_j|^a / max|w_j|^(1-a), and
/// its weights multiplied.
Error smoothActivations(QuantizationState &state) {
  std::vector<ScalableGroup> groups = findScalableGroups(state);
  std::vector<ObservedSite> sites;
  sites.reserve(groups.size());
  for (const ScalableGroup &group : groups)
    sites.push_back({getSite(group.input).str(), group.axis});
  if (groups.empty())
    return Error::success();
  CalibrationOptions options;
  options.observer = options.channelObserver = lookupObserver("minmax");
  options.onBatch = [&](const Statistics &statistics, size_t total) {
    if (state.onProgress)
      state.onProgress("measuring channels", statistics.samples, total);
    return Error::success();
  };
  auto statistics = calibrate(state.module, sites, state.runner, state.source, options);
  if (!statistics)
    return statistics.takeError();
  for (const ScalableGroup &group : groups) {
    std::vector<RealRange> inputs = statistics->getRanges(getSite(group.input), 256);
    std::vector<float> factors;
    for (auto [input, weight] : llvm::zip_equal(inputs, getWeightRanges(group))) {
      auto reach = static_cast<float>(std::max(-input.low, input.high));
      float factor = std::pow(reach, strength) / std::pow(std::max(weight, smallest), 1 - strength);
      factors.push_back(reach > smallest ? std::max(factor, smallest) : 1);
    }
    divideChannels(state, group, factors);
  }
  return Error::success();
}

} // namespace quern
