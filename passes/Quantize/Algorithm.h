// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_ALGORITHM_H
#define QUERN_PASSES_QUANTIZE_ALGORITHM_H

#include "passes/Calibrate/Calibrate.h"
#include "passes/Quantize/Placement.h"
#include "passes/Quantize/Plan.h"

#include <functional>

namespace quern {

struct LayerTask;

/// What the algorithms of one recipe share.
struct QuantizationState {
  mlir::ModuleOp module; ///< stage `import`, in float; algorithms may edit its constants
  const ModelRunner &runner;
  SampleSource &source;
  Placement placement;
  std::vector<WeightChoice> choices; ///< of each of `placement.weights`
  bool floatActivations = false;
  Statistics statistics;
  QuantizationPlan plan;
  /// Says what is being done and how far it is: step, done, total.
  std::function<void(llvm::StringRef, size_t, size_t)> onProgress;
};

/// When an algorithm of a recipe has its turn.
enum class Phase {
  Prepare, ///< on the float model, before it is calibrated
  // The others on each layer, in graph order; its inputs come from the layers quantized so far.
  Fit,     ///< changes the weights before they are rounded
  Weights, ///< finds grid and codes; exactly one of a recipe
  Adjust,  ///< changes the codes
  Correct, ///< changes the bias, by what comes in
};

/// A row of the registry: a word of a recipe.
struct AlgorithmInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral description;
  Phase phase;
  /// What it must know of a layer's inputs.
  enum class Needs { Nothing, Samples, Moments } needs = Needs::Nothing;
  /// `Prepare`: on the model. Errors without text have been reported as diagnostics.
  llvm::Error (*prepare)(QuantizationState &state) = nullptr;
  /// The others: on a layer.
  llvm::Error (*apply)(LayerTask &task) = nullptr;
};

/// All algorithms; a new one adds its line in AlgorithmRegistry.cpp.
llvm::ArrayRef<AlgorithmInfo> getAlgorithms();
/// The algorithm of that name, or null.
const AlgorithmInfo *lookupAlgorithm(llvm::StringRef name);

llvm::Error equalizeLayers(QuantizationState &state);
llvm::Error smoothActivations(QuantizationState &state);
llvm::Error scaleForWeights(QuantizationState &state);
llvm::Error refitToFloat(LayerTask &task);
llvm::Error roundToNearest(LayerTask &task);
llvm::Error clipByError(LayerTask &task);
llvm::Error roundInOrder(LayerTask &task);
llvm::Error moveCodes(LayerTask &task);
llvm::Error correctBias(LayerTask &task);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_ALGORITHM_H
