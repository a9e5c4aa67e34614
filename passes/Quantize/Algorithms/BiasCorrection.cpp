// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/LayerTask.h"

#include <cmath>
#include <limits>

namespace quern {

static constexpr int steps = 40;
/// A channel that is nearly always clamped tells nothing.
static constexpr float leastShare = 0.01F;

/// The shift for `outputs` whose mean, clamped, is that of `wanted`, clamped: by bisection, as the
/// mean grows with the shift.
static double findShift(const Eigen::ArrayXf &wanted, const Eigen::ArrayXf &outputs,
                        RealRange range) {
  auto low = static_cast<float>(range.low), high = static_cast<float>(range.high);
  float target = wanted.max(low).min(high).mean();
  float share = (outputs > low && outputs < high).cast<float>().mean();
  // With a shift of `reach` all outputs are above the wanted ones.
  float reach = (wanted - outputs).abs().maxCoeff(), under = -reach, above = reach;
  if (share < leastShare || !std::isfinite(reach))
    return 0;
  for (int step = 0; step < steps; ++step) {
    float middle = (under + above) / 2;
    bool isUnder = (outputs + middle).max(low).min(high).mean() < target;
    (isUnder ? under : above) = middle;
  }
  return (under + above) / 2;
}

/// Whether what follows bounds the layer's outputs.
static bool isClamped(const LayerTask &task) {
  return !task.clamps.empty() &&
         (std::isfinite(task.clamps.front().low) || std::isfinite(task.clamps.front().high));
}

/// Nagel et al. (2019), section 4.2, measured on data: each output keeps its mean, behind the ReLU
/// or Clip and within the range of the codes. A layer inside the model makes up for its own weights
/// alone: its inputs may be far off in a few places, where the next clamp hides it, and their mean
/// would shift all others. One whose outputs are not clamped gets the float model's mean.
llvm::Error correctBias(LayerTask &task) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  WeightMatrix coded = task.grid.dequantize(task.codes);
  bool ownAlone = isClamped(task);
  for (auto [index, input] : llvm::enumerate(task.inputs)) {
    auto first = static_cast<int64_t>(index) * task.getRows();
    Eigen::MatrixXf wanted = task.getPart(ownAlone ? task.weights : task.original, index) *
                             (ownAlone ? input.quantized : input.original);
    Eigen::MatrixXf outputs = task.getPart(coded, index) * input.quantized;
    for (int64_t row = 0; row < task.getRows(); ++row) {
      double &bias = task.bias[first + row];
      RealRange range = {-infinity, infinity};
      if (!task.clamps.empty())
        range = task.clamps[first + row];
      auto offset = static_cast<float>(bias);
      bias += findShift(wanted.row(row).array() + offset, outputs.row(row).array() + offset, range);
    }
  }
  return llvm::Error::success();
}

} // namespace quern
