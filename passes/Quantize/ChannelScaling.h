// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_CHANNELSCALING_H
#define QUERN_PASSES_QUANTIZE_CHANNELSCALING_H

#include "passes/Quantize/Algorithm.h"

namespace quern {

/// The largest magnitude of a constant operand at each index of a dimension.
std::vector<float> getRanges(onnxir::NodeOp node, unsigned operand, int64_t axis);

/// Multiplies a constant operand along a dimension, in the module and, for the file that is
/// exported, in the plan. Other users of the constant keep the old one.
void scaleConstant(QuantizationState &state, onnxir::NodeOp node, unsigned operand, int64_t axis,
                   llvm::ArrayRef<float> factors);

/// Layers that read the same tensor and nothing else does, where its channels can be divided by
/// factors in whatever makes it (a normalization, a product, a convolution) and the layers'
/// weights multiplied: the model computes the same.
struct ScalableGroup {
  /// A constant operand and the dimension along which the channels lie.
  struct Operand {
    onnxir::NodeOp node;
    unsigned operand;
    int64_t axis;
  };
  mlir::Value input;
  int64_t axis = 0; ///< of the channels in `input`
  std::vector<WeightedNode *> layers;
  std::vector<Operand> producers, consumers;
};

/// All such groups, in the order of their inputs.
std::vector<ScalableGroup> findScalableGroups(QuantizationState &state);

/// Divides the channels by the factors, and multiplies the weights.
void divideChannels(QuantizationState &state, const ScalableGroup &group,
                    llvm::ArrayRef<float> factors);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_CHANNELSCALING_H
