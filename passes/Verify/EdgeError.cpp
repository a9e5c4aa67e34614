// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/EdgeError.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace quern {

void EdgeError::add(llvm::ArrayRef<float> exact, llvm::ArrayRef<float> whole,
                    llvm::ArrayRef<float> alone, const CodeSteps *codes) {
  assert(exact.size() == whole.size() && exact.size() == alone.size() && "values of one tensor");
  count += exact.size();
  for (size_t i = 0; i < exact.size(); ++i) {
    double value = exact[i], error = whole[i] - value, own = alone[i] - value;
    signal += value * value;
    noise += error * error;
    noiseAlone += own * own;
    if (!codes)
      continue;
    double step = codes->getStep(i), inSteps = value / step;
    maxSteps = std::max(maxSteps, std::abs(error) / step);
    clipped += inSteps < codes->low - 0.5 || inSteps > codes->high + 0.5;
  }
}

static double toDecibel(double signal, double noise) {
  if (noise == 0)
    return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

double EdgeError::getSqnr() const { return toDecibel(signal, noise); }
double EdgeError::getSqnrAlone() const { return toDecibel(signal, noiseAlone); }

double EdgeError::getClippedShare() const {
  return count ? static_cast<double>(clipped) / static_cast<double>(count) : 0;
}

} // namespace quern
