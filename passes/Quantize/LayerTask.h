// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_LAYERTASK_H
#define QUERN_PASSES_QUANTIZE_LAYERTASK_H

#include "passes/Quantize/Moments.h"
#include "passes/Quantize/WeightGrid.h"

#include <optional>

namespace quern {

/// What a recipe's algorithms do to one layer: they start from its float weights and leave codes.
struct LayerTask {
  LayerTask(WeightedNode &layer, WeightChoice choice, std::vector<InputMoments> inputs);

  WeightedNode &layer;
  WeightLayout layout;
  WeightMatrix original; ///< the float model's
  WeightMatrix weights;  ///< what the codes shall come near to
  WeightGrid grid;
  CodeMatrix codes;
  /// Of each group of input channels; empty if the recipe needs none. Weights of a group are
  /// `getRows` in each.
  std::vector<InputMoments> inputs;
  /// The layer's bias in the float model (zeros if it has none), and the scale of its input codes
  /// by output channel: empty if the bias stays float.
  std::vector<double> bias;
  std::vector<float> inputScales;
  /// What the layer's outputs, with the bias, are clamped to by what follows: a ReLU or Clip, and
  /// the range of codes. One for each output channel, or none.
  std::vector<RealRange> clamps;

  int64_t getRows() const { return layout.outputs / std::max<size_t>(inputs.size(), 1); }
  /// The weights that read group `index` of the input channels.
  auto getPart(WeightMatrix &matrix, size_t index) {
    return matrix.middleRows(static_cast<int64_t>(index) * getRows(), getRows());
  }
  /// How much the error of each column counts: the power of its input. Empty if it is not known, or
  /// not the same for all rows.
  std::vector<float> getImportance() const;
  /// Finds the grid for `weights`. Scales grow where a bias could not be coded in 32 bits with the
  /// scale of the products.
  void chooseGrid(ChooseScale choose, llvm::ArrayRef<float> importance);
};

/// Squared error of the layer's outputs, mean over positions, summed over channels, that comes of
/// having `coded` for `wanted`: tr (W - V) H (W - V)ᵀ.
double getOutputError(const Eigen::MatrixXf &wanted, const Eigen::MatrixXf &coded,
                      const Eigen::MatrixXd &moments);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_LAYERTASK_H
