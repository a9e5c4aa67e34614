// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/WeightGrid.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace quern;

static const WeightScheme &scheme(llvm::StringRef name) { return *lookupWeightScheme(name); }

static double squaredError(llvm::ArrayRef<float> weights, ScaleChoice choice,
                           const WeightScheme &scheme) {
  double sum = 0;
  for (float weight : weights) {
    double code = std::clamp<double>(std::nearbyint(weight / choice.scale) + choice.zeroPoint,
                                     scheme.low, scheme.high);
    sum += std::pow(weight - (code - choice.zeroPoint) * choice.scale, 2);
  }
  return sum;
}

TEST(WeightLayout, RowsAreOutputChannels) {
  std::vector<float> values = {0, 1, 2, 3, 4, 5};
  WeightMatrix rows = WeightLayout::of({2, 3}, 0).gather(values);
  EXPECT_EQ(rows.rows(), 2);
  EXPECT_EQ(rows(1, 0), 3);
  WeightMatrix columns = WeightLayout::of({2, 3}, 1).gather(values);
  EXPECT_EQ(columns.rows(), 3);
  EXPECT_EQ(columns(1, 0), 1);
  EXPECT_EQ(columns(1, 1), 4);
  WeightLayout conv = WeightLayout::of({1, 3, 2, 1}, 0);
  EXPECT_EQ(conv.kernel, 2);
  EXPECT_EQ(conv.getDepth(), 6);
  for (int64_t axis : {0, 1}) {
    WeightLayout layout = WeightLayout::of({2, 3}, axis);
    CodeMatrix codes = layout.gather(values).cast<int8_t>();
    EXPECT_EQ(layout.scatter(codes), (std::vector<int8_t>{0, 1, 2, 3, 4, 5}));
  }
}

TEST(ScaleChoice, ExtremesReachTheOutermostCodes) {
  std::vector<float> values = {-2.54F, 1.0F, 0.01F, 0};
  EXPECT_FLOAT_EQ(chooseScaleByExtremes(values, {}, scheme("s8")).scale, 0.02F);
  // -8 holds what 7 need not.
  EXPECT_FLOAT_EQ(chooseScaleByExtremes(values, {}, scheme("s4")).scale, 2.54F / 8);
  ScaleChoice choice = chooseScaleByExtremes({-1.0F, 2.0F}, {}, scheme("u4"));
  EXPECT_FLOAT_EQ(choice.scale, 0.2F);
  EXPECT_EQ(choice.zeroPoint, 5);
}

TEST(ScaleChoice, ErrorClipsOneOutlier) {
  std::vector<float> values = {1};
  for (int i = 0; i < 1000; ++i)
    values.push_back(static_cast<float>(i % 200 - 100) / 400);
  for (llvm::StringRef name : {"s4", "u4", "s3", "s2", "u2", "ternary"}) {
    ScaleChoice full = chooseScaleByExtremes(values, {}, scheme(name));
    ScaleChoice clipped = chooseScaleByError(values, {}, scheme(name));
    EXPECT_LT(clipped.scale, 0.9F * full.scale) << name.str();
    EXPECT_LT(squaredError(values, clipped, scheme(name)),
              0.9 * squaredError(values, full, scheme(name)))
        << name.str();
  }
}

TEST(ScaleChoice, ErrorFindsACoarserGrid) {
  std::vector<float> coarse;
  for (int i = -50; i <= 71; ++i)
    coarse.push_back(0.013F * static_cast<float>(i));
  EXPECT_NEAR(chooseScaleByError(coarse, {}, scheme("s8")).scale, 0.013F, 1e-6F);
  // Values that lie on a grid need no clipping.
  EXPECT_FLOAT_EQ(chooseScaleByError({-7, 7, 1, 2, 3}, {}, scheme("s4")).scale, 1);
}

TEST(ScaleChoice, ImportanceDecidesWhatIsClipped) {
  std::vector<float> values = {1}, low = {0}, high = {1e6F};
  for (int i = 0; i < 1000; ++i) {
    values.push_back(static_cast<float>(i % 200 - 100) / 400);
    low.push_back(1);
    high.push_back(1);
  }
  EXPECT_LT(chooseScaleByError(values, low, scheme("s4")).scale, 0.05F);
  EXPECT_NEAR(chooseScaleByError(values, high, scheme("s4")).scale, 1.0F / 7, 0.01F);
}

TEST(WeightGrid, GroupsHaveTheirOwnScales) {
  // [outputs 1, channels 40, kernel 2]: groups of 32 and 8 channels at either position.
  WeightLayout layout = WeightLayout::of({1, 40, 2}, 0);
  WeightMatrix weights(1, 80);
  for (int64_t column = 0; column < 80; ++column)
    weights(0, column) = static_cast<float>((column % 2 ? 10 : 1) * (column < 64 ? 1 : 3));
  WeightGrid grid(layout, {&scheme("s4"), 32});
  grid.choose(weights, chooseScaleByExtremes, {});
  EXPECT_EQ(grid.getGroups(), 4);
  EXPECT_EQ(grid.getScaleDims(), (std::vector<int64_t>{1, 2, 2}));
  std::vector<float> scales = grid.getScales();
  ASSERT_EQ(scales.size(), 4u);
  for (auto [scale, expected] : llvm::zip_equal(scales, std::vector<float>{1, 10, 3, 30}))
    EXPECT_FLOAT_EQ(scale, expected / 7);
  EXPECT_TRUE((grid.dequantize(grid.quantize(weights)) - weights).cwiseAbs().maxCoeff() < 1e-5F);
  // Of a product the groups lie along the first dimension.
  WeightGrid product(WeightLayout::of({64, 3}, 1), {&scheme("u4"), 32});
  EXPECT_EQ(product.getScaleDims(), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(product.getGroupAxis(), 0);
}

TEST(WeightGrid, ScalesFollowTheTensor) {
  WeightGrid grid(WeightLayout::of({64, 2}, 1), {&scheme("u4"), 32});
  WeightMatrix weights = WeightMatrix::Zero(2, 64);
  weights(0, 0) = 15;   // first output, first group
  weights(1, 63) = -15; // second output, second group
  grid.choose(weights, chooseScaleByExtremes, {});
  // Groups of zeros take the mean of the others.
  EXPECT_EQ(grid.getScales(), (std::vector<float>{1, 1, 1, 1}));
  EXPECT_EQ(grid.getZeroPoints(), (std::vector<int8_t>{0, 0, 0, 15}));
  EXPECT_EQ(grid.quantize(weights)(1, 63), 0);
}

TEST(WeightGrid, EveryCodeOfASchemeIsReached) {
  for (const WeightScheme &row : getWeightSchemes()) {
    int count = row.high - row.low + 1;
    WeightLayout layout = WeightLayout::of({1, count}, 0);
    WeightMatrix weights(1, count);
    for (int i = 0; i < count; ++i)
      weights(0, i) = static_cast<float>(row.low + i - (row.isSigned ? 0 : row.high / 2));
    WeightGrid grid(layout, {&row, 0});
    grid.choose(weights, chooseScaleByError, {});
    CodeMatrix codes = grid.quantize(weights);
    for (int i = 0; i < count; ++i)
      EXPECT_EQ(codes(0, i), row.low + i) << row.name.str();
    EXPECT_LT((grid.dequantize(codes) - weights).cwiseAbs().maxCoeff(), 1e-4F) << row.name.str();
  }
}
