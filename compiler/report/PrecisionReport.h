// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_REPORT_PRECISIONREPORT_H
#define QUERN_COMPILER_REPORT_PRECISIONREPORT_H

#include "passes/Precision/PrecisionSearch.h"

namespace quern::report {

/// The metric of some samples, in the float model and in the chosen mix.
struct SliceFigures {
  size_t samples = 0;
  Interval reference, chosen;
};

/// What a search found, to be shown.
struct PrecisionReport {
  std::string model, calibration, data; ///< files
  std::string metric;                   ///< "perplexity", "top1", "agreement"
  /// Whether drops are factors (of perplexity) or points.
  bool isFactor = false;
  PrecisionProblem problem;
  PrecisionOutcome outcome;
  std::vector<SliceFigures> figures; ///< all samples, then each slice
};

/// One HTML page that needs nothing else: the front of size against drops, precision and
/// sensitivity of each tensor, the slices, how they fall with fewer bits, and all that was tried.
std::string writePage(const PrecisionReport &report);

/// The trials of which no other one is smaller and loses less: numbers, by bytes. `getDrop` gives
/// what a trial loses.
std::vector<size_t> findFront(llvm::ArrayRef<PrecisionTrial> trials,
                              llvm::function_ref<double(const PrecisionTrial &)> getDrop);

/// Codes, scales and zero points in bits, over the number of weights.
double getBitsPerWeight(const PrecisionProblem &problem, llvm::ArrayRef<size_t> chosen);

} // namespace quern::report

#endif // QUERN_COMPILER_REPORT_PRECISIONREPORT_H
