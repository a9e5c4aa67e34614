// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Histogram.h"

#include "passes/Calibrate/Extremes.h"

#include <algorithm>
#include <cmath>

namespace quern {

double Histogram::getWidth() const { return std::ldexp(2.0, exponent) / bins; }

double Histogram::getCenter(int bin) const {
  int fromZero = bin - bins / 2;
  double center = (fromZero + 0.5) * getWidth();
  return std::clamp(center, extremes.low, extremes.high);
}

int Histogram::findBin(double value) const {
  return std::clamp(static_cast<int>(std::floor(value / getWidth())) + bins / 2, 0, bins - 1);
}

void Histogram::reach(double magnitude) {
  int needed = exponent;
  while (magnitude >= std::ldexp(1.0, needed))
    ++needed;
  if (total == 0)
    exponent = needed;
  for (; exponent < needed; ++exponent) {
    std::vector<uint64_t> merged(bins);
    for (int bin = 0; bin < bins; ++bin)
      merged[bins / 4 + bin / 2] += counts[bin];
    counts = std::move(merged);
  }
}

void Histogram::add(llvm::ArrayRef<float> values) {
  RealRange sample = findExtremes(values);
  reach(std::max(-sample.low, sample.high));
  extremes = {std::min(extremes.low, sample.low), std::max(extremes.high, sample.high)};
  double inverse = 1 / getWidth();
  for (float value : values) {
    double finite = makeFinite(value);
    ++counts[static_cast<int>(std::floor(finite * inverse)) + bins / 2];
  }
  total += values.size();
}

llvm::json::Value Histogram::save() const {
  llvm::json::Array sparse;
  for (int bin = 0; bin < bins; ++bin)
    if (counts[bin])
      sparse.push_back(llvm::json::Array{bin, static_cast<int64_t>(counts[bin])});
  return llvm::json::Object{{"low", extremes.low},
                            {"high", extremes.high},
                            {"exponent", exponent},
                            {"counts", std::move(sparse)}};
}

bool Histogram::load(const llvm::json::Value &state) {
  const llvm::json::Object *object = state.getAsObject();
  const llvm::json::Array *sparse = object ? object->getArray("counts") : nullptr;
  auto power = object ? object->getInteger("exponent") : std::nullopt;
  if (!sparse || !power || *power < minExponent || *power > 200 || !loadRange(state, extremes))
    return false;
  exponent = static_cast<int>(*power);
  total = 0;
  for (const llvm::json::Value &item : *sparse) {
    const llvm::json::Array *pair = item.getAsArray();
    auto bin = pair && pair->size() == 2 ? (*pair)[0].getAsInteger() : std::nullopt;
    auto count = bin ? (*pair)[1].getAsInteger() : std::nullopt;
    if (!count || *bin < 0 || *bin >= bins || *count < 0)
      return false;
    counts[*bin] = *count;
    total += *count;
  }
  return true;
}

double getSquaredError(const Histogram &histogram, RealRange range, unsigned levels) {
  if (histogram.isEmpty())
    return 0;
  double scale = (range.high - range.low) / (levels - 1);
  if (scale <= 0)
    scale = 1;
  double zero = std::nearbyint(-range.low / scale);
  double sum = 0;
  for (int bin = 0; bin < Histogram::bins; ++bin) {
    if (!histogram.getCount(bin))
      continue;
    double value = histogram.getCenter(bin);
    double code = std::clamp(std::nearbyint(value / scale) + zero, 0.0, levels - 1.0);
    double error = value - (code - zero) * scale;
    sum += error * error * static_cast<double>(histogram.getCount(bin));
  }
  return sum / static_cast<double>(histogram.getTotal());
}

} // namespace quern
