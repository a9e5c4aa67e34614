// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_EVALUATE_SCORING_H
#define QUERN_COMPILER_EVALUATE_SCORING_H

#include "compiler/data/DataSet.h"
#include "compiler/evaluate/Metrics.h"
#include "passes/Interfaces/ModelRunner.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace quern {

/// What models are scored by, and on which samples.
struct ScoringOptions {
  std::vector<const Metric *> metrics;
  std::string output; ///< to look at; empty: the first
  /// The samples of the set, each once; empty: all.
  std::vector<size_t> samples;
  llvm::function_ref<void(size_t done, size_t total)> onProgress = nullptr;
};

/// A metric's score of each sample, in the order of the options; a table for each metric.
using ScoreTable = std::vector<std::vector<Score>>;

/// Runs a model, and the reference beside it if there is one, over the samples. The set must fit
/// the models' inputs, and have what the metrics need. Only one sample's outputs are kept at a
/// time.
llvm::Expected<ScoreTable> scoreModel(const CompiledModel &model, const CompiledModel *reference,
                                      data::DataSet &set, const ScoringOptions &options);

/// Some samples of a data set: all, or those of a slice.
struct SampleGroup {
  std::string name;
  std::vector<size_t> samples;
};

/// All samples ("all"), then the slices of a column by name; without a column only the first.
llvm::Expected<std::vector<SampleGroup>> groupSamples(const data::DataSet &set,
                                                      llvm::StringRef column);

/// The sums of scores over each unit of the set that has some of the samples. `scores` are those of
/// `samples`.
std::vector<Score> sumUnits(const data::DataSet &set, llvm::ArrayRef<size_t> samples,
                            llvm::ArrayRef<Score> scores);

} // namespace quern

#endif // QUERN_COMPILER_EVALUATE_SCORING_H
