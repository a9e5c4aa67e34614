// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_LAYERWALK_H
#define QUERN_PASSES_QUANTIZE_LAYERWALK_H

#include "passes/Quantize/Algorithm.h"

namespace quern {

/// Quantizes the weights of all layers: applies the algorithms (of the phases after Prepare) to
/// each and puts codes and biases into the plan, which must have the activations. If an algorithm
/// needs a layer's inputs, layers are taken in graph order, those with the same input together, and
/// the quantized model's inputs come from the layers before as the plan has them.
llvm::Error quantizeLayers(QuantizationState &state,
                           llvm::ArrayRef<const AlgorithmInfo *> algorithms);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_LAYERWALK_H
