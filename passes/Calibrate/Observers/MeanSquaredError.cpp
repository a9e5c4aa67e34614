// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Histogram.h"

namespace quern {

namespace {

/// Searches the range whose codes have the least squared error: a few values may be clipped for
/// finer steps everywhere else. Each end is moved inward in a hundred steps, in turn.
class MeanSquaredErrorObserver : public Observer {
public:
  void observe(llvm::ArrayRef<float> values) override { histogram.add(values); }
  RealRange getRange(unsigned levels) const override;
  llvm::json::Value save() const override { return histogram.save(); }
  bool load(const llvm::json::Value &state) override { return histogram.load(state); }

private:
  void search(RealRange &best, double RealRange::*end, unsigned levels) const;
  Histogram histogram;
};

} // namespace

void MeanSquaredErrorObserver::search(RealRange &best, double RealRange::*end,
                                      unsigned levels) const {
  constexpr int steps = 100;
  double full = histogram.getExtremes().*end;
  if (full == 0)
    return;
  double least = getSquaredError(histogram, best, levels);
  for (int step = 1; step <= steps; ++step) {
    RealRange candidate = best;
    candidate.*end = full * step / steps;
    double error = getSquaredError(histogram, candidate, levels);
    if (error < least) {
      least = error;
      best = candidate;
    }
  }
}

RealRange MeanSquaredErrorObserver::getRange(unsigned levels) const {
  RealRange best = histogram.getExtremes();
  for (int round = 0; round < 2; ++round) {
    search(best, &RealRange::high, levels);
    search(best, &RealRange::low, levels);
  }
  return best;
}

std::unique_ptr<Observer> makeMeanSquaredErrorObserver() {
  return std::make_unique<MeanSquaredErrorObserver>();
}

} // namespace quern
