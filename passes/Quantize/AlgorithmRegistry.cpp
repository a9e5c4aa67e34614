// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"

namespace quern {

llvm::ArrayRef<AlgorithmInfo> getAlgorithms() {
  static const AlgorithmInfo algorithms[] = {
      {"equalize", "evens out the ranges of channels between layers (cross-layer equalization)",
       Phase::Prepare, equalizeLayers},
      {"nearest", "weights: the largest magnitude gets the largest code, values the nearest",
       Phase::Weights, roundToNearest},
      {"mse", "weights: ranges clipped for the least squared error", Phase::Weights, clipByError},
      {"correct-bias", "gives each channel the mean that it has in the float model", Phase::Correct,
       correctBiases},
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
