// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_WEIGHTSCALES_H
#define QUERN_PASSES_QUANTIZE_WEIGHTSCALES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <vector>

namespace quern {

/// Weights seen as [outer, channels, inner], row-major.
struct WeightView {
  llvm::ArrayRef<float> values;
  int64_t outer = 1, channels = 1, inner = 1;
  static WeightView along(llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> dims, int64_t axis);
  /// The values of one channel, in order.
  std::vector<float> gather(int64_t channel) const;
};

/// How wide the codes of a channel reach. `low` and `high` bound the codes, symmetric.
/// Round to nearest: the largest magnitude gets the largest code.
float chooseScaleByMaximum(llvm::ArrayRef<float> values, int highCode);
/// Least squared error over scales that clip (the maximum times 1 - k/100, k < 50) and that give
/// the maximum a smaller code: weights that came from a coarser grid (another quantizer's, or
/// training for one) are found to lie on it, and keep their values.
float chooseScaleByError(llvm::ArrayRef<float> values, int highCode);

/// A scale for each channel by `choose`. A channel of zeros takes the mean of the others. Where a
/// bias could not be coded in 32 bits with the step input scale (of that output channel) times
/// weight scale, the scale grows until it can; `biases` may be empty.
std::vector<float> chooseScales(const WeightView &weights, int highCode,
                                float (*choose)(llvm::ArrayRef<float>, int),
                                llvm::ArrayRef<double> biases,
                                llvm::function_ref<float(size_t)> getInputScale);

/// round-half-even(value / scale), clamped to -highCode .. highCode.
std::vector<int8_t> makeWeightCodes(const WeightView &weights, llvm::ArrayRef<float> scales,
                                    int highCode);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_WEIGHTSCALES_H
