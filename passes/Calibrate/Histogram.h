// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CALIBRATE_HISTOGRAM_H
#define QUERN_PASSES_CALIBRATE_HISTOGRAM_H

#include "passes/Calibrate/Observer.h"

#include <array>

namespace quern {

/// Counts of values in bins of equal width around zero. The reach is a power of two and doubles
/// when a value lies outside, by merging neighbours: the result does not depend on the order of the
/// values.
class Histogram {
public:
  static constexpr int bins = 8192;

  void add(llvm::ArrayRef<float> values);
  bool isEmpty() const { return total == 0; }
  uint64_t getTotal() const { return total; }
  uint64_t getCount(int bin) const { return counts[bin]; }
  double getWidth() const;
  /// The middle of a bin, within the extremes.
  double getCenter(int bin) const;
  int findBin(double value) const;
  /// The exact extremes, and zero.
  const RealRange &getExtremes() const { return extremes; }

  llvm::json::Value save() const;
  bool load(const llvm::json::Value &state);

private:
  void reach(double magnitude);

  std::vector<uint64_t> counts = std::vector<uint64_t>(bins);
  int exponent = minExponent; ///< bins cover [-2^exponent, 2^exponent)
  uint64_t total = 0;
  RealRange extremes;
  static constexpr int minExponent = -100;
};

/// Mean squared error of `levels` codes over the range, values outside clipped, by the histogram.
double getSquaredError(const Histogram &histogram, RealRange range, unsigned levels);

} // namespace quern

#endif // QUERN_PASSES_CALIBRATE_HISTOGRAM_H
