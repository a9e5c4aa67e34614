// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Extremes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern {

float makeFinite(float value) {
  constexpr float largest = std::numeric_limits<float>::max();
  return std::isnan(value) ? 0.0F : std::clamp(value, -largest, largest);
}

RealRange findExtremes(llvm::ArrayRef<float> values) {
  float low = 0, high = 0;
  for (float value : values) {
    low = value < low ? value : low; // a NaN is neither
    high = value > high ? value : high;
  }
  return {makeFinite(low), makeFinite(high)};
}

bool loadRange(const llvm::json::Value &state, RealRange &range) {
  const llvm::json::Object *object = state.getAsObject();
  auto low = object ? object->getNumber("low") : std::nullopt;
  auto high = object ? object->getNumber("high") : std::nullopt;
  if (!low || !high || !(*low <= 0) || !(*high >= 0))
    return false;
  range = {*low, *high};
  return true;
}

} // namespace quern
