// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CALIBRATE_CALIBRATE_H
#define QUERN_PASSES_CALIBRATE_CALIBRATE_H

#include "passes/Calibrate/Observer.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

#include "llvm/ADT/StringMap.h"

#include <functional>
#include <string>

namespace quern {

/// What observers saw of a model's tensors over the first `samples` of a data set.
class Statistics {
public:
  Statistics(const ObserverInfo &observer, const ObserverInfo &channelObserver)
      : observer(&observer), channelObserver(&channelObserver) {}

  /// Adds an observer for a tensor, or for each of `channels` channels.
  void add(llvm::StringRef site, std::optional<int64_t> channels);
  /// The ranges of a tensor for that many codes: one, or one for each channel.
  std::vector<RealRange> getRanges(llvm::StringRef site, unsigned levels) const;
  bool contains(llvm::StringRef site) const { return sites.contains(site); }

  llvm::json::Value save() const;
  /// Fails if it is damaged, or not of this observer.
  llvm::Error load(const llvm::json::Value &state);

  size_t samples = 0;
  llvm::StringMap<TensorObserver> sites;

private:
  const ObserverInfo *observer, *channelObserver;
};

struct CalibrationOptions {
  const ObserverInfo *observer = nullptr;        ///< of whole tensors
  const ObserverInfo *channelObserver = nullptr; ///< of channels
  /// What an earlier, interrupted calibration got to; null: nothing. Sites it does not have are an
  /// error.
  const llvm::json::Value *resume = nullptr;
  /// Called after each batch with what there is so far; an error ends the calibration.
  std::function<llvm::Error(const Statistics &, size_t total)> onBatch;
};

/// Compiles the float model (stage `import`) with the sites as outputs, runs it over all samples
/// and observes each site. Errors without text have been reported as diagnostics.
llvm::Expected<Statistics> calibrate(mlir::ModuleOp module, llvm::ArrayRef<ObservedSite> sites,
                                     const ModelRunner &runner, SampleSource &source,
                                     const CalibrationOptions &options);

} // namespace quern

#endif // QUERN_PASSES_CALIBRATE_CALIBRATE_H
