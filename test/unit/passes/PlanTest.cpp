// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Plan.h"
#include "passes/Quantize/WeightScales.h"

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

TEST(WeightScales, GatherFollowsTheAxis) {
  std::vector<float> values = {0, 1, 2, 3, 4, 5};
  EXPECT_EQ(WeightView::along(values, {2, 3}, 0).gather(1), (std::vector<float>{3, 4, 5}));
  EXPECT_EQ(WeightView::along(values, {2, 3}, 1).gather(1), (std::vector<float>{1, 4}));
  EXPECT_EQ(WeightView::along(values, {1, 3, 2}, 1).gather(2), (std::vector<float>{4, 5}));
}

TEST(WeightScales, MaximumReachesTheLargestCode) {
  std::vector<float> values = {-2.54F, 1.0F, 0.01F, 0};
  EXPECT_FLOAT_EQ(chooseScaleByMaximum(values, 127), 0.02F);
  WeightView view = WeightView::along(values, {1, 4}, 0);
  EXPECT_EQ(makeWeightCodes(view, {0.02F}, 127), (std::vector<int8_t>{-127, 50, 0, 0}));
}

TEST(WeightScales, ErrorClipsOneOutlier) {
  std::vector<float> values = {1};
  for (int i = 0; i < 1000; ++i)
    values.push_back(static_cast<float>(i % 200 - 100) / 400);
  float full = chooseScaleByMaximum(values, 7), clipped = chooseScaleByError(values, 7);
  EXPECT_LT(clipped, 0.9F * full);
  // A coarser grid is found and kept.
  std::vector<float> coarse;
  for (int i = -50; i <= 71; ++i)
    coarse.push_back(0.013F * static_cast<float>(i));
  EXPECT_NEAR(chooseScaleByError(coarse, 127), 0.013F, 1e-6F);
  // Even values need no clipping.
  EXPECT_FLOAT_EQ(chooseScaleByError({-7, 7, 1, 2, 3}, 7), 1);
}

TEST(WeightScales, ZerosAndLargeBiasesHaveScales) {
  std::vector<float> values = {1.27F, -1.27F, 0, 0};
  WeightView view = WeightView::along(values, {2, 2}, 0);
  auto scales = chooseScales(view, 127, chooseScaleByMaximum, {}, [](size_t) { return 1.0F; });
  EXPECT_FLOAT_EQ(scales[0], 0.01F);
  EXPECT_FLOAT_EQ(scales[1], 0.01F);
  // A bias of 2^31 steps would not fit.
  scales = chooseScales(view, 127, chooseScaleByMaximum, {0, 2147483648.0 * 0.01},
                        [](size_t) { return 1.0F; });
  EXPECT_FLOAT_EQ(scales[0], 0.01F);
  EXPECT_NEAR(scales[1], 0.02F, 1e-6);
}
