// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/ChannelScaling.h"

#include <algorithm>
#include <cmath>

using llvm::Error;
using quern::onnxir::NodeOp;

namespace quern {

namespace {

/// Two layers with nothing between them but a positively homogeneous function: scaling the first
/// one's output channels and the second one's input channels against it changes nothing.
struct LayerPair {
  WeightedNode *first, *second;
};

/// Nagel et al. (2019), section 4.1: channel i of the first layer is divided by s = sqrt(r1 / r2),
/// the second layer's input channel multiplied, r being the ranges of their weights.
class Equalizer {
public:
  explicit Equalizer(QuantizationState &state) : state(state) {}
  Error run();

private:
  std::vector<LayerPair> findPairs();
  WeightedNode *findFirst(mlir::Value value);
  void equalize(const LayerPair &pair);

  QuantizationState &state;
};

} // namespace

/// Whether the layer's input channels are its weights' dimension 1 as they stand (Conv of one
/// group), or its output channels (depthwise).
static bool canScaleInputs(WeightedNode &weighted) {
  return weighted.node.is("Conv") &&
         (weighted.node.getInt("group", 1) == 1 || weighted.isDepthwise());
}

/// The layer whose output is the value, perhaps through a ReLU, and goes nowhere else.
WeightedNode *Equalizer::findFirst(mlir::Value value) {
  while (value.hasOneUse()) {
    auto node = value.getDefiningOp<NodeOp>();
    if (!node)
      return nullptr;
    for (WeightedNode &weighted : state.placement.weights)
      if (weighted.node == node)
        return node.is("Conv") && weighted.biasOperand ? &weighted : nullptr;
    if (!node.is("Relu"))
      return nullptr;
    value = node.getInput(0);
  }
  return nullptr;
}

std::vector<LayerPair> Equalizer::findPairs() {
  std::vector<LayerPair> pairs;
  for (WeightedNode &second : state.placement.weights)
    if (canScaleInputs(second))
      if (WeightedNode *first = findFirst(second.getInput()))
        pairs.push_back({first, &second});
  return pairs;
}

void Equalizer::equalize(const LayerPair &pair) {
  int64_t inputAxis = pair.second->isDepthwise() ? 0 : 1;
  NodeOp first = pair.first->node, second = pair.second->node;
  std::vector<float> before = getRanges(first, pair.first->weightOperand, 0);
  std::vector<float> after = getRanges(second, pair.second->weightOperand, inputAxis);
  if (before.size() != after.size())
    return;
  std::vector<float> down, up;
  for (auto [r1, r2] : llvm::zip_equal(before, after)) {
    float factor = std::sqrt(r1 / r2);
    // A channel of zeros has no range to even out.
    bool usable = std::isfinite(factor) && factor > 1e-4F && factor < 1e4F;
    up.push_back(usable ? factor : 1);
    down.push_back(1 / up.back());
  }
  scaleConstant(state, first, pair.first->weightOperand, 0, down);
  if (pair.first->getBias())
    scaleConstant(state, first, *pair.first->biasOperand, 0, down);
  scaleConstant(state, second, pair.second->weightOperand, inputAxis, up);
}

Error Equalizer::run() {
  std::vector<LayerPair> pairs = findPairs();
  // Pairs that share a layer pull at it from both sides; three rounds are near the fixed point.
  for (int round = 0; round < 3; ++round)
    for (const LayerPair &pair : pairs)
      equalize(pair);
  return Error::success();
}

Error equalizeLayers(QuantizationState &state) { return Equalizer(state).run(); }

} // namespace quern
