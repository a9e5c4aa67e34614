// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CALIBRATE_OBSERVER_H
#define QUERN_PASSES_CALIBRATE_OBSERVER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace quern {

/// The real numbers that codes shall cover. Always holds zero: padding and ReLU need it exactly.
struct RealRange {
  double low = 0, high = 0;
};

/// Watches one stream of values, sample by sample, and says which range of them is worth codes.
/// Its state can be saved and goes on where it was.
class Observer {
public:
  virtual ~Observer() = default;
  /// The values of one sample; at least one. NaNs count as zeros, infinities as the largest float.
  virtual void observe(llvm::ArrayRef<float> values) = 0;
  /// The range for `levels` codes (256 for 8 bits) over what was observed; [0, 0] if all was zero.
  virtual RealRange getRange(unsigned levels) const = 0;
  virtual llvm::json::Value save() const = 0;
  /// False if the value is not what `save` makes.
  virtual bool load(const llvm::json::Value &state) = 0;
};

/// A row of the registry: what `--observer=` takes.
struct ObserverInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral description;
  std::unique_ptr<Observer> (*make)();
};

/// All observers; a new one adds its line in ObserverRegistry.cpp.
llvm::ArrayRef<ObserverInfo> getObservers();
/// The observer of that name, or null.
const ObserverInfo *lookupObserver(llvm::StringRef name);

std::unique_ptr<Observer> makeMinMaxObserver();
std::unique_ptr<Observer> makeMovingAverageObserver();
std::unique_ptr<Observer> makePercentileObserver();
std::unique_ptr<Observer> makeMeanSquaredErrorObserver();
std::unique_ptr<Observer> makeEntropyObserver();

/// Observers of a tensor: one for all values or one for each channel.
class TensorObserver {
public:
  TensorObserver(const ObserverInfo &info, int64_t channels);
  /// The values of one sample seen as [outer, channels, inner].
  void observe(llvm::ArrayRef<float> values, int64_t outer, int64_t inner);
  std::vector<RealRange> getRanges(unsigned levels) const;
  llvm::json::Value save() const;
  bool load(const llvm::json::Value &state);

private:
  std::vector<std::unique_ptr<Observer>> observers;
  std::vector<float> gathered;
};

} // namespace quern

#endif // QUERN_PASSES_CALIBRATE_OBSERVER_H
