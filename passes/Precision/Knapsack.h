// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_PRECISION_KNAPSACK_H
#define QUERN_PASSES_PRECISION_KNAPSACK_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace quern {

/// One way to store a tensor.
struct KnapsackItem {
  int64_t cost = 0; ///< bytes, say; not negative
  double loss = 0;  ///< what it costs in accuracy; finite, may be negative
};

/// The items of one tensor, of which exactly one is chosen.
using KnapsackGroup = std::vector<KnapsackItem>;

struct KnapsackSolution {
  std::vector<size_t> chosen; ///< an item of each group
  int64_t cost = 0;
  double loss = 0;
  /// No choice within the budget loses less: that of the Lagrangian relaxation, or `loss` itself
  /// where the solution was proved the best.
  double bound = 0;
  bool isProved = false;
};

/// The choice of one item of each group that loses least among those that cost no more than
/// `budget` (the multiple-choice knapsack problem; Kellerer, Pferschy and Pisinger 2004, chapter
/// 11). The Lagrangian relaxation gives a bound and, filled up, a first solution; then partial
/// choices are extended group by group, of which those go that another one dominates or whose bound
/// is not below the best solution. Where they become too many, the best known solution is returned
/// unproved. Nothing if even the cheapest items cost too much.
std::optional<KnapsackSolution> solveKnapsack(llvm::ArrayRef<KnapsackGroup> groups, int64_t budget);

/// The costs of the solutions of the relaxation: budgets at which it needs no fraction, from the
/// cheapest choice to the one that loses least. Between two of them nothing better than their
/// mixture exists.
std::vector<int64_t> getSupportedCosts(llvm::ArrayRef<KnapsackGroup> groups);

} // namespace quern

#endif // QUERN_PASSES_PRECISION_KNAPSACK_H
