// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"

namespace quern {

llvm::ArrayRef<AlgorithmInfo> getAlgorithms() {
  using Needs = AlgorithmInfo::Needs;
  static const AlgorithmInfo algorithms[] = {
      {"equalize", "evens out the ranges of channels between layers (cross-layer equalization)",
       Phase::Prepare, Needs::Nothing, equalizeLayers, nullptr},
      {"smooth", "moves outliers of activations into the weights (SmoothQuant)", Phase::Prepare,
       Needs::Nothing, smoothActivations, nullptr},
      {"awq", "scales up weights whose inputs are large (AWQ)", Phase::Prepare, Needs::Nothing,
       scaleForWeights, nullptr},
      {"refit", "fits each layer to the float model's outputs, given its inputs as they are",
       Phase::Fit, Needs::Moments, nullptr, refitToFloat},
      {"nearest", "weights: the extremes get the outermost codes, values the nearest",
       Phase::Weights, Needs::Nothing, nullptr, roundToNearest},
      {"mse", "weights: ranges clipped for the least squared error", Phase::Weights, Needs::Nothing,
       nullptr, clipByError},
      {"gptq", "weights: rounded in order, the others making up for the error so far",
       Phase::Weights, Needs::Moments, nullptr, roundInOrder},
      {"adaround", "codes one step up or down where the outputs come nearer", Phase::Adjust,
       Needs::Moments, nullptr, moveCodes},
      {"correct-bias", "gives each channel the mean that it has in the float model", Phase::Correct,
       Needs::Samples, nullptr, correctBias},
  };
  return algorithms;
}

const AlgorithmInfo *lookupAlgorithm(llvm::StringRef name) {
  for (const AlgorithmInfo &info : getAlgorithms())
    if (info.name == name)
      return &info;
  return nullptr;
}

} // namespace quern
