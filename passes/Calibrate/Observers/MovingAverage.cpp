// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Extremes.h"
#include "passes/Calibrate/Observer.h"

#include <algorithm>

namespace quern {

namespace {

/// Averages the extremes of the samples: of the first hundred as they are, then each new sample
/// weighs a hundredth. Outliers of single samples lose their weight.
class MovingAverageObserver : public Observer {
public:
  void observe(llvm::ArrayRef<float> values) override {
    RealRange sample = findExtremes(values);
    double weight = std::max(1.0 / static_cast<double>(++samples), leastWeight);
    range.low += weight * (sample.low - range.low);
    range.high += weight * (sample.high - range.high);
  }
  RealRange getRange(unsigned) const override { return range; }
  llvm::json::Value save() const override {
    return llvm::json::Object{{"low", range.low}, {"high", range.high}, {"samples", samples}};
  }
  bool load(const llvm::json::Value &state) override {
    auto count = state.getAsObject() ? state.getAsObject()->getInteger("samples") : std::nullopt;
    if (!count || *count < 0 || !loadRange(state, range))
      return false;
    samples = *count;
    return true;
  }

private:
  static constexpr double leastWeight = 0.01;
  RealRange range;
  int64_t samples = 0;
};

} // namespace

std::unique_ptr<Observer> makeMovingAverageObserver() {
  return std::make_unique<MovingAverageObserver>();
}

} // namespace quern
