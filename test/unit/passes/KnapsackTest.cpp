// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Precision/Knapsack.h"

#include <gtest/gtest.h>
#include <random>

using namespace quern;

/// The least loss within the budget, by trying everything.
static std::optional<double> tryAll(const std::vector<KnapsackGroup> &groups, int64_t budget,
                                    size_t group = 0) {
  if (group == groups.size())
    return budget >= 0 ? std::optional(0.0) : std::nullopt;
  std::optional<double> best;
  for (const KnapsackItem &item : groups[group])
    if (auto rest = tryAll(groups, budget - item.cost, group + 1))
      if (!best || *rest + item.loss < *best)
        best = *rest + item.loss;
  return best;
}

static std::vector<KnapsackGroup> makeGroups(std::mt19937 &random, size_t count, size_t items,
                                             int kind) {
  std::vector<KnapsackGroup> groups(count);
  for (KnapsackGroup &group : groups)
    for (size_t i = 0; i < items; ++i) {
      auto cost = static_cast<int64_t>(random() % 100);
      double noise = static_cast<double>(random() % 1000) / 1000;
      // Unrelated to the cost; falling with it, as precision does; the same rate for all.
      double loss = kind == 0   ? noise - 0.2
                    : kind == 1 ? std::exp(-static_cast<double>(cost) / 20) * (1 + noise)
                                : 1 - static_cast<double>(cost) / 100;
      group.push_back({cost, loss});
    }
  return groups;
}

static void checkSolution(const std::vector<KnapsackGroup> &groups, int64_t budget,
                          const KnapsackSolution &solution) {
  int64_t cost = 0;
  double loss = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    cost += groups[i][solution.chosen[i]].cost;
    loss += groups[i][solution.chosen[i]].loss;
  }
  EXPECT_EQ(cost, solution.cost);
  EXPECT_NEAR(loss, solution.loss, 1e-9);
  EXPECT_LE(cost, budget);
  EXPECT_LE(solution.bound, solution.loss + 1e-9);
}

TEST(Knapsack, EqualsTryingEverything) {
  std::mt19937 random(7); // NOLINT(bugprone-random-generator-seed): the same in every run
  int solved = 0;
  for (int round = 0; round < 600; ++round) {
    size_t count = 1 + random() % 6, items = 1 + random() % 5;
    auto groups = makeGroups(random, count, items, round % 3);
    auto budget = static_cast<int64_t>(random() % (100 * count));
    auto expected = tryAll(groups, budget);
    auto solution = solveKnapsack(groups, budget);
    ASSERT_EQ(solution.has_value(), expected.has_value()) << round;
    if (!solution)
      continue;
    ++solved;
    checkSolution(groups, budget, *solution);
    EXPECT_TRUE(solution->isProved);
    EXPECT_NEAR(solution->loss, *expected, 1e-9) << round;
  }
  EXPECT_GT(solved, 300);
}

TEST(Knapsack, SolvesTheSizeOfAModel) {
  // 100 layers of 12 options whose bytes and losses span orders of magnitude.
  std::mt19937 random(11); // NOLINT(bugprone-random-generator-seed): the same in every run
  std::vector<KnapsackGroup> groups(100);
  int64_t high = 0;
  for (KnapsackGroup &group : groups) {
    auto weights = static_cast<int64_t>(1000 + random() % 2000000);
    double sensitivity = std::exp(static_cast<double>(random() % 1000) / 100);
    for (int bits = 2; bits < 14; ++bits)
      group.push_back(
          {weights * bits / 8 + 17 * bits,
           sensitivity * std::exp2(-2.0 * bits) * (1 + static_cast<double>(random() % 100) / 200)});
    high += group.back().cost;
  }
  for (double part : {0.2, 0.35, 0.5, 0.8}) {
    auto budget = static_cast<int64_t>(part * static_cast<double>(high));
    auto solution = solveKnapsack(groups, budget);
    ASSERT_TRUE(solution.has_value());
    checkSolution(groups, budget, *solution);
    // Proved or not, it is within a thousandth of what nothing can beat.
    EXPECT_LE(solution->loss, solution->bound * 1.001);
  }
}

TEST(Knapsack, TheEndsOfTheBudget) {
  std::vector<KnapsackGroup> groups = {{{5, 3}, {9, 1}}, {{4, 2}, {4, 1}, {20, 0}}};
  EXPECT_FALSE(solveKnapsack(groups, 8).has_value());
  auto least = solveKnapsack(groups, 9);
  ASSERT_TRUE(least.has_value());
  EXPECT_EQ(least->chosen, (std::vector<size_t>{0, 1})); // of equal costs the smaller loss
  EXPECT_EQ(solveKnapsack(groups, 29)->loss, 1);
  EXPECT_EQ(solveKnapsack(groups, INT64_MAX / 4)->loss, 1);
  EXPECT_EQ(getSupportedCosts(groups), (std::vector<int64_t>{9, 13, 29}));
}
