// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Plan.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace quern;

TEST(Plan, ActivationCodesCoverTheRange) {
  CodeParameters parameters = makeActivationParameters({{-1, 3}}, std::nullopt);
  EXPECT_FLOAT_EQ(parameters.scales[0], 4.0F / 255);
  EXPECT_EQ(parameters.zeroPoint, 64);
  parameters = makeActivationParameters({{0, 6}}, std::nullopt);
  EXPECT_EQ(parameters.zeroPoint, 0);
  EXPECT_FLOAT_EQ(parameters.getScale(7) * 255, 6);
  // Nothing but zeros, and ranges that no float scale can have.
  EXPECT_EQ(makeActivationParameters({{0, 0}}, std::nullopt).scales[0], 1);
  EXPECT_TRUE(std::isnormal(makeActivationParameters({{0, 1e-44}}, std::nullopt).scales[0]));
}

TEST(Plan, ChannelsHaveTheirOwnScales) {
  CodeParameters parameters = makeActivationParameters({{0, 6}, {0, 0}, {0, 1}}, 1);
  EXPECT_EQ(parameters.axis, 1);
  EXPECT_EQ(parameters.zeroPoint, 0);
  EXPECT_FLOAT_EQ(parameters.getScale(0), 6.0F / 255);
  EXPECT_FLOAT_EQ(parameters.getScale(1), 1.0F / 255); // never above zero
  EXPECT_FLOAT_EQ(parameters.getScale(2), 1.0F / 255);
  // There is one zero point: a channel below zero unites them.
  parameters = makeActivationParameters({{0, 6}, {-2, 1}}, 1);
  EXPECT_EQ(parameters.axis, std::nullopt);
  EXPECT_FLOAT_EQ(parameters.scales[0], 8.0F / 255);
}

TEST(Plan, BiasCodesRoundToNearestEven) {
  EXPECT_EQ(makeBiasCodes({2.5, 3.5, -1.2}, {1, 1, 0.5F}), (std::vector<int32_t>{2, 4, -2}));
}
