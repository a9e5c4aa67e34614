// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Precision/Knapsack.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

namespace quern {

/// Partial choices that are kept; past this many the search gives up on a proof.
static constexpr size_t maxStates = 200000;
/// Above this many groups the relaxation is as good as the solution.
static constexpr size_t maxExactGroups = 512;

namespace {

/// From one item of a group to the next larger one of its convex hull.
struct Step {
  size_t group, from, to;
  int64_t cost; ///< more
  double gain;  ///< less loss
  double getRate() const { return gain / static_cast<double>(cost); }
};

/// A group without items that another one beats in both cost and loss, by cost; and those of them
/// on the lower convex hull.
struct Reduced {
  std::vector<size_t> items, hull;
};

/// The relaxation of the groups from some number on: the least loss for a budget, in which one
/// group may take a mixture of two items.
class Relaxation {
public:
  Relaxation(llvm::ArrayRef<Step> steps, size_t firstGroup, int64_t cost, double loss)
      : baseCost(cost), baseLoss(loss) {
    for (const Step &step : steps)
      if (step.group >= firstGroup) {
        costs.push_back((costs.empty() ? 0 : costs.back()) + step.cost);
        gains.push_back((gains.empty() ? 0 : gains.back()) + step.gain);
      }
  }
  /// Infinite if nothing fits.
  double getBound(int64_t budget) const {
    int64_t room = budget - baseCost;
    if (room < 0)
      return std::numeric_limits<double>::infinity();
    size_t taken = llvm::upper_bound(costs, room) - costs.begin();
    double loss = baseLoss - (taken ? gains[taken - 1] : 0);
    if (taken == costs.size())
      return loss;
    int64_t before = taken ? costs[taken - 1] : 0;
    double gain = gains[taken] - (taken ? gains[taken - 1] : 0);
    return loss -
           gain * static_cast<double>(room - before) / static_cast<double>(costs[taken] - before);
  }

private:
  int64_t baseCost;
  double baseLoss;
  std::vector<int64_t> costs;
  std::vector<double> gains;
};

/// One problem.
class Solver {
public:
  Solver(llvm::ArrayRef<KnapsackGroup> groups, int64_t budget);
  std::optional<KnapsackSolution> run();
  std::vector<int64_t> getSupportedCosts() const;

private:
  struct State {
    int64_t cost;
    double loss;
    uint32_t parent;
    uint32_t item;
  };
  void reduce(size_t group);
  void addSteps(size_t group);
  KnapsackSolution relax() const;
  void fill(KnapsackSolution &solution) const;
  bool prove(KnapsackSolution &best) const;
  std::vector<State> extend(llvm::ArrayRef<State> states, size_t group, double best,
                            const Relaxation &rest) const;
  KnapsackSolution trace(llvm::ArrayRef<std::vector<State>> levels) const;
  const KnapsackItem &item(size_t group, size_t index) const { return groups[group][index]; }

  llvm::ArrayRef<KnapsackGroup> groups;
  int64_t budget;
  std::vector<Reduced> reduced;
  std::vector<Step> steps; ///< of all groups, by falling rate
};

} // namespace

Solver::Solver(llvm::ArrayRef<KnapsackGroup> groups, int64_t budget)
    : groups(groups), budget(budget), reduced(groups.size()) {
  for (size_t group = 0; group < groups.size(); ++group) {
    assert(!groups[group].empty() && "a group has items");
    reduce(group);
    addSteps(group);
  }
  // Within a group rates fall along the hull.
  llvm::sort(steps, [](const Step &a, const Step &b) {
    return std::pair(-a.getRate(), a.group) < std::pair(-b.getRate(), b.group);
  });
}

void Solver::reduce(size_t group) {
  std::vector<size_t> order(groups[group].size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    const KnapsackItem &x = item(group, a), &y = item(group, b);
    return std::tuple(x.cost, x.loss, a) < std::tuple(y.cost, y.loss, b);
  });
  Reduced &result = reduced[group];
  for (size_t index : order)
    if (result.items.empty() || item(group, index).loss < item(group, result.items.back()).loss)
      result.items.push_back(index);
  auto rate = [&](size_t a, size_t b) {
    return (item(group, a).loss - item(group, b).loss) /
           static_cast<double>(item(group, b).cost - item(group, a).cost);
  };
  for (size_t index : result.items) {
    while (result.hull.size() > 1 && rate(result.hull[result.hull.size() - 2],
                                          result.hull.back()) <= rate(result.hull.back(), index))
      result.hull.pop_back();
    result.hull.push_back(index);
  }
}

void Solver::addSteps(size_t group) {
  llvm::ArrayRef<size_t> hull = reduced[group].hull;
  for (size_t i = 1; i < hull.size(); ++i) {
    const KnapsackItem &from = item(group, hull[i - 1]), &to = item(group, hull[i]);
    steps.push_back({group, hull[i - 1], hull[i], to.cost - from.cost, from.loss - to.loss});
  }
}

/// Steps in the order of their rates as long as they fit; `bound` has the fraction of the first
/// that does not.
KnapsackSolution Solver::relax() const {
  KnapsackSolution solution;
  for (size_t group = 0; group < groups.size(); ++group) {
    size_t first = reduced[group].hull.front();
    solution.chosen.push_back(first);
    solution.cost += item(group, first).cost;
    solution.loss += item(group, first).loss;
  }
  solution.bound = Relaxation(steps, 0, solution.cost, solution.loss).getBound(budget);
  for (const Step &step : steps) {
    if (solution.cost + step.cost > budget || solution.chosen[step.group] != step.from)
      continue;
    solution.chosen[step.group] = step.to;
    solution.cost += step.cost;
    solution.loss -= step.gain;
  }
  return solution;
}

/// Any exchange of one item that fits and loses less, the best first.
void Solver::fill(KnapsackSolution &solution) const {
  while (true) {
    double gain = 0;
    size_t bestGroup = 0, bestItem = 0;
    for (size_t group = 0; group < groups.size(); ++group) {
      const KnapsackItem &now = item(group, solution.chosen[group]);
      for (size_t index : reduced[group].items) {
        const KnapsackItem &other = item(group, index);
        if (solution.cost - now.cost + other.cost <= budget && now.loss - other.loss > gain) {
          gain = now.loss - other.loss;
          std::tie(bestGroup, bestItem) = std::pair(group, index);
        }
      }
    }
    if (gain <= 0)
      return;
    const KnapsackItem &now = item(bestGroup, solution.chosen[bestGroup]);
    const KnapsackItem &other = item(bestGroup, bestItem);
    solution.cost += other.cost - now.cost;
    solution.loss += other.loss - now.loss;
    solution.chosen[bestGroup] = bestItem;
  }
}

/// The states with one more group's items: undominated, and with a bound below `best`.
std::vector<Solver::State> Solver::extend(llvm::ArrayRef<State> states, size_t group, double best,
                                          const Relaxation &rest) const {
  std::vector<State> next;
  for (auto [parent, state] : llvm::enumerate(states))
    for (size_t index : reduced[group].items) {
      int64_t cost = state.cost + item(group, index).cost;
      double loss = state.loss + item(group, index).loss;
      if (cost <= budget && loss + rest.getBound(budget - cost) < best)
        next.push_back({cost, loss, static_cast<uint32_t>(parent), static_cast<uint32_t>(index)});
    }
  llvm::sort(next, [](const State &a, const State &b) {
    return std::pair(a.cost, a.loss) < std::pair(b.cost, b.loss);
  });
  std::vector<State> kept;
  for (const State &state : next)
    if (kept.empty() || state.loss < kept.back().loss)
      kept.push_back(state);
  return kept;
}

KnapsackSolution Solver::trace(llvm::ArrayRef<std::vector<State>> levels) const {
  KnapsackSolution solution;
  const auto &last = levels.back();
  auto best =
      llvm::min_element(last, [](const State &a, const State &b) { return a.loss < b.loss; });
  solution.cost = best->cost;
  solution.loss = best->loss;
  solution.chosen.resize(groups.size());
  size_t at = best - last.begin();
  for (size_t group = groups.size(); group-- > 0;) {
    const State &state = levels[group + 1][at];
    solution.chosen[group] = state.item;
    at = state.parent;
  }
  return solution;
}

/// Replaces the solution by a better one until there is none; false if there were too many states.
bool Solver::prove(KnapsackSolution &best) const {
  if (groups.size() > maxExactGroups)
    return false;
  std::vector<Relaxation> rests;
  int64_t cost = 0;
  double loss = 0;
  for (size_t group = groups.size(); group-- > 0;) {
    rests.emplace_back(steps, group + 1, cost, loss);
    const KnapsackItem &first = item(group, reduced[group].hull.front());
    cost += first.cost;
    loss += first.loss;
  }
  // Sums in another order round differently: what is not better by more than that is equal.
  double margin = 1e-12 * (std::abs(best.loss) + std::abs(loss) + 1e-300);
  std::vector<std::vector<State>> levels = {{State{0, 0, 0, 0}}};
  for (size_t group = 0; group < groups.size(); ++group) {
    levels.push_back(
        extend(levels.back(), group, best.loss - margin, rests[groups.size() - 1 - group]));
    if (levels.back().empty())
      return true;
    if (levels.back().size() > maxStates)
      return false;
  }
  KnapsackSolution found = trace(levels);
  found.bound = best.bound;
  best = found;
  return true;
}

std::optional<KnapsackSolution> Solver::run() {
  KnapsackSolution solution = relax();
  if (solution.cost > budget)
    return std::nullopt;
  fill(solution);
  solution.isProved = prove(solution);
  if (solution.isProved)
    solution.bound = solution.loss;
  return solution;
}

std::vector<int64_t> Solver::getSupportedCosts() const {
  int64_t cost = 0;
  for (size_t group = 0; group < groups.size(); ++group)
    cost += item(group, reduced[group].hull.front()).cost;
  std::vector<int64_t> costs = {cost};
  for (const Step &step : steps)
    costs.push_back(cost += step.cost);
  return costs;
}

std::optional<KnapsackSolution> solveKnapsack(llvm::ArrayRef<KnapsackGroup> groups,
                                              int64_t budget) {
  return Solver(groups, budget).run();
}

std::vector<int64_t> getSupportedCosts(llvm::ArrayRef<KnapsackGroup> groups) {
  return Solver(groups, 0).getSupportedCosts();
}

} // namespace quern
