// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Extremes.h"
#include "passes/Calibrate/Observer.h"

namespace quern {

namespace {

/// Keeps the extremes of everything.
class MinMaxObserver : public Observer {
public:
  void observe(llvm::ArrayRef<float> values) override {
    RealRange sample = findExtremes(values);
    range = {std::min(range.low, sample.low), std::max(range.high, sample.high)};
  }
  RealRange getRange(unsigned) const override { return range; }
  llvm::json::Value save() const override {
    return llvm::json::Object{{"low", range.low}, {"high", range.high}};
  }
  bool load(const llvm::json::Value &state) override { return loadRange(state, range); }

private:
  RealRange range;
};

} // namespace

std::unique_ptr<Observer> makeMinMaxObserver() { return std::make_unique<MinMaxObserver>(); }

} // namespace quern
