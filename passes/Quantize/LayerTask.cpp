// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/LayerTask.h"

#include "dialects/Quern/ConstantData.h"

#include <cmath>

namespace quern {

LayerTask::LayerTask(WeightedNode &layer, WeightChoice choice, std::vector<InputMoments> inputs)
    : layer(layer), layout(WeightLayout::of(layer.getWeightType().getShape(), layer.axis)),
      original(layout.gather(*readConstant<float>(layer.getWeight()))), weights(original),
      grid(layout, choice), inputs(std::move(inputs)) {}

std::vector<float> LayerTask::getImportance() const {
  if (inputs.size() != 1)
    return {};
  Eigen::VectorXf powers = inputs[0].own.diagonal().cast<float>();
  return {powers.begin(), powers.end()};
}

void LayerTask::chooseGrid(ChooseScale choose, llvm::ArrayRef<float> importance) {
  grid.choose(weights, choose, importance);
  // Half of the range is left to a sum of products that is added.
  constexpr double largestBias = 1 << 30;
  for (size_t row = 0; row < inputScales.size(); ++row) {
    double least = std::abs(bias[row]) / largestBias / inputScales[row];
    if (std::isfinite(least))
      grid.raiseScale(static_cast<int64_t>(row), static_cast<float>(least));
  }
}

double getOutputError(const Eigen::MatrixXf &wanted, const Eigen::MatrixXf &coded,
                      const Eigen::MatrixXd &moments) {
  Eigen::MatrixXd difference = (wanted - coded).cast<double>();
  return (difference * moments).cwiseProduct(difference).sum();
}

} // namespace quern
