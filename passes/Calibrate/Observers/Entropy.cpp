// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Histogram.h"

#include <algorithm>
#include <cmath>

namespace quern {

namespace {

/// Chooses the threshold at which the codes' distribution differs least (Kullback-Leibler) from
/// that of the values, outliers counted at the ends.
class EntropyObserver : public Observer {
public:
  void observe(llvm::ArrayRef<float> values) override { histogram.add(values); }
  RealRange getRange(unsigned levels) const override;
  llvm::json::Value save() const override { return histogram.save(); }
  bool load(const llvm::json::Value &state) override { return histogram.load(state); }

private:
  Histogram histogram;
};

} // namespace

/// KL(P || Q) where Q is P merged into `levels` groups, each group's mass spread evenly over its
/// bins that are not empty. `clipped` is P with the outliers in its end bins, `kept` without: Q
/// must not profit from them.
static double getDivergence(llvm::ArrayRef<double> clipped, llvm::ArrayRef<double> kept,
                            size_t levels) {
  double clippedSum = 0, keptSum = 0;
  for (auto [p, q] : llvm::zip(clipped, kept)) {
    clippedSum += p;
    keptSum += q;
  }
  if (keptSum == 0)
    return INFINITY;
  constexpr double smallest = 1e-10; // a bin that P has and Q lost must cost, not end the search
  double divergence = 0;
  size_t bins = clipped.size();
  for (size_t level = 0; level < levels; ++level) {
    size_t begin = bins * level / levels, end = bins * (level + 1) / levels;
    double mass = 0;
    size_t filled = 0;
    for (size_t i = begin; i < end; ++i) {
      mass += kept[i];
      filled += clipped[i] > 0;
    }
    for (size_t i = begin; i < end; ++i)
      if (clipped[i] > 0) {
        double p = clipped[i] / clippedSum;
        double q = std::max(mass / static_cast<double>(filled) / keptSum, smallest);
        divergence += p * std::log(p / q);
      }
  }
  return divergence;
}

RealRange EntropyObserver::getRange(unsigned levels) const {
  RealRange extremes = histogram.getExtremes();
  if (histogram.isEmpty() || extremes.low == extremes.high)
    return extremes;
  // Bins of 1/2048 of the range, as many as thresholds are tried on.
  constexpr int coarse = 2048;
  double width = std::max(-extremes.low, extremes.high) / coarse;
  auto side = [&](double value) { return static_cast<int>(std::ceil(value / width - 1e-9)); };
  int below = std::min(side(-extremes.low), coarse), above = std::min(side(extremes.high), coarse);
  std::vector<double> counts(below + above);
  for (int bin = 0; bin < Histogram::bins; ++bin)
    if (histogram.getCount(bin)) {
      int at = static_cast<int>(std::floor(histogram.getCenter(bin) / width)) + below;
      counts[std::clamp(at, 0, below + above - 1)] += static_cast<double>(histogram.getCount(bin));
    }
  double least = INFINITY;
  int chosen = coarse;
  for (int threshold = static_cast<int>(levels) / 2; threshold <= coarse; threshold += 8) {
    int first = below - std::min(threshold, below), last = below + std::min(threshold, above);
    if (last - first < static_cast<int>(levels))
      continue;
    llvm::ArrayRef<double> kept = llvm::ArrayRef(counts).slice(first, last - first);
    std::vector<double> clipped(kept.begin(), kept.end());
    for (int i = 0; i < first; ++i)
      clipped.front() += counts[i];
    for (int i = last; i < below + above; ++i)
      clipped.back() += counts[i];
    double divergence = getDivergence(clipped, kept, levels);
    if (divergence < least) {
      least = divergence;
      chosen = threshold;
    }
  }
  return {std::max(extremes.low, -chosen * width), std::min(extremes.high, chosen * width)};
}

std::unique_ptr<Observer> makeEntropyObserver() { return std::make_unique<EntropyObserver>(); }

} // namespace quern
