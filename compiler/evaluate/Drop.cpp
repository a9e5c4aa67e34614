// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/evaluate/Drop.h"

#include "llvm/ADT/STLExtras.h"

namespace quern {

const Metric &chooseDropMetric(bool hasTargets, bool hasLabels) {
  return *lookupMetric(hasTargets ? "perplexity" : hasLabels ? "top1" : "agreement");
}

static double getDrop(const Metric &metric, Score ours, Score reference) {
  double value = metric.finish(ours);
  if (metric.needsTargets)
    return 100 * (value / metric.finish(reference) - 1);
  return (metric.needsReference ? 100 : metric.finish(reference)) - value;
}

Estimate estimateDrop(const Metric &metric, llvm::ArrayRef<Score> scores,
                      llvm::ArrayRef<Score> reference) {
  return bootstrap(scores.size(), [&](llvm::ArrayRef<size_t> draw) {
    Score ours, theirs;
    for (size_t i : draw) {
      ours += scores[i];
      if (!reference.empty())
        theirs += reference[i];
    }
    return getDrop(metric, ours, theirs);
  });
}

} // namespace quern
