// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_MOMENTS_H
#define QUERN_PASSES_QUANTIZE_MOMENTS_H

#include "passes/Quantize/Placement.h"

#include <Eigen/Core>
#include <vector>

namespace quern {

/// Which values of its input a layer multiplies: patches of [N, channels, height, width], or the
/// rows of [..., channels].
struct PatchGeometry {
  int64_t batch = 1, channels = 1, height = 1, width = 1;
  int64_t kernelHeight = 1, kernelWidth = 1, strideY = 1, strideX = 1;
  int64_t dilationY = 1, dilationX = 1, top = 0, left = 0;
  int64_t rows = 1, columns = 1; ///< positions of the window
  int64_t groups = 1;            ///< of channels, each read by its own outputs
  bool channelsLast = false;     ///< a product: height = rows = the number of vectors
  static PatchGeometry of(WeightedNode &layer);
  /// Values that an output channel reads.
  int64_t getDepth() const { return channels / groups * kernelHeight * kernelWidth; }
  int64_t getPositions() const { return batch * rows * columns; }
  bool operator==(const PatchGeometry &) const = default;
};

/// Copies the patches at some positions into a matrix [depth, positions]; padding is zero.
void readPatches(const PatchGeometry &geometry, const float *input, int64_t group,
                 llvm::ArrayRef<int64_t> positions, Eigen::MatrixXf &patches);

/// What a layer's inputs are like, of one group of its channels: x in the float model, q in the
/// quantized one. Moments are about the means.
struct InputMoments {
  /// Some of the vectors themselves, [values, places], of both models at the same places.
  Eigen::MatrixXf original, quantized;
  Eigen::MatrixXd own;   ///< E[(q - E q)(q - E q)ᵀ]
  Eigen::MatrixXd cross; ///< E[(x - E x)(q - E q)ᵀ]
  Eigen::VectorXd meanFloat, mean;
};

/// Sums the moments of a layer's inputs over samples. Of a large feature map it takes a part of
/// the positions, others in each sample.
class MomentSums {
public:
  /// Without `second` it takes samples and means only.
  MomentSums(const PatchGeometry &geometry, size_t runs, bool second);
  /// The inputs of one run of both models, of the geometry's shape.
  void add(const float *original, const float *quantized);
  /// One for each group of channels. Without `centered` moments are about zero, as a layer needs
  /// whose mean cannot be corrected.
  std::vector<InputMoments> finish(bool centered) const;

private:
  struct Sums {
    Eigen::MatrixXd own, cross;
    Eigen::VectorXd original, quantized;
    Eigen::MatrixXf samples, quantizedSamples;
  };
  void keepSamples(Sums &sum);
  PatchGeometry geometry;
  bool second;
  int64_t perRun, keptPerRun;
  int64_t run = 0, count = 0;
  std::vector<Sums> sums;
  Eigen::MatrixXf patches, quantizedPatches, square;
};

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_MOMENTS_H
