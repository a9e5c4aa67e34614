// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/evaluate/Metrics.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace quern {

namespace {

/// One distribution over classes that the model puts out.
struct Prediction {
  llvm::ArrayRef<float> output, reference;
  std::optional<int64_t> label;
};

} // namespace

/// The sum over a sample's predictions: one, or one for each position that has a target.
static Score sumPredictions(const Observation &sample, double (*score)(const Prediction &)) {
  if (sample.targets.empty())
    return {score({sample.output, sample.reference, sample.label}), 1};
  size_t classes = sample.output.size() / sample.targets.size();
  auto pick = [&](llvm::ArrayRef<float> values, size_t position) {
    return values.empty() ? values : values.slice(position * classes, classes);
  };
  Score sum;
  for (auto [position, target] : llvm::enumerate(sample.targets)) {
    if (target < 0)
      continue;
    sum.numerator +=
        score({pick(sample.output, position), pick(sample.reference, position), target});
    sum.denominator += 1;
  }
  return sum;
}

/// How many values are larger than that of `index`; of equal ones the first counts as the largest.
static int64_t getRank(llvm::ArrayRef<float> values, int64_t index) {
  int64_t rank = 0;
  for (auto [i, value] : llvm::enumerate(values))
    rank += value > values[index] || (value == values[index] && static_cast<int64_t>(i) < index);
  return rank;
}

static double isAmong(const Prediction &prediction, int64_t places) {
  bool known = *prediction.label < static_cast<int64_t>(prediction.output.size());
  return known && getRank(prediction.output, *prediction.label) < places ? 1 : 0;
}

static Score scoreTop1(const Observation &sample) {
  return sumPredictions(sample, [](const Prediction &p) { return isAmong(p, 1); });
}

static Score scoreTop5(const Observation &sample) {
  return sumPredictions(sample, [](const Prediction &p) { return isAmong(p, 5); });
}

static int64_t findLargest(llvm::ArrayRef<float> values) {
  return llvm::max_element(values) - values.begin();
}

static Score scoreAgreement(const Observation &sample) {
  return sumPredictions(sample, [](const Prediction &p) {
    return findLargest(p.output) == findLargest(p.reference) ? 1.0 : 0.0;
  });
}

/// log(sum(exp(x))).
static double getLogSum(llvm::ArrayRef<float> values) {
  float largest = *llvm::max_element(values);
  double sum = 0;
  for (float value : values)
    sum += std::exp(value - largest);
  return largest + std::log(sum);
}

static Score scoreDivergence(const Observation &sample) {
  return sumPredictions(sample, [](const Prediction &p) {
    double ours = getLogSum(p.output), theirs = getLogSum(p.reference), sum = 0;
    for (auto [x, y] : llvm::zip_equal(p.output, p.reference))
      sum += std::exp(y - theirs) * ((y - theirs) - (x - ours));
    return sum;
  });
}

static Score scorePerplexity(const Observation &sample) {
  return sumPredictions(
      sample, [](const Prediction &p) { return getLogSum(p.output) - p.output[*p.label]; });
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
static double makePerplexity(Score sums) { return std::exp(sums.numerator / sums.denominator); }
static double makeDecibel(Score sums) { return 10 * std::log10(sums.numerator / sums.denominator); }

llvm::ArrayRef<Metric> getMetrics() {
  static const Metric metrics[] = {
      {"top1", "%", "the label has the largest value", true, false, false, scoreTop1, makePercent},
      {"top5", "%", "the label is among the five largest", true, false, false, scoreTop5,
       makePercent},
      {"perplexity", "", "exponential of the mean of -log p(target), p being the softmax", false,
       false, true, scorePerplexity, makePerplexity},
      {"agreement", "%", "both models have the same largest value", false, true, false,
       scoreAgreement, makePercent},
      {"kl", "", "divergence of the softmax from the reference's, in nats", false, true, false,
       scoreDivergence, makeMean},
      {"sqnr", "dB", "the reference's power over that of the difference", false, true, false,
       scoreError, makeDecibel},
  };
  return metrics;
}

const Metric *lookupMetric(llvm::StringRef name) {
  for (const Metric &metric : getMetrics())
    if (metric.name == name)
      return &metric;
  return nullptr;
}

Estimate bootstrap(size_t count, llvm::function_ref<double(llvm::ArrayRef<size_t>)> figure) {
  constexpr size_t draws = 1000;
  std::vector<size_t> draw(count);
  std::iota(draw.begin(), draw.end(), 0);
  double all = figure(draw);
  std::mt19937_64 random(1); // NOLINT(bugprone-random-generator-seed): the same figures each time
  std::vector<double> values;
  for (size_t round = 0; round < draws; ++round) {
    // Not uniform_int_distribution, which differs between standard libraries.
    for (size_t &index : draw)
      index = random() % count;
    values.push_back(figure(draw));
  }
  llvm::sort(values);
  return {all, values[draws / 40], values[draws - 1 - draws / 40]};
}

Estimate estimate(const Metric &metric, llvm::ArrayRef<Score> scores) {
  return bootstrap(scores.size(), [&](llvm::ArrayRef<size_t> draw) {
    Score sums;
    for (size_t i : draw)
      sums += scores[i];
    return metric.finish(sums);
  });
}

} // namespace quern
