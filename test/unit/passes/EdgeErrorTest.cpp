// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/EdgeError.h"
#include "passes/Verify/CompareForms.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace quern;

TEST(EdgeError, RatiosAreOfAllSamples) {
  EdgeError error;
  error.add({3, 0}, {3, 1}, {3, 0}, nullptr);
  error.add({4, 0}, {4, -1}, {3, 0}, nullptr);
  EXPECT_NEAR(error.getSqnr(), 10 * std::log10(25.0 / 2), 1e-12);
  EXPECT_NEAR(error.getSqnrAlone(), 10 * std::log10(25.0 / 1), 1e-12);
  EXPECT_EQ(error.getMaxSteps(), 0);
}

TEST(EdgeError, EqualValuesHaveAnInfiniteRatio) {
  EdgeError error;
  error.add({1, 2}, {1, 2}, {1, 2}, nullptr);
  EXPECT_TRUE(std::isinf(error.getSqnr()));
}

TEST(EdgeError, CountsStepsAndClippedValues) {
  CodeSteps codes = {{0.5F}, 1, -4, 3}; // codes reach -2 .. 1.5
  EdgeError error;
  error.add({-2.2F, -2.3F, 1.7F, 1.8F}, {-2, -2, 1.5F, 1.5F}, {0, 0, 0, 0}, &codes);
  EXPECT_NEAR(error.getMaxSteps(), 0.6, 1e-6);
  EXPECT_EQ(error.getClippedShare(), 0.5); // half a step beyond the range still rounds into it
}

TEST(EdgeError, ChannelsHaveTheirOwnSteps) {
  CodeSteps codes = {{1, 4}, 2, 0, 10}; // [2 channels, 2 places]
  EdgeError error;
  error.add({0, 0, 0, 44}, {2, 0, 0, 40}, {0, 0, 0, 0}, &codes);
  EXPECT_EQ(error.getMaxSteps(), 2);
  EXPECT_EQ(error.getClippedShare(), 0.25); // 44 is 11 steps of its channel
}

static EdgeReport makeReport(double sqnr, double inputs, double alone) {
  EdgeReport report;
  report.sqnr = sqnr;
  report.sqnrOfInputs = inputs;
  report.sqnrAlone = alone;
  return report;
}

TEST(FindWorst, IsTheFirstLargestDrop) {
  EXPECT_EQ(findWorst({}), std::nullopt);
  std::vector<EdgeReport> edges = {makeReport(40, 48, 40), makeReport(10, 40, 10),
                                   makeReport(11, 41, 11), makeReport(5, 10, 30)};
  EXPECT_EQ(findWorst(edges), 1u);
}

TEST(EdgeReport, KnowsWhereItsErrorArises) {
  EXPECT_TRUE(makeReport(10, 40, 10).arisesHere());
  EXPECT_TRUE(makeReport(10, 40, 13).arisesHere()); // half of the power
  EXPECT_FALSE(makeReport(10, 12, 30).arisesHere());
}
