// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/evaluate/Metrics.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace quern {

/// How many values are larger than that of `index`; of equal ones the first counts as the largest.
static int64_t getRank(llvm::ArrayRef<float> values, int64_t index) {
  int64_t rank = 0;
  for (auto [i, value] : llvm::enumerate(values))
    rank += value > values[index] || (value == values[index] && static_cast<int64_t>(i) < index);
  return rank;
}

static Score scoreTop(const Observation &sample, int64_t places) {
  bool known = *sample.label < static_cast<int64_t>(sample.output.size());
  bool hit = known && getRank(sample.output, *sample.label) < places;
  return {hit ? 1.0 : 0.0, 1};
}

static Score scoreTop1(const Observation &sample) { return scoreTop(sample, 1); }
static Score scoreTop5(const Observation &sample) { return scoreTop(sample, 5); }

static int64_t findLargest(llvm::ArrayRef<float> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

static Score scoreAgreement(const Observation &sample) {
  return {findLargest(sample.output) == findLargest(sample.reference) ? 1.0 : 0.0, 1};
}

/// log(sum(exp(x))).
static double getLogSum(llvm::ArrayRef<float> values) {
  double largest = *std::max_element(values.begin(), values.end()), sum = 0;
  for (float value : values)
    sum += std::exp(value - largest);
  return largest + std::log(sum);
}

static Score scoreDivergence(const Observation &sample) {
  double ours = getLogSum(sample.output), theirs = getLogSum(sample.reference), sum = 0;
  for (auto [q, p] : llvm::zip_equal(sample.output, sample.reference))
    sum += std::exp(p - theirs) * ((p - theirs) - (q - ours));
  return {sum, 1};
}

static Score scoreError(const Observation &sample) {
  Score score;
  for (auto [ours, theirs] : llvm::zip_equal(sample.output, sample.reference)) {
    double error = static_cast<double>(theirs) - ours;
    score.numerator += static_cast<double>(theirs) * theirs;
    score.denominator += error * error;
  }
  return score;
}

static double makePercent(Score sums) { return 100 * sums.numerator / sums.denominator; }
static double makeMean(Score sums) { return sums.numerator / sums.denominator; }
static double makeDecibel(Score sums) { return 10 * std::log10(sums.numerator / sums.denominator); }

llvm::ArrayRef<Metric> getMetrics() {
  static const Metric metrics[] = {
      {"top1", "%", "the label has the largest value", true, false, scoreTop1, makePercent},
      {"top5", "%", "the label is among the five largest", true, false, scoreTop5, makePercent},
      {"agreement", "%", "both models have the same largest value", false, true, scoreAgreement,
       makePercent},
      {"kl", "", "divergence of the softmax from the reference's, in nats", false, true,
       scoreDivergence, makeMean},
      {"sqnr", "dB", "the reference's power over that of the difference", false, true, scoreError,
       makeDecibel},
  };
  return metrics;
}

const Metric *lookupMetric(llvm::StringRef name) {
  for (const Metric &metric : getMetrics())
    if (metric.name == name)
      return &metric;
  return nullptr;
}

Estimate estimate(const Metric &metric, llvm::ArrayRef<Score> scores) {
  constexpr size_t draws = 1000;
  auto add = [](Score &sums, const Score &score) {
    sums.numerator += score.numerator;
    sums.denominator += score.denominator;
  };
  Score all;
  for (const Score &score : scores)
    add(all, score);
  std::mt19937_64 random(1);
  std::vector<double> values;
  for (size_t draw = 0; draw < draws; ++draw) {
    Score sums;
    // Not uniform_int_distribution, which differs between standard libraries.
    for (size_t i = 0; i < scores.size(); ++i)
      add(sums, scores[random() % scores.size()]);
    values.push_back(metric.finish(sums));
  }
  llvm::sort(values);
  return {metric.finish(all), values[draws / 40], values[draws - 1 - draws / 40]};
}

} // namespace quern
