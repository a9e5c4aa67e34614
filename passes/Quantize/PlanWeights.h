// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_PLANWEIGHTS_H
#define QUERN_PASSES_QUANTIZE_PLANWEIGHTS_H

#include "passes/Quantize/Algorithm.h"

namespace quern {

/// Fills `plan.weights` and `plan.biases` with si8 codes per output channel whose scales `choose`
/// finds (WeightScales.h). Needs `plan.activations`.
llvm::Error planWeights(QuantizationState &state, float (*choose)(llvm::ArrayRef<float>, int));

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_PLANWEIGHTS_H
