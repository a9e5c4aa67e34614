// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Calibrate.h"

#include "passes/Calibrate/Sites.h"
#include "passes/Calibrate/Sweep.h"

#include "mlir/IR/OwningOpRef.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

void Statistics::add(llvm::StringRef site, std::optional<int64_t> channels) {
  sites.try_emplace(site, channels ? *channelObserver : *observer, channels.value_or(1));
}

std::vector<RealRange> Statistics::getRanges(llvm::StringRef site, unsigned levels) const {
  auto found = sites.find(site);
  return found == sites.end() ? std::vector<RealRange>(1) : found->second.getRanges(levels);
}

llvm::json::Value Statistics::save() const {
  llvm::json::Object states;
  for (const auto &entry : sites)
    states[entry.first().str()] = entry.second.save(); // a StringRef key would be borrowed
  return llvm::json::Object{{"observer", observer->name.str()},
                            {"channel_observer", channelObserver->name.str()},
                            {"samples", static_cast<int64_t>(samples)},
                            {"sites", std::move(states)}};
}

Error Statistics::load(const llvm::json::Value &state) {
  const llvm::json::Object *object = state.getAsObject();
  const llvm::json::Object *states = object ? object->getObject("sites") : nullptr;
  auto count = object ? object->getInteger("samples") : std::nullopt;
  auto name = object ? object->getString("observer") : std::nullopt;
  auto channelName = object ? object->getString("channel_observer") : std::nullopt;
  if (!states || !count || *count < 0 || !name || !channelName)
    return llvm::createStringError("expected observers, 'samples' and 'sites' in the statistics");
  if (*name != observer->name || *channelName != channelObserver->name)
    return llvm::createStringError("the statistics are of the observers '" + *name + "' and '" +
                                   *channelName + "', expected '" + observer->name + "' and '" +
                                   channelObserver->name + "'");
  for (auto &entry : sites) {
    const llvm::json::Value *saved = states->get(entry.first());
    if (!saved || !entry.second.load(*saved))
      return llvm::createStringError("the statistics of '" + entry.first() +
                                     "' are missing or damaged");
  }
  samples = *count;
  return Error::success();
}

namespace {

/// Where a site's values are found when the model runs.
struct Tap {
  TensorObserver *observer;
  std::pair<bool, size_t> place;
  mlir::Type element;
  int64_t outer = 1, inner = 1; ///< of the channels, in one sample
};

} // namespace

static Expected<Statistics> prepare(mlir::func::FuncOp main, llvm::ArrayRef<ObservedSite> sites,
                                    size_t samples, const CalibrationOptions &options) {
  Statistics statistics(*options.observer, *options.channelObserver);
  for (const ObservedSite &site : sites) {
    mlir::Value value = findSite(main, site.name);
    if (!value)
      return llvm::createStringError("there is no tensor '" + site.name + "' to observe");
    std::optional<int64_t> channels;
    if (site.axis)
      channels = llvm::cast<mlir::RankedTensorType>(value.getType()).getDimSize(*site.axis);
    statistics.add(site.name, channels);
  }
  if (!options.resume)
    return std::move(statistics);
  if (Error error = statistics.load(*options.resume))
    return std::move(error);
  if (statistics.samples > samples)
    return llvm::createStringError("the statistics are of more samples than there are");
  return std::move(statistics);
}

static Expected<Tap> makeTap(const Sweep &sweep, const ObservedSite &site,
                             TensorObserver &observer) {
  auto place = sweep.find(site.name);
  if (!place)
    return llvm::createStringError("the compiled model does not show '" + site.name + "'");
  mlir::RankedTensorType type = sweep.getSlot(*place).type;
  Tap tap = {&observer, *place, type.getElementType(), 1, 1};
  for (int64_t d = 1; site.axis && d < type.getRank(); ++d)
    if (d != *site.axis)
      (d < *site.axis ? tap.outer : tap.inner) *= type.getDimSize(d);
  return tap;
}

static Error observeAll(Statistics &statistics, llvm::ArrayRef<ObservedSite> sites,
                        const CompiledModel &model, SampleSource &source,
                        const CalibrationOptions &options) {
  auto sweep = Sweep::make(model, source);
  if (!sweep)
    return sweep.takeError();
  std::vector<Tap> taps;
  for (const ObservedSite &site : sites) {
    auto tap = makeTap(*sweep, site, statistics.sites.find(site.name)->second);
    if (!tap)
      return tap.takeError();
    taps.push_back(*tap);
  }
  std::vector<float> storage;
  while (statistics.samples < source.size()) {
    size_t end = std::min<size_t>(source.size(), statistics.samples + sweep->getBatch());
    Error error = sweep->run(statistics.samples, end, [&](const Sweep::Sample &sample) {
      for (Tap &tap : taps) {
        llvm::ArrayRef<char> bytes =
            (tap.place.first ? sample.outputs : sample.inputs)[tap.place.second];
        tap.observer->observe(asFloats(bytes, tap.element, storage), tap.outer, tap.inner);
      }
      return Error::success();
    });
    if (error)
      return error;
    statistics.samples = end;
    if (options.onBatch)
      if (Error stopped = options.onBatch(statistics, source.size()))
        return stopped;
  }
  return Error::success();
}

Expected<Statistics> calibrate(mlir::ModuleOp module, llvm::ArrayRef<ObservedSite> sites,
                               const ModelRunner &runner, SampleSource &source,
                               const CalibrationOptions &options) {
  auto statistics = prepare(getMain(module), sites, source.size(), options);
  if (!statistics || statistics->samples == source.size())
    return statistics;
  std::vector<std::string> names;
  for (const ObservedSite &site : sites)
    names.push_back(site.name);
  mlir::OwningOpRef<mlir::ModuleOp> tapped = module.clone();
  if (mlir::failed(tapSites(getMain(*tapped), names)))
    return llvm::createStringError("");
  auto model = compileModel(runner, *tapped);
  if (!model)
    return model.takeError();
  if (Error error = observeAll(*statistics, sites, **model, source, options))
    return std::move(error);
  return statistics;
}

} // namespace quern
