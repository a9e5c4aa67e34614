// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PRECISION_SENSITIVITY_H
#define QUERN_COMPILER_PRECISION_SENSITIVITY_H

#include "compiler/precision/DropMeter.h"
#include "passes/Quantize/Recipe.h"

namespace quern {

/// The schemes that a layer may have.
using LayerCandidates = std::vector<WeightChoice>;

/// As a recipe and messages name it: "s4", "s3/32".
std::string getChoiceName(WeightChoice choice);
/// Codes, scales and zero points. Codes fill their bits without gaps, scales take four bytes.
int64_t countChoiceBytes(WeightedNode &layer, WeightChoice choice);
/// The node's name; without one that of its first output.
std::string getLayerName(WeightedNode &layer);
/// A rule that matches this layer alone (or those of the same name).
LayerRule makeRule(WeightedNode &layer, WeightChoice choice);

/// Fills the tensors of a problem with the candidates of each layer of a float model (stage
/// `import`), their bytes, and what the model is expected to lose. That is measured for one
/// candidate of each layer, the rest of the model staying float and the weights rounded to nearest;
/// that of the others follows from the error of the layer's outputs, tr (W - V) H (W - V)ᵀ, H being
/// the moments of its inputs in the float model over `source`.
class SensitivityStudy {
public:
  SensitivityStudy(mlir::ModuleOp module, const ModelRunner &runner, SampleSource &source,
                   DropMeter &meter, DropMeter::Progress onProgress)
      : module(module), runner(runner), source(source), meter(meter),
        onProgress(std::move(onProgress)) {}
  llvm::Expected<std::vector<PrecisionTensor>> run(Placement &placement,
                                                   llvm::ArrayRef<LayerCandidates> candidates);

private:
  struct OptionErrors {
    double output = 0, weights = 0; ///< of layer outputs; of weights, over their square
  };
  llvm::Error measureErrors(Placement &placement, llvm::ArrayRef<LayerCandidates> candidates);
  llvm::Expected<std::vector<OptionErrors>> measureLayer(WeightedNode &layer,
                                                         const LayerCandidates &candidates,
                                                         const class ActivationChain &chain);
  llvm::Expected<std::vector<double>> measureLoss(WeightedNode &layer, WeightChoice choice);

  mlir::ModuleOp module;
  const ModelRunner &runner;
  SampleSource &source;
  DropMeter &meter;
  DropMeter::Progress onProgress;
  std::vector<std::vector<OptionErrors>> errors; ///< of each layer's candidates
};

} // namespace quern

#endif // QUERN_COMPILER_PRECISION_SENSITIVITY_H
