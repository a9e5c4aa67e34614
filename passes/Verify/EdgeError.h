// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_VERIFY_EDGEERROR_H
#define QUERN_PASSES_VERIFY_EDGEERROR_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace quern {

/// The codes of a tensor: real = (code - zero point) * step, for each channel its own step.
struct CodeSteps {
  std::vector<float> steps;   ///< one, or one for each channel
  int64_t channelStride = 1;  ///< elements of a sample from one channel to the next
  double low = 0, high = 255; ///< the codes' range less the zero point, in steps
  double getStep(size_t element) const {
    return steps[steps.size() == 1 ? 0 : element / channelStride % steps.size()];
  }
};

/// What a tensor of a quantized model is off that of the float model, over all samples that were
/// added.
class EdgeError {
public:
  /// Adds a sample: the float model's values, the quantized model's, and what the quantized node
  /// alone makes of exact inputs. `codes` is null for a tensor that has none.
  void add(llvm::ArrayRef<float> exact, llvm::ArrayRef<float> whole, llvm::ArrayRef<float> alone,
           const CodeSteps *codes);

  /// Power of the exact values over that of the difference, in dB; infinite where they are equal.
  double getSqnr() const;
  /// The same of the node alone.
  double getSqnrAlone() const;
  /// The largest difference, in steps of the codes.
  double getMaxSteps() const { return maxSteps; }
  /// Which share of the float model's values lies more than half a step beyond what codes reach.
  double getClippedShare() const;

private:
  double signal = 0, noise = 0, noiseAlone = 0, maxSteps = 0;
  uint64_t count = 0, clipped = 0;
};

} // namespace quern

#endif // QUERN_PASSES_VERIFY_EDGEERROR_H
