// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_EVALUATE_DROP_H
#define QUERN_COMPILER_EVALUATE_DROP_H

#include "compiler/evaluate/Metrics.h"

namespace quern {

/// What is lost against a reference model, in percent: of `top1` and `agreement` points, of
/// `perplexity` how much larger it is. The interval is that of the difference: the samples (or
/// units) are drawn for both models alike, so that what is hard for both makes no noise.
/// `scores` and `reference` are those of the same samples; `agreement` needs no reference.
Estimate estimateDrop(const Metric &metric, llvm::ArrayRef<Score> scores,
                      llvm::ArrayRef<Score> reference);

/// The metric that drops are measured by: perplexity if there are targets, top1 if there are
/// labels, else agreement with the float model.
const Metric &chooseDropMetric(bool hasTargets, bool hasLabels);

} // namespace quern

#endif // QUERN_COMPILER_EVALUATE_DROP_H
