// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/WeightScales.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern {

WeightView WeightView::along(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> dims,
                             int64_t axis) {
  WeightView view = {values, 1, dims[axis], 1};
  for (auto [index, dim] : llvm::enumerate(dims)) {
    if (static_cast<int64_t>(index) < axis)
      view.outer *= dim;
    if (static_cast<int64_t>(index) > axis)
      view.inner *= dim;
  }
  return view;
}

std::vector<float> WeightView::gather(int64_t channel) const {
  std::vector<float> result;
  for (int64_t o = 0; o < outer; ++o)
    llvm::append_range(result, values.slice((o * channels + channel) * inner, inner));
  return result;
}

static float findMagnitude(llvm::ArrayRef<float> values) {
  float magnitude = 0;
  for (float value : values)
    magnitude = std::max(magnitude, std::abs(value));
  return magnitude;
}

float chooseScaleByMaximum(llvm::ArrayRef<float> values, int highCode) {
  return findMagnitude(values) / static_cast<float>(highCode);
}

static double getError(llvm::ArrayRef<float> values, float scale, int highCode) {
  double sum = 0;
  auto high = static_cast<float>(highCode);
  for (float value : values) {
    float code = std::clamp(std::nearbyint(value / scale), -high, high);
    double error = value - code * scale;
    sum += error * error;
  }
  return sum;
}

float chooseScaleByError(llvm::ArrayRef<float> values, int highCode) {
  float full = chooseScaleByMaximum(values, highCode), best = full;
  if (full < std::numeric_limits<float>::min())
    return full;
  double least = getError(values, full, highCode);
  auto consider = [&](float scale) {
    double error = getError(values, scale, highCode);
    if (error < least) {
      least = error;
      best = scale;
    }
  };
  for (int step = 1; step < 50; ++step)
    consider(full * (1 - static_cast<float>(step) / 100));
  float magnitude = findMagnitude(values);
  for (int code = highCode - 1; code > highCode / 4; --code)
    consider(magnitude / static_cast<float>(code));
  return best;
}

/// Channels without a usable scale take the mean of the others.
static void fillGaps(std::vector<float> &scales) {
  constexpr float smallest = std::numeric_limits<float>::min();
  double sum = 0;
  size_t count = 0;
  for (float scale : scales)
    if (scale >= smallest && std::isfinite(scale)) {
      sum += scale;
      ++count;
    }
  auto mean = count ? static_cast<float>(sum / static_cast<double>(count)) : 1.0F;
  for (float &scale : scales)
    if (!(scale >= smallest) || !std::isfinite(scale))
      scale = mean;
}

std::vector<float> chooseScales(const WeightView &weights, int highCode,
                                float (*choose)(llvm::ArrayRef<float>, int),
                                llvm::ArrayRef<double> biases,
                                llvm::function_ref<float(size_t)> getInputScale) {
  std::vector<float> scales;
  for (int64_t c = 0; c < weights.channels; ++c)
    scales.push_back(choose(weights.gather(c), highCode));
  fillGaps(scales);
  // Half of the range is left to a sum of products that is added.
  constexpr double largestBias = 1 << 30;
  for (size_t c = 0; c < biases.size(); ++c) {
    double least = std::abs(biases[c]) / largestBias / getInputScale(c);
    if (std::isfinite(least))
      scales[c] = std::max(scales[c], static_cast<float>(least));
  }
  return scales;
}

std::vector<int8_t> makeWeightCodes(const WeightView &weights, llvm::ArrayRef<float> scales,
                                    int highCode) {
  std::vector<int8_t> codes(weights.values.size());
  auto high = static_cast<float>(highCode);
  for (auto [index, value] : llvm::enumerate(weights.values)) {
    float scale = scales[index / weights.inner % weights.channels];
    float code = std::nearbyint(value / scale);
    codes[index] = static_cast<int8_t>(std::isnan(code) ? 0 : std::clamp(code, -high, high));
  }
  return codes;
}

} // namespace quern
