// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Observer.h"
#include "passes/Calibrate/Histogram.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace quern;

static std::unique_ptr<Observer> make(llvm::StringRef name) { return lookupObserver(name)->make(); }

/// Values of a normal distribution with a few far outliers, in samples of a thousand.
static std::vector<std::vector<float>> makeSamples(bool positive) {
  std::mt19937 random(3); // NOLINT(bugprone-random-generator-seed): the same values in each run
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> samples(20);
  for (auto &sample : samples)
    for (int i = 0; i < 1000; ++i)
      sample.push_back(positive ? std::abs(normal(random)) : normal(random));
  samples[7][500] = 60;
  return samples;
}

static RealRange observe(llvm::StringRef name, bool positive = false) {
  auto observer = make(name);
  for (const auto &sample : makeSamples(positive))
    observer->observe(sample);
  return observer->getRange(256);
}

TEST(Observer, MinMaxKeepsTheExtremes) {
  auto observer = make("minmax");
  observer->observe({1, 2});
  observer->observe({-3, 0.5F});
  RealRange range = observer->getRange(256);
  EXPECT_EQ(range.low, -3);
  EXPECT_EQ(range.high, 2);
}

TEST(Observer, ZeroIsAlwaysInside) {
  for (const ObserverInfo &info : getObservers()) {
    auto observer = info.make();
    observer->observe({4, 5, 6});
    EXPECT_EQ(observer->getRange(256).low, 0) << info.name.str();
    EXPECT_GT(observer->getRange(256).high, 3.9) << info.name.str();
  }
}

TEST(Observer, NothingButZerosIsNoRange) {
  for (const ObserverInfo &info : getObservers()) {
    auto observer = info.make();
    observer->observe({0, 0});
    EXPECT_EQ(observer->getRange(256).low, 0) << info.name.str();
    EXPECT_EQ(observer->getRange(256).high, 0) << info.name.str();
  }
}

TEST(Observer, NanAndInfinityDoNoHarm) {
  for (const ObserverInfo &info : getObservers()) {
    auto observer = info.make();
    observer->observe({NAN, 1, INFINITY, -1});
    RealRange range = observer->getRange(256);
    EXPECT_TRUE(std::isfinite(range.low) && std::isfinite(range.high)) << info.name.str();
  }
}

TEST(Observer, AverageIsTheMeanOfTheExtremesAtFirst) {
  auto observer = make("average");
  observer->observe({1, -1});
  observer->observe({3, -5});
  EXPECT_NEAR(observer->getRange(256).high, 2, 1e-12);
  EXPECT_NEAR(observer->getRange(256).low, -3, 1e-12);
  for (int i = 0; i < 98; ++i)
    observer->observe({2, -3});
  observer->observe({102, -3}); // weighs a hundredth
  EXPECT_NEAR(observer->getRange(256).high, 3, 1e-9);
}

TEST(Observer, PercentileLeavesOutOneOfAHundredThousand) {
  auto observer = make("percentile");
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i % 1000) / 1000;
  values[5] = 50;
  observer->observe(values);
  EXPECT_NEAR(observer->getRange(256).high, 0.999, 0.02);
}

TEST(Observer, OutliersAreClippedWhereThatPays) {
  EXPECT_EQ(observe("minmax").high, 60);
  EXPECT_LT(observe("average").high, 8);
  EXPECT_LT(observe("entropy").high, 30);
  EXPECT_LT(observe("entropy", /*positive=*/true).high, 30);
  // Clipping this outlier by half would cost more than all the rounding does.
  EXPECT_GT(observe("mse").high, 50);
  EXPECT_LT(observe("mse").high, 60);
  for (const char *name : {"mse", "entropy"}) {
    EXPECT_GT(observe(name).high, 2) << name;
    EXPECT_EQ(observe(name, /*positive=*/true).low, 0) << name;
  }
}

TEST(Observer, MseIsAsGoodAsItsNeighbours) {
  Histogram histogram;
  for (const auto &sample : makeSamples(false))
    histogram.add(sample);
  RealRange best = observe("mse");
  double error = getSquaredError(histogram, best, 256);
  for (double factor : {0.8, 0.9, 1.1, 1.25}) {
    EXPECT_LE(error, getSquaredError(histogram, {best.low, best.high * factor}, 256));
    EXPECT_LE(error, getSquaredError(histogram, {best.low * factor, best.high}, 256));
  }
  EXPECT_LT(error, getSquaredError(histogram, histogram.getExtremes(), 256));
}

TEST(Observer, SavedStateGoesOnAsIfNothingHadHappened) {
  for (const ObserverInfo &info : getObservers()) {
    auto whole = info.make(), first = info.make(), second = info.make();
    auto samples = makeSamples(false);
    for (const auto &sample : samples)
      whole->observe(sample);
    for (int i = 0; i < 8; ++i)
      first->observe(samples[i]);
    // Through text, as it goes through a file.
    std::string text;
    llvm::raw_string_ostream(text) << first->save();
    auto parsed = llvm::json::parse(text);
    ASSERT_TRUE(static_cast<bool>(parsed));
    ASSERT_TRUE(second->load(*parsed)) << info.name.str();
    for (size_t i = 8; i < samples.size(); ++i)
      second->observe(samples[i]);
    EXPECT_EQ(whole->getRange(256).low, second->getRange(256).low) << info.name.str();
    EXPECT_EQ(whole->getRange(256).high, second->getRange(256).high) << info.name.str();
    EXPECT_FALSE(second->load(llvm::json::Object{{"high", -1}})) << info.name.str();
  }
}

TEST(Histogram, DoesNotDependOnTheOrder) {
  std::vector<float> small = {0.001F, -0.002F}, large = {1000, -3};
  Histogram a, b;
  a.add(small);
  a.add(large);
  b.add(large);
  b.add(small);
  EXPECT_EQ(a.save(), b.save());
  EXPECT_EQ(a.getTotal(), 4u);
  EXPECT_EQ(a.getCount(a.findBin(1000)), 1u);
}

TEST(TensorObserver, ChannelsAreObservedApart) {
  // [2 outer, 3 channels, 2 inner]
  std::vector<float> values = {1, 2, 10, 20, -1, 0, 3, 1, 5, 5, -7, 0};
  TensorObserver observer(*lookupObserver("minmax"), 3);
  observer.observe(values, 2, 2);
  auto ranges = observer.getRanges(256);
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].high, 3);
  EXPECT_EQ(ranges[1].high, 20);
  EXPECT_EQ(ranges[2].low, -7);
  EXPECT_EQ(ranges[2].high, 0);
}
