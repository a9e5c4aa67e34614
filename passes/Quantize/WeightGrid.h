// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_WEIGHTGRID_H
#define QUERN_PASSES_QUANTIZE_WEIGHTGRID_H

#include "passes/Quantize/WeightScheme.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <Eigen/Core>
#include <vector>

namespace quern {

/// A matrix of weights: a row for each output channel, a column for each input that it reads
/// (of a convolution: input channel, then position in the kernel).
using WeightMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic>;
using CodeMatrix = Eigen::Matrix<int8_t, Eigen::Dynamic, Eigen::Dynamic>;

/// Where a layer's matrix lies in its tensor.
struct WeightLayout {
  std::vector<int64_t> dims;
  int64_t axis = 0;                              ///< the output channel: 0, or 1 of two dimensions
  int64_t outputs = 0, channels = 0, kernel = 1; ///< columns: channels * kernel
  static WeightLayout of(llvm::ArrayRef<int64_t> dims, int64_t axis);
  int64_t getDepth() const { return channels * kernel; }
  WeightMatrix gather(llvm::ArrayRef<float> values) const;
  /// The codes in the tensor's order.
  std::vector<int8_t> scatter(const CodeMatrix &codes) const;
};

/// The numbers that a stretch of weights can have: scale * (code - zeroPoint).
struct ScaleChoice {
  float scale = 0;
  int zeroPoint = 0;
};

/// Chooses for some weights; `importance` (empty: all alike) says how much the error of each
/// counts. A scale of 0 says that there is nothing to code but zeros.
using ChooseScale = ScaleChoice (*)(llvm::ArrayRef<float> weights, llvm::ArrayRef<float> importance,
                                    const WeightScheme &scheme);

/// The finest grid that reaches all weights.
ScaleChoice chooseScaleByExtremes(llvm::ArrayRef<float> weights, llvm::ArrayRef<float> importance,
                                  const WeightScheme &scheme);
/// Least squared error over grids that clip (the extremes times 1 - k/100) and, at 8 bits, that
/// give the largest magnitude a smaller code: weights that came from a coarser grid (another
/// quantizer's, or training for one) are found to lie on it, and keep their values.
ScaleChoice chooseScaleByError(llvm::ArrayRef<float> weights, llvm::ArrayRef<float> importance,
                               const WeightScheme &scheme);

/// The grid of each stretch of a layer's rows: the whole row, or for each position of the kernel
/// `group` input channels at a time, the last group being what is left.
class WeightGrid {
public:
  WeightGrid(const WeightLayout &layout, WeightChoice choice);
  /// Finds the scales. `importance` has a value for each column, or none. Rows without a usable
  /// scale take the mean of the others.
  void choose(const WeightMatrix &weights, ChooseScale choose, llvm::ArrayRef<float> importance);
  /// Where a row's scale is smaller, it grows to this.
  void raiseScale(int64_t row, float least);

  int64_t getGroups() const { return groups; }
  int64_t getGroup(int64_t column) const;
  int8_t quantize(float weight, int64_t row, int64_t group) const;
  float dequantize(int8_t code, int64_t row, int64_t group) const {
    return static_cast<float>(code - zeroPoints(row, group)) * scales(row, group);
  }
  /// The nearest codes of all weights.
  CodeMatrix quantize(const WeightMatrix &weights) const;
  WeightMatrix dequantize(const CodeMatrix &codes) const;
  const WeightScheme &getScheme() const { return *choice.scheme; }
  int64_t getGroupSize() const { return choice.group; }
  float getScale(int64_t row, int64_t group) const { return scales(row, group); }

  /// The shape of the scales as ONNX wants them: [outputs], or the weights' with groups in place
  /// of the input channels; and scales and zero points in its order.
  std::vector<int64_t> getScaleDims() const;
  std::vector<float> getScales() const;
  std::vector<int8_t> getZeroPoints() const;
  /// The dimension of the input channels, where scales are by groups.
  std::optional<int64_t> getGroupAxis() const;

private:
  void fillGaps();
  template <typename T>
  std::vector<T> inTensorOrder(llvm::function_ref<T(int64_t, int64_t)> get) const;

  WeightLayout layout;
  WeightChoice choice;
  int64_t blocks = 1; ///< of input channels
  int64_t groups = 1; ///< in a row: blocks * kernel, or 1
  Eigen::MatrixXf scales;
  Eigen::MatrixXi zeroPoints;
};

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_WEIGHTGRID_H
