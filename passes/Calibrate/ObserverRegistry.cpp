// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Observer.h"

#include "llvm/ADT/STLExtras.h"

namespace quern {

llvm::ArrayRef<ObserverInfo> getObservers() {
  static const ObserverInfo observers[] = {
      {"minmax", "the extremes of all samples", makeMinMaxObserver},
      {"average", "the mean of the samples' extremes, moving after 100", makeMovingAverageObserver},
      {"percentile", "all but 0.001 % of the values", makePercentileObserver},
      {"mse", "the least squared error of the codes", makeMeanSquaredErrorObserver},
      {"entropy", "the least divergence (KL) of the codes' distribution", makeEntropyObserver},
  };
  return observers;
}

const ObserverInfo *lookupObserver(llvm::StringRef name) {
  for (const ObserverInfo &info : getObservers())
    if (info.name == name)
      return &info;
  return nullptr;
}

TensorObserver::TensorObserver(const ObserverInfo &info, int64_t channels) {
  for (int64_t i = 0; i < channels; ++i)
    observers.push_back(info.make());
}

void TensorObserver::observe(llvm::ArrayRef<float> values, int64_t outer, int64_t inner) {
  auto channels = static_cast<int64_t>(observers.size());
  if (channels == 1)
    return observers[0]->observe(values);
  for (int64_t c = 0; c < channels; ++c) {
    gathered.clear();
    for (int64_t o = 0; o < outer; ++o)
      llvm::append_range(gathered, values.slice((o * channels + c) * inner, inner));
    observers[c]->observe(gathered);
  }
}

std::vector<RealRange> TensorObserver::getRanges(unsigned levels) const {
  std::vector<RealRange> ranges;
  ranges.reserve(observers.size());
  for (const auto &observer : observers)
    ranges.push_back(observer->getRange(levels));
  return ranges;
}

llvm::json::Value TensorObserver::save() const {
  llvm::json::Array states;
  for (const auto &observer : observers)
    states.push_back(observer->save());
  return states;
}

bool TensorObserver::load(const llvm::json::Value &state) {
  const llvm::json::Array *states = state.getAsArray();
  if (!states || states->size() != observers.size())
    return false;
  for (auto [observer, saved] : llvm::zip(observers, *states))
    if (!observer->load(saved))
      return false;
  return true;
}

} // namespace quern
