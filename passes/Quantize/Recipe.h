// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_RECIPE_H
#define QUERN_PASSES_QUANTIZE_RECIPE_H

#include "passes/Quantize/Algorithm.h"

namespace quern {

/// What becomes of the weights of some nodes.
struct LayerRule {
  std::string nodes; ///< a glob on node names
  /// Without a scheme they stay in float, with their inputs.
  WeightChoice weights;
};

/// What is done to a model, and to which nodes.
struct Recipe {
  const ObserverInfo *observer = nullptr;        ///< of whole tensors
  const ObserverInfo *channelObserver = nullptr; ///< of channels
  std::vector<const AlgorithmInfo *> algorithms;
  /// Of all layers that `layers` does not name. Below 8 bits convolutions that read an input of the
  /// model and depthwise ones keep s8: they have few weights, and no others make up for them.
  WeightChoice weights;
  bool floatActivations = false; ///< only weights become codes
  std::vector<LayerRule> layers; ///< the last one that matches counts
  /// Globs on node names: these stay in float.
  std::vector<std::string> exclude;
};

/// What is done by default for a word of `--precision`.
Recipe getDefaultRecipe(const Precision &precision);

/// A recipe applied to a model: what is quantized, and how the weights.
struct ResolvedRecipe {
  Placement placement;
  std::vector<WeightChoice> choices; ///< of each of `placement.weights`
};

/// Fails if a glob is none or matches no node, or nothing is left to quantize.
llvm::Expected<ResolvedRecipe> resolveRecipe(mlir::func::FuncOp main, const Recipe &recipe);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_RECIPE_H
