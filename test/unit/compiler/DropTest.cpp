// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/evaluate/Drop.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace quern;

TEST(Drop, IsWhatTheMetricSays) {
  std::vector<Score> ours = {{1, 1}, {0, 1}, {0, 1}, {1, 1}};
  std::vector<Score> reference = {{1, 1}, {1, 1}, {1, 1}, {1, 1}};
  EXPECT_EQ(estimateDrop(*lookupMetric("top1"), ours, reference).value, 50);
  EXPECT_EQ(estimateDrop(*lookupMetric("agreement"), ours, {}).value, 50);
  std::vector<Score> losses = {{2.2, 1}, {3.2, 1}}, before = {{2, 1}, {3, 1}};
  Estimate drop = estimateDrop(*lookupMetric("perplexity"), losses, before);
  EXPECT_NEAR(drop.value, 100 * (std::exp(0.2) - 1), 1e-9);
  // Both samples lose the same: however they are drawn, so does the whole.
  EXPECT_NEAR(drop.low, drop.value, 1e-9);
  EXPECT_NEAR(drop.high, drop.value, 1e-9);
}

TEST(Drop, PairsAreDrawnTogether) {
  // Hard and easy samples, of which each loses a little: the interval of the difference is much
  // narrower than that of either model.
  const Metric &metric = *lookupMetric("perplexity");
  std::vector<Score> ours, reference;
  for (int i = 0; i < 100; ++i) {
    reference.push_back({1.0 + i % 7, 1});
    ours.push_back({reference.back().numerator + 0.01 * (i % 3), 1});
  }
  Estimate alone = estimate(metric, ours), drop = estimateDrop(metric, ours, reference);
  EXPECT_GT(100 * (alone.high - alone.low) / alone.value, 20);
  EXPECT_LT(drop.high - drop.low, 1);
  EXPECT_LT(drop.low, drop.value);
  EXPECT_GT(drop.high, drop.value);
}

TEST(Drop, MetricFollowsTheData) {
  EXPECT_EQ(chooseDropMetric(true, false).name, "perplexity");
  EXPECT_EQ(chooseDropMetric(false, true).name, "top1");
  EXPECT_EQ(chooseDropMetric(false, false).name, "agreement");
}
