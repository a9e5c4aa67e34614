// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/PlanWeights.h"
#include "passes/Quantize/WeightScales.h"

namespace quern {

llvm::Error roundToNearest(QuantizationState &state) {
  return planWeights(state, chooseScaleByMaximum);
}

} // namespace quern
