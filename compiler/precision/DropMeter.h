// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PRECISION_DROPMETER_H
#define QUERN_COMPILER_PRECISION_DROPMETER_H

#include "compiler/evaluate/Scoring.h"
#include "passes/Precision/PrecisionSearch.h"

namespace quern {

/// Measures what models lose against a float model, on one data set and its slices.
class DropMeter {
public:
  using Progress = std::function<void(llvm::StringRef, size_t, size_t)>;

  /// Scores the float model. `column` has the slices; empty: none.
  static llvm::Expected<DropMeter> make(std::unique_ptr<data::DataSet> set, llvm::StringRef column,
                                        std::unique_ptr<CompiledModel> reference,
                                        Progress onProgress);

  /// In percent, by the metric that fits the data (chooseDropMetric).
  llvm::Expected<MeasuredDrops> measure(const CompiledModel &other);
  /// The metric itself, of all samples and each slice, as `measure` saw it last; before that, or of
  /// the reference, that of the float model.
  std::vector<Interval> getLastFigures() const { return estimateAll(last); }
  std::vector<Interval> getReferenceFigures() const { return estimateAll(reference); }
  /// The divergence of the model's softmax from the float model's, in nats, over some samples that
  /// stand for all, and over those of each slice: less noisy than the metric.
  llvm::Expected<std::vector<double>> measureLoss(const CompiledModel &other);
  /// That over all samples of one group: 0 is all, then the slices.
  llvm::Expected<double> measureLossOf(const CompiledModel &other, size_t group);

  std::vector<std::string> getSlices() const;
  size_t countSamples(size_t group) const { return groups[group].samples.size(); }
  const Metric &getMetric() const { return *metric; }
  const data::DataSet &getData() const { return *set; }

private:
  DropMeter() = default;
  std::vector<Score> pick(llvm::ArrayRef<Score> scores, const SampleGroup &group) const;
  std::vector<Interval> estimateAll(llvm::ArrayRef<Score> scores) const;
  void chooseProbes();

  std::unique_ptr<data::DataSet> set;
  std::unique_ptr<CompiledModel> model; ///< the float one
  const Metric *metric = nullptr;
  std::vector<SampleGroup> groups;
  std::vector<size_t> probes;         ///< samples that stand for all
  std::vector<Score> reference, last; ///< of each sample
  Progress onProgress;
};

} // namespace quern

#endif // QUERN_COMPILER_PRECISION_DROPMETER_H
