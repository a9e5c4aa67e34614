// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_ALGORITHM_H
#define QUERN_PASSES_QUANTIZE_ALGORITHM_H

#include "passes/Calibrate/Calibrate.h"
#include "passes/Quantize/Placement.h"
#include "passes/Quantize/Plan.h"

#include <functional>

namespace quern {

/// What the algorithms of one recipe share.
struct QuantizationState {
  mlir::ModuleOp module; ///< stage `import`, in float; algorithms may edit its constants
  const ModelRunner &runner;
  SampleSource &source;
  Placement placement;
  Statistics statistics;
  QuantizationPlan plan;
  /// The float values of each bias of `plan.biases`, whose codes follow from them.
  std::vector<std::vector<double>> biases;
  /// Says what is being done and how far it is: step, done, total.
  std::function<void(llvm::StringRef, size_t, size_t)> onProgress;
};

/// When an algorithm of a recipe has its turn.
enum class Phase {
  Prepare, ///< on the float model, before it is calibrated
  Weights, ///< makes `plan.weights` and `plan.biases`; exactly one of a recipe
  Correct, ///< on the whole plan
};

/// A row of the registry: a word of a recipe.
struct AlgorithmInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral description;
  Phase phase;
  /// Errors without text have been reported as diagnostics.
  llvm::Error (*run)(QuantizationState &state);
};

/// All algorithms; a new one adds its line in AlgorithmRegistry.cpp.
llvm::ArrayRef<AlgorithmInfo> getAlgorithms();
/// The algorithm of that name, or null.
const AlgorithmInfo *lookupAlgorithm(llvm::StringRef name);

llvm::Error equalizeLayers(QuantizationState &state);
llvm::Error roundToNearest(QuantizationState &state);
llvm::Error clipByError(QuantizationState &state);
llvm::Error correctBiases(QuantizationState &state);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_ALGORITHM_H
