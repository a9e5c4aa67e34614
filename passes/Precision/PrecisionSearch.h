// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_PRECISION_PRECISIONSEARCH_H
#define QUERN_PASSES_PRECISION_PRECISIONSEARCH_H

#include "passes/Precision/Knapsack.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace quern {

/// A figure with its 95 % interval.
struct Interval {
  double value = 0, low = 0, high = 0;
};

/// One way to store a tensor.
struct PrecisionOption {
  std::string name;  ///< as a recipe writes it: "s4", "s3/32" (with a scale for each 32 inputs)
  int64_t bytes = 0; ///< codes, scales and zero points
  /// What the model is expected to lose when only this tensor is stored so, in nats: over all
  /// samples, then in each slice. Of several tensors these are added.
  std::vector<double> losses;
  /// Squared error of the weights over their square, for comparison with what looks at nothing
  /// else.
  double weightError = 0;
};

struct PrecisionTensor {
  std::string node; ///< its name, for messages
  int64_t weights = 0;
  std::vector<PrecisionOption> options; ///< one at least
};

/// What the user allows. Drops are in percent (of accuracy: points; of perplexity: how much larger
/// it is).
struct PrecisionBudgets {
  std::optional<int64_t> bytes;    ///< of all weights of the model
  std::optional<double> drop;      ///< over all samples: the value itself
  std::optional<double> sliceDrop; ///< of each slice: broken where its whole interval is above
};

struct PrecisionProblem {
  std::vector<PrecisionTensor> tensors;
  int64_t fixedBytes = 0; ///< of constants about which nothing is decided
  std::vector<std::string> slices;
  PrecisionBudgets budgets;
};

/// What a mix loses: measured on the model that it makes.
struct MeasuredDrops {
  Interval all;
  std::vector<Interval> slices;
};

/// A mix that was measured.
struct PrecisionTrial {
  std::string origin; ///< "search", "uniform s4", …
  std::vector<size_t> chosen;
  int64_t bytes = 0;
  MeasuredDrops drops;
};

struct PrecisionOutcome {
  std::vector<PrecisionTrial> trials;
  size_t best = 0; ///< of the trials
  /// The budgets that `best` breaks, in words; empty: none.
  std::vector<std::string> broken;
  /// If budgets are broken: the trial with the fewest bytes that keeps those on drops, if any does.
  std::optional<size_t> nearest;
};

using MeasureMix = llvm::function_ref<llvm::Expected<MeasuredDrops>(llvm::ArrayRef<size_t>)>;

/// Finds the mix that loses least within the bytes, or, without a budget of bytes, the smallest
/// that keeps the others. Mixes come from knapsacks over the expected losses, in which slices
/// that suffer weigh more from round to round, and from what simpler rules would choose; each is
/// measured, and measurements alone decide. With `frontPoints` (0: none)
/// that many mixes more, from the smallest to the largest, and all uniform ones are measured for
/// pictures.
llvm::Expected<PrecisionOutcome> searchPrecision(const PrecisionProblem &problem,
                                                 MeasureMix measure, unsigned frontPoints);

/// What simpler rules would choose within the bytes, for comparison: all tensors alike, all but the
/// first and last alike (which get the largest option), and from the smallest on that tensor made
/// larger whose weights are furthest off. Names of origin and choices; only what fits.
std::vector<std::pair<std::string, std::vector<size_t>>>
makeSimpleMixes(const PrecisionProblem &problem, int64_t bytes);

/// All tensors alike, by each option that all have; those with only one option keep it.
std::vector<std::pair<std::string, std::vector<size_t>>>
makeUniformMixes(const PrecisionProblem &problem);

int64_t countBytes(const PrecisionProblem &problem, llvm::ArrayRef<size_t> chosen);

/// The slice with the largest drop among those whose figure is not noise: by the lower end of the
/// interval. Nothing if there are no slices.
std::optional<size_t> findWorstSlice(const MeasuredDrops &drops);

/// The tensors by how much of a slice's loss (0: of all samples) is expected of them, the largest
/// first, with their part of the whole.
std::vector<std::pair<size_t, double>> rankTensors(const PrecisionProblem &problem,
                                                   llvm::ArrayRef<size_t> chosen, size_t slice);

} // namespace quern

#endif // QUERN_PASSES_PRECISION_PRECISIONSEARCH_H
