// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Precision/PrecisionSearch.h"

#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace quern;

namespace {

/// Six tensors of 2, 4 and 8 bits and two slices. The first slice loses in all tensors but
/// the last; the second, a rare one, in the last almost alone.
class PrecisionSearchTest : public testing::Test {
protected:
  PrecisionSearchTest() {
    problem.slices = {"common", "rare"};
    problem.fixedBytes = 1000;
    for (int i = 0; i < 6; ++i) {
      PrecisionTensor tensor = {"layer" + std::to_string(i), 800, {}};
      for (int bits : {2, 4, 8}) {
        double noise = std::exp2(-bits);
        double rare = i == 5 ? 30 * noise : 0.02 * noise;
        double common = noise * (i == 5 ? 0.2 : 2 - 0.2 * i);
        tensor.options.push_back({"s" + std::to_string(bits),
                                  800 * bits / 8,
                                  {0.995 * common + 0.005 * rare, common, rare},
                                  noise * noise});
      }
      problem.tensors.push_back(tensor);
    }
  }

  /// What is expected, in percent, of all tensors together; intervals of 10 % to each side.
  llvm::Expected<MeasuredDrops> measure(llvm::ArrayRef<size_t> chosen) {
    ++measured;
    std::vector<double> sums(3);
    for (auto [tensor, option] : llvm::zip_equal(problem.tensors, chosen))
      for (size_t s = 0; s < 3; ++s)
        sums[s] += 10 * tensor.options[option].losses[s];
    auto interval = [](double x) { return Interval{x, 0.9 * x, 1.1 * x}; };
    return MeasuredDrops{interval(sums[0]), {interval(sums[1]), interval(sums[2])}};
  }
  PrecisionOutcome search(unsigned points = 0) {
    auto outcome = searchPrecision(
        problem, [&](llvm::ArrayRef<size_t> chosen) { return measure(chosen); }, points);
    EXPECT_TRUE(static_cast<bool>(outcome));
    return *outcome;
  }

  PrecisionProblem problem;
  int measured = 0;
};

} // namespace

TEST_F(PrecisionSearchTest, BytesAreKeptAndSpentWhereItHelps) {
  problem.budgets.bytes = 1000 + 6 * 400;
  PrecisionOutcome outcome = search();
  const PrecisionTrial &best = outcome.trials[outcome.best];
  EXPECT_TRUE(outcome.broken.empty());
  EXPECT_LE(best.bytes, *problem.budgets.bytes);
  // The rare slice needs the last tensor at 8 bits; the others pay for it.
  EXPECT_EQ(best.chosen.back(), 2u);
  for (const PrecisionTrial &trial : outcome.trials)
    if (trial.origin == "uniform s4")
      EXPECT_LT(best.drops.slices[1].value, trial.drops.slices[1].value);
}

TEST_F(PrecisionSearchTest, NeverWorseThanSimpleRules) {
  for (int64_t bytes : {2300, 2800, 3400, 4200, 5300}) {
    problem.budgets.bytes = bytes;
    PrecisionOutcome outcome = search();
    auto score = [](const PrecisionTrial &trial) {
      return trial.drops.all.value +
             std::max(trial.drops.slices[0].value, trial.drops.slices[1].value);
    };
    for (auto &[name, chosen] : makeSimpleMixes(problem, bytes)) {
      MeasuredDrops drops = *measure(chosen);
      EXPECT_LE(countBytes(problem, chosen), bytes) << name;
      EXPECT_LE(score(outcome.trials[outcome.best]), score({name, chosen, 0, drops})) << name;
    }
  }
}

TEST_F(PrecisionSearchTest, TheSmallestThatKeepsTheDrops) {
  problem.budgets.drop = 3;
  PrecisionOutcome average = search();
  problem.budgets.sliceDrop = 3.2;
  PrecisionOutcome both = search();
  for (const PrecisionOutcome *outcome : {&average, &both}) {
    const PrecisionTrial &best = outcome->trials[outcome->best];
    EXPECT_TRUE(outcome->broken.empty());
    EXPECT_LE(best.drops.all.value, 3);
    EXPECT_LT(best.bytes, 1000 + 6 * 800);
  }
  // The budget on slices costs bytes, which go to the tensor that the slice needs.
  const PrecisionTrial &free = average.trials[average.best], &bound = both.trials[both.best];
  EXPECT_GT(free.drops.slices[1].low, 3.2);
  EXPECT_LE(bound.drops.slices[1].low, 3.2);
  EXPECT_GT(bound.chosen.back(), free.chosen.back());
}

TEST_F(PrecisionSearchTest, SaysWhichBudgetBindsAndWhatWouldDo) {
  problem.budgets.bytes = 1000 + 6 * 300;
  problem.budgets.sliceDrop = 2;
  PrecisionOutcome outcome = search();
  ASSERT_EQ(outcome.broken.size(), 1u);
  EXPECT_EQ(outcome.broken[0].find("--max-slice-drop=2%: in the slice 'common' it is "), 0u)
      << outcome.broken[0];
  ASSERT_TRUE(outcome.nearest.has_value());
  const PrecisionTrial &nearest = outcome.trials[*outcome.nearest];
  EXPECT_GT(nearest.bytes, *problem.budgets.bytes);
  EXPECT_LE(nearest.drops.slices[0].low, 2);
  EXPECT_LE(nearest.drops.slices[1].low, 2);

  problem.budgets = {1500, std::nullopt, std::nullopt};
  outcome = search();
  ASSERT_EQ(outcome.broken.size(), 1u);
  EXPECT_EQ(outcome.broken[0], "--max-weights=1500: the smallest mix has 2200 bytes of weights");

  problem.budgets = {std::nullopt, 1e-6, std::nullopt};
  outcome = search();
  ASSERT_EQ(outcome.broken.size(), 1u);
  EXPECT_EQ(outcome.broken[0].find("--max-drop=1e-06%: it is "), 0u) << outcome.broken[0];
  EXPECT_FALSE(outcome.nearest.has_value());
}

TEST_F(PrecisionSearchTest, NoiseOfASmallSliceDoesNotDecide) {
  MeasuredDrops drops = {{1, 0.9, 1.1}, {{2, 1.5, 2.5}, {9, -3, 20}}};
  EXPECT_EQ(findWorstSlice(drops), 0u);
  EXPECT_EQ(findWorstSlice({{1, 1, 1}, {}}), std::nullopt);
}

TEST_F(PrecisionSearchTest, BlamesTheTensorsOfASlice) {
  std::vector<size_t> all(6);
  auto ranks = rankTensors(problem, all, 2);
  EXPECT_EQ(ranks[0].first, 5u);
  EXPECT_GT(ranks[0].second, 0.95);
  auto common = rankTensors(problem, all, 1);
  EXPECT_LT(common[0].second, 0.3);
}

TEST_F(PrecisionSearchTest, TheFrontSpansAllSizes) {
  problem.budgets.bytes = 3000;
  PrecisionOutcome outcome = search(5);
  int64_t low = INT64_MAX, high = 0;
  for (const PrecisionTrial &trial : outcome.trials) {
    low = std::min(low, trial.bytes);
    high = std::max(high, trial.bytes);
  }
  EXPECT_EQ(low, 1000 + 6 * 200);
  EXPECT_EQ(high, 1000 + 6 * 800);
  EXPECT_EQ(static_cast<size_t>(measured), outcome.trials.size()); // none twice
  for (auto &[name, chosen] : makeUniformMixes(problem))
    EXPECT_TRUE(llvm::any_of(outcome.trials, [&mix = chosen](const PrecisionTrial &trial) {
      return trial.chosen == mix;
    })) << name;
}

TEST_F(PrecisionSearchTest, UniformKeepsWhatIsDecided) {
  problem.tensors[2].options.erase(problem.tensors[2].options.begin(),
                                   problem.tensors[2].options.begin() + 2);
  auto mixes = makeUniformMixes(problem);
  ASSERT_EQ(mixes.size(), 3u);
  EXPECT_EQ(mixes[1].first, "uniform s4");
  EXPECT_EQ(mixes[1].second, (std::vector<size_t>{1, 1, 0, 1, 1, 1}));
}
