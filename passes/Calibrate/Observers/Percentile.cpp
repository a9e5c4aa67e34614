// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Histogram.h"

namespace quern {

namespace {

/// Leaves out the outermost values: half of 0.001 % at each side, or all of it at the only side
/// that has values.
class PercentileObserver : public Observer {
public:
  void observe(llvm::ArrayRef<float> values) override { histogram.add(values); }
  RealRange getRange(unsigned) const override;
  llvm::json::Value save() const override { return histogram.save(); }
  bool load(const llvm::json::Value &state) override { return histogram.load(state); }

private:
  static constexpr double leftOut = 1e-5;
  Histogram histogram;
};

} // namespace

RealRange PercentileObserver::getRange(unsigned) const {
  RealRange range = histogram.getExtremes();
  bool bothSides = range.low < 0 && range.high > 0;
  double allowed = static_cast<double>(histogram.getTotal()) * leftOut / (bothSides ? 2 : 1);
  uint64_t outside = 0;
  int bin = Histogram::bins - 1, zero = Histogram::bins / 2;
  for (; bin > zero && static_cast<double>(outside + histogram.getCount(bin)) <= allowed; --bin)
    outside += histogram.getCount(bin);
  if (outside)
    range.high = (bin - zero + 1) * histogram.getWidth();
  outside = 0;
  for (bin = 0; bin < zero && static_cast<double>(outside + histogram.getCount(bin)) <= allowed;
       ++bin)
    outside += histogram.getCount(bin);
  if (outside)
    range.low = (bin - zero) * histogram.getWidth();
  return range;
}

std::unique_ptr<Observer> makePercentileObserver() {
  return std::make_unique<PercentileObserver>();
}

} // namespace quern
