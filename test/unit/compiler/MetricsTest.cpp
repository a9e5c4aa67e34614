// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/evaluate/Metrics.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace quern;

static double measure(const char *name, const std::vector<float> &output,
                      const std::vector<float> &reference, std::optional<int64_t> label) {
  const Metric &metric = *lookupMetric(name);
  return metric.finish(metric.score({output, reference, label, {}}));
}

TEST(Metrics, TopCountsRanks) {
  std::vector<float> output = {1, 7, 3, 9, 2, 8, 6};
  EXPECT_EQ(measure("top1", output, {}, 3), 100);
  EXPECT_EQ(measure("top1", output, {}, 1), 0);
  EXPECT_EQ(measure("top5", output, {}, 2), 100); // ranks: 9 8 7 6 3
  EXPECT_EQ(measure("top5", output, {}, 4), 0);
  EXPECT_EQ(measure("top5", output, {}, 99), 0);
  // Of equal values the first is the largest, as argmax has it.
  EXPECT_EQ(measure("top1", {5, 5}, {}, 0), 100);
  EXPECT_EQ(measure("top1", {5, 5}, {}, 1), 0);
}

TEST(Metrics, CompareWithTheReference) {
  EXPECT_EQ(measure("agreement", {1, 2}, {0, 5}, {}), 100);
  EXPECT_EQ(measure("agreement", {3, 2}, {0, 5}, {}), 0);
  EXPECT_NEAR(measure("sqnr", {1, 1.9F}, {1, 2}, {}), 10 * std::log10(5 / 0.01), 1e-3);
  // p = (1/4, 3/4), q = (1/2, 1/2); adding a constant changes no softmax.
  double expected = 0.25 * std::log(0.5) + 0.75 * std::log(1.5);
  EXPECT_NEAR(measure("kl", {1000, 1000}, {0, std::log(3.0F)}, {}), expected, 1e-6);
}

TEST(Metrics, TargetsScoreEachPosition) {
  // Three positions over two classes; the second does not count.
  std::vector<float> output = {0, std::log(3.0F), 5, 0, 2, 2};
  std::vector<float> reference = {1, 0, 0, 9, 0, 0};
  std::vector<int64_t> targets = {1, -1, 0};
  Observation sample = {output, reference, std::nullopt, targets};
  auto measureIt = [&](const char *name) {
    const Metric &metric = *lookupMetric(name);
    Score score = metric.score(sample);
    EXPECT_EQ(score.denominator, 2) << name;
    return metric.finish(score);
  };
  // Probabilities 3/4 and 1/2.
  EXPECT_NEAR(measureIt("perplexity"), std::exp(-(std::log(0.75) + std::log(0.5)) / 2), 1e-6);
  EXPECT_EQ(measureIt("top1"), 100);
  EXPECT_EQ(measureIt("agreement"), 50);
}

TEST(Metrics, IntervalsHoldTheValueAndNarrow) {
  const Metric &metric = *lookupMetric("top1");
  auto width = [&](size_t samples) {
    std::vector<Score> scores;
    scores.reserve(samples);
    for (size_t i = 0; i < samples; ++i)
      scores.push_back({i % 4 ? 1.0 : 0.0, 1});
    Estimate value = estimate(metric, scores);
    EXPECT_EQ(value.value, 75);
    EXPECT_LT(value.low, 75);
    EXPECT_GT(value.high, 75);
    return value.high - value.low;
  };
  // 2 * 1.96 * sqrt(p (1 - p) / n) is 17 and 4.2 points.
  EXPECT_NEAR(width(100), 17, 3);
  EXPECT_NEAR(width(1600), 4.2, 0.8);
}

TEST(Metrics, SameSeedSameInterval) {
  std::vector<Score> scores = {{1, 1}, {0, 1}, {1, 1}};
  const Metric &metric = *lookupMetric("agreement");
  Estimate first = estimate(metric, scores), second = estimate(metric, scores);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
}
