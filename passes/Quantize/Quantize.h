// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_QUANTIZE_H
#define QUERN_PASSES_QUANTIZE_QUANTIZE_H

#include "passes/Calibrate/Calibrate.h"
#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/Plan.h"

namespace quern {

/// What is done to a model, and to which nodes.
struct Recipe {
  const ObserverInfo *observer = nullptr;        ///< of whole tensors
  const ObserverInfo *channelObserver = nullptr; ///< of channels
  std::vector<const AlgorithmInfo *> algorithms;
  /// Globs on node names: these stay in float. One that matches nothing is an error.
  std::vector<std::string> exclude;
};

/// Static 8 bits: ui8 activations per tensor (per channel before depthwise convolutions), si8
/// weights per channel.
Recipe getDefaultRecipe();

struct QuantizationHooks {
  /// What an interrupted calibration got to, or null.
  const llvm::json::Value *resume = nullptr;
  std::function<llvm::Error(const Statistics &, size_t total)> onBatch;
  std::function<void(llvm::StringRef, size_t, size_t)> onProgress;
};

/// Plans the quantization of a float model of the stage `import` and writes it into the module.
/// Errors without text have been reported as diagnostics.
llvm::Expected<QuantizationPlan> quantizeModel(mlir::ModuleOp module, const Recipe &recipe,
                                               const ModelRunner &runner, SampleSource &source,
                                               const QuantizationHooks &hooks);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_QUANTIZE_H
