// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Precision/PrecisionSearch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>

using llvm::Error;
using llvm::Expected;

namespace quern {

/// How often the weights of slices are adapted at one budget of bytes.
static constexpr unsigned rounds = 4;
/// How often the bytes are halved in when only drops are given.
static constexpr unsigned bisections = 6;

int64_t countBytes(const PrecisionProblem &problem, llvm::ArrayRef<size_t> chosen) {
  int64_t bytes = problem.fixedBytes;
  for (auto [tensor, option] : llvm::zip_equal(problem.tensors, chosen))
    bytes += tensor.options[option].bytes;
  return bytes;
}

std::optional<size_t> findWorstSlice(const MeasuredDrops &drops) {
  if (drops.slices.empty())
    return std::nullopt;
  auto worst = llvm::max_element(
      drops.slices, [](const Interval &a, const Interval &b) { return a.low < b.low; });
  return worst - drops.slices.begin();
}

std::vector<std::pair<size_t, double>> rankTensors(const PrecisionProblem &problem,
                                                   llvm::ArrayRef<size_t> chosen, size_t slice) {
  std::vector<std::pair<size_t, double>> ranks;
  double sum = 0;
  for (auto [index, tensor] : llvm::enumerate(problem.tensors)) {
    double loss = std::max(0.0, tensor.options[chosen[index]].losses[slice]);
    ranks.emplace_back(index, loss);
    sum += loss;
  }
  for (auto &rank : ranks)
    rank.second = sum > 0 ? rank.second / sum : 0;
  llvm::sort(ranks, [](const auto &a, const auto &b) {
    return std::pair(-a.second, a.first) < std::pair(-b.second, b.first);
  });
  return ranks;
}

namespace {

/// One search.
class Search {
public:
  Search(const PrecisionProblem &problem, MeasureMix measure)
      : problem(problem), measure(measure) {}
  Expected<PrecisionOutcome> run(unsigned frontPoints);

private:
  Expected<size_t> tryMix(std::string origin, std::vector<size_t> chosen);
  Error searchWithin(int64_t bytes, unsigned roundsHere, bool withSimple);
  Error searchSmallest();
  Error drawFront(unsigned points);
  std::vector<KnapsackGroup> makeGroups(llvm::ArrayRef<double> weights) const;
  std::vector<double> weighSlices(const MeasuredDrops &drops, double sharpness) const;
  double getViolation(const PrecisionTrial &trial) const;
  double getScore(const PrecisionTrial &trial) const;
  size_t findBest() const;
  std::optional<size_t> findNearest() const;
  std::vector<std::string> describeBroken(const PrecisionTrial &trial) const;
  int64_t countExtreme(bool largest) const;

  const PrecisionProblem &problem;
  MeasureMix measure;
  std::vector<PrecisionTrial> trials;
};

} // namespace

int64_t Search::countExtreme(bool largest) const {
  int64_t bytes = problem.fixedBytes;
  for (const PrecisionTensor &tensor : problem.tensors) {
    auto [low, high] = std::minmax_element(
        tensor.options.begin(), tensor.options.end(),
        [](const PrecisionOption &a, const PrecisionOption &b) { return a.bytes < b.bytes; });
    bytes += largest ? high->bytes : low->bytes;
  }
  return bytes;
}

/// The number of the trial, which may have been measured before.
Expected<size_t> Search::tryMix(std::string origin, std::vector<size_t> chosen) {
  for (auto [index, trial] : llvm::enumerate(trials))
    if (trial.chosen == chosen)
      return index;
  auto drops = measure(chosen);
  if (!drops)
    return drops.takeError();
  int64_t bytes = countBytes(problem, chosen);
  trials.push_back({std::move(origin), std::move(chosen), bytes, std::move(*drops)});
  return trials.size() - 1;
}

std::vector<KnapsackGroup> Search::makeGroups(llvm::ArrayRef<double> weights) const {
  std::vector<KnapsackGroup> groups;
  for (const PrecisionTensor &tensor : problem.tensors) {
    KnapsackGroup &group = groups.emplace_back();
    for (const PrecisionOption &option : tensor.options) {
      double loss = 0;
      for (auto [value, weight] : llvm::zip_equal(option.losses, weights))
        loss += value * weight;
      group.push_back({option.bytes, loss});
    }
  }
  return groups;
}

/// All samples alike, and beside that the slices the more the further they fell.
std::vector<double> Search::weighSlices(const MeasuredDrops &drops, double sharpness) const {
  std::vector<double> weights = {1};
  double worst = 0, sum = 0;
  for (const Interval &slice : drops.slices)
    worst = std::max(worst, slice.value);
  for (const Interval &slice : drops.slices) {
    weights.push_back(worst > 0 ? std::exp(sharpness * (slice.value / worst - 1)) : 0);
    sum += weights.back();
  }
  for (double &weight : llvm::MutableArrayRef(weights).drop_front())
    weight = sum > 0 ? weight / sum * sharpness : 0;
  return weights;
}

Error Search::searchWithin(int64_t bytes, unsigned roundsHere, bool withSimple) {
  std::vector<double> weights(1 + problem.slices.size());
  weights[0] = 1;
  for (unsigned round = 0; round < roundsHere; ++round) {
    auto solution = solveKnapsack(makeGroups(weights), bytes - problem.fixedBytes);
    if (!solution)
      return Error::success();
    auto trial = tryMix("search", solution->chosen);
    if (!trial)
      return trial.takeError();
    if (problem.slices.empty())
      break;
    weights = weighSlices(trials[*trial].drops, 2 << round);
  }
  if (withSimple)
    for (auto &[origin, chosen] : makeSimpleMixes(problem, bytes)) {
      auto trial = tryMix(origin, chosen);
      if (!trial)
        return trial.takeError();
    }
  return Error::success();
}

/// The bytes are halved in between the smallest and the largest mix.
Error Search::searchSmallest() {
  int64_t low = countExtreme(false), high = countExtreme(true);
  auto isKept = [&](int64_t bytes) -> Expected<bool> {
    size_t before = trials.size();
    if (Error error = searchWithin(bytes, /*roundsHere=*/2, /*withSimple=*/false))
      return std::move(error);
    return llvm::any_of(llvm::drop_begin(trials, before),
                        [&](const PrecisionTrial &trial) { return getViolation(trial) <= 0; });
  };
  auto largest = isKept(high);
  if (!largest || !*largest)
    return largest.takeError();
  for (unsigned step = 0; step < bisections && high - low > (high - problem.fixedBytes) / 100;
       ++step) {
    int64_t middle = low + (high - low) / 2;
    auto kept = isKept(middle);
    if (!kept)
      return kept.takeError();
    (*kept ? high : low) = middle;
  }
  return Error::success();
}

/// Sizes in equal ratios, and all tensors alike.
Error Search::drawFront(unsigned points) {
  if (points)
    for (auto &[origin, chosen] : makeUniformMixes(problem))
      if (auto trial = tryMix(origin, chosen); !trial)
        return trial.takeError();
  auto low = static_cast<double>(countExtreme(false) - problem.fixedBytes);
  auto high = static_cast<double>(countExtreme(true) - problem.fixedBytes);
  for (unsigned point = 0; point < points; ++point) {
    double part = points > 1 ? static_cast<double>(point) / (points - 1) : 0;
    auto bytes = static_cast<int64_t>(std::ceil(low * std::pow(high / low, part)));
    if (Error error = searchWithin(problem.fixedBytes + bytes, 1, /*withSimple=*/false))
      return error;
  }
  return Error::success();
}

/// By how much the budget on drops that is exceeded most is exceeded, as a part of it.
double Search::getViolation(const PrecisionTrial &trial) const {
  const PrecisionBudgets &budgets = problem.budgets;
  double violation = 0;
  auto consider = [&](double value, double limit) {
    if (value > limit)
      violation = std::max(violation, (value - limit) / std::max(limit, 1e-3));
  };
  if (budgets.drop)
    consider(trial.drops.all.value, *budgets.drop);
  if (budgets.sliceDrop)
    if (auto worst = findWorstSlice(trial.drops))
      consider(trial.drops.slices[*worst].low, *budgets.sliceDrop);
  return violation;
}

/// What is made small within the budgets: the drop over all samples, and where there are slices as
/// much the largest of theirs.
double Search::getScore(const PrecisionTrial &trial) const {
  double score = trial.drops.all.value, worst = -std::numeric_limits<double>::infinity();
  for (const Interval &slice : trial.drops.slices)
    worst = std::max(worst, slice.value);
  return trial.drops.slices.empty() ? score : score + worst;
}

size_t Search::findBest() const {
  auto rank = [&](const PrecisionTrial &trial) {
    // Bytes are known before anything is measured: what has too many is no answer.
    int64_t excess =
        problem.budgets.bytes ? std::max<int64_t>(0, trial.bytes - *problem.budgets.bytes) : 0;
    double violation = getViolation(trial);
    // Without a budget of bytes the smallest wins of those that keep the others.
    int64_t size = problem.budgets.bytes || violation > 0 ? 0 : trial.bytes;
    return std::tuple(excess, violation, size, getScore(trial), trial.bytes);
  };
  auto best = llvm::min_element(
      trials, [&](const PrecisionTrial &a, const PrecisionTrial &b) { return rank(a) < rank(b); });
  return best - trials.begin();
}

std::optional<size_t> Search::findNearest() const {
  std::optional<size_t> nearest;
  for (auto [index, trial] : llvm::enumerate(trials))
    if (getViolation(trial) <= 0 && (!nearest || trial.bytes < trials[*nearest].bytes))
      nearest = index;
  return nearest;
}

/// As a user would write it.
static std::string print(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", number);
  return text;
}

static std::string print(const Interval &drop) {
  return llvm::formatv("{0:F2}% ({1:F2}..{2:F2})", drop.value, drop.low, drop.high);
}

std::vector<std::string> Search::describeBroken(const PrecisionTrial &trial) const {
  const PrecisionBudgets &budgets = problem.budgets;
  std::vector<std::string> broken;
  if (budgets.bytes && trial.bytes > *budgets.bytes)
    broken.push_back("--max-weights=" + std::to_string(*budgets.bytes) + ": the smallest mix has " +
                     std::to_string(trial.bytes) + " bytes of weights");
  if (budgets.drop && trial.drops.all.value > *budgets.drop)
    broken.push_back("--max-drop=" + print(*budgets.drop) + "%: it is " + print(trial.drops.all));
  auto worst = findWorstSlice(trial.drops);
  if (budgets.sliceDrop && worst && trial.drops.slices[*worst].low > *budgets.sliceDrop)
    broken.push_back("--max-slice-drop=" + print(*budgets.sliceDrop) + "%: in the slice '" +
                     problem.slices[*worst] + "' it is " + print(trial.drops.slices[*worst]));
  return broken;
}

Expected<PrecisionOutcome> Search::run(unsigned frontPoints) {
  const PrecisionBudgets &budgets = problem.budgets;
  int64_t smallest = countExtreme(false);
  bool hasDrops = budgets.drop || budgets.sliceDrop;
  if (budgets.bytes) {
    if (Error error = searchWithin(std::max(*budgets.bytes, smallest), rounds, true))
      return std::move(error);
  } else if (Error error = searchSmallest()) {
    return std::move(error);
  }
  PrecisionOutcome outcome;
  outcome.broken = describeBroken(trials[findBest()]);
  // How many bytes would it take?
  if (!outcome.broken.empty() && budgets.bytes && hasDrops)
    if (Error error = searchSmallest())
      return std::move(error);
  if (Error error = drawFront(frontPoints))
    return std::move(error);
  outcome.best = findBest();
  outcome.broken = describeBroken(trials[outcome.best]);
  if (!outcome.broken.empty())
    outcome.nearest = findNearest();
  outcome.trials = std::move(trials);
  return std::move(outcome);
}

Expected<PrecisionOutcome> searchPrecision(const PrecisionProblem &problem, MeasureMix measure,
                                           unsigned frontPoints) {
  return Search(problem, measure).run(frontPoints);
}

} // namespace quern
