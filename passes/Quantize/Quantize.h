// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_QUANTIZE_H
#define QUERN_PASSES_QUANTIZE_QUANTIZE_H

#include "passes/Calibrate/Calibrate.h"
#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/Plan.h"
#include "passes/Quantize/Recipe.h"

namespace quern {

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
