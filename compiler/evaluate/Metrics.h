// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_EVALUATE_METRICS_H
#define QUERN_COMPILER_EVALUATE_METRICS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace quern {

/// What a metric sees of one sample.
struct Observation {
  llvm::ArrayRef<float> output;    ///< the values of the model's output
  llvm::ArrayRef<float> reference; ///< the other model's; empty if there is none
  std::optional<int64_t> label;
  /// The token that should follow at each position: the output is then [positions, vocabulary].
  /// Negative ones do not count. Empty if there are none.
  llvm::ArrayRef<int64_t> targets;
};

/// A sample's contribution: a metric is a function of the sums of these over samples.
struct Score {
  double numerator = 0, denominator = 0;
  Score &operator+=(const Score &other) {
    numerator += other.numerator;
    denominator += other.denominator;
    return *this;
  }
};

/// A row of the registry: what `--metric=` takes.
struct Metric {
  llvm::StringLiteral name;
  llvm::StringLiteral unit;
  llvm::StringLiteral description;
  bool needsLabel; ///< or targets
  bool needsReference;
  bool needsTargets;
  Score (*score)(const Observation &);
  double (*finish)(Score sums);
};

/// All metrics; a new one adds its line in Metrics.cpp.
llvm::ArrayRef<Metric> getMetrics();
/// The metric of that name, or null.
const Metric *lookupMetric(llvm::StringRef name);

/// A metric over samples, with a 95 % bootstrap interval: that of the values that 1000 draws of as
/// many samples, with repetition and a fixed seed, give. Samples that belong together are drawn
/// together: then `scores` are their sums.
struct Estimate {
  double value = 0, low = 0, high = 0;
};
/// The value of a figure for all of `count` samples, and its interval by drawing.
Estimate bootstrap(size_t count, llvm::function_ref<double(llvm::ArrayRef<size_t>)> figure);
Estimate estimate(const Metric &metric, llvm::ArrayRef<Score> scores);

} // namespace quern

#endif // QUERN_COMPILER_EVALUATE_METRICS_H
