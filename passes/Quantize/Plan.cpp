// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Plan.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern {

static constexpr double steps = 255;

/// A subnormal or infinite scale is no scale.
static float makeScale(double width) {
  return static_cast<float>(std::clamp<double>(width / steps, std::numeric_limits<float>::min(),
                                               std::numeric_limits<float>::max()));
}

/// Ranges from zero up. A channel that was never above zero takes the least scale of the others: it
/// is as good as any, and no larger than what a clamp behind it asks for.
static CodeParameters makeChannelParameters(llvm::ArrayRef<RealRange> ranges, int64_t axis) {
  double least = std::numeric_limits<double>::infinity();
  for (const RealRange &range : ranges)
    if (range.high > 0)
      least = std::min(least, range.high);
  CodeParameters parameters;
  parameters.scales.clear();
  parameters.axis = axis;
  for (const RealRange &range : ranges)
    parameters.scales.push_back(makeScale(range.high > 0 ? range.high : least));
  return parameters;
}

CodeParameters makeActivationParameters(llvm::ArrayRef<RealRange> ranges,
                                        std::optional<int64_t> axis) {
  RealRange all;
  for (const RealRange &range : ranges)
    all = {std::min(all.low, range.low), std::max(all.high, range.high)};
  double width = all.high - all.low;
  if (!(width > 0))
    return {};
  if (axis && all.low == 0)
    return makeChannelParameters(ranges, *axis);
  CodeParameters parameters;
  parameters.scales = {makeScale(width)};
  parameters.zeroPoint =
      static_cast<int32_t>(std::clamp(std::nearbyint(-all.low / parameters.scales[0]), 0.0, steps));
  return parameters;
}

std::vector<int64_t> WeightQuantization::getScaleDims() const {
  if (!group)
    return {dims[axis]};
  std::vector<int64_t> result = dims;
  result[groupAxis] = (dims[groupAxis] + group - 1) / group;
  return result;
}

std::vector<int32_t> makeBiasCodes(llvm::ArrayRef<double> values, llvm::ArrayRef<float> scales) {
  std::vector<int32_t> codes;
  for (auto [value, scale] : llvm::zip_equal(values, scales))
    codes.push_back(static_cast<int32_t>(
        std::clamp<double>(std::nearbyint(value / scale), INT32_MIN, INT32_MAX)));
  return codes;
}

} // namespace quern
