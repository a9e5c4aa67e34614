// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/precision/DropMeter.h"

#include "compiler/evaluate/Drop.h"

#include "llvm/ADT/STLExtras.h"

using llvm::Expected;

namespace quern {

/// How many samples stand for all, and how many of each slice are among them at least.
static constexpr size_t probeSamples = 48, probeSamplesOfSlice = 3;

Expected<DropMeter> DropMeter::make(std::unique_ptr<data::DataSet> set, llvm::StringRef column,
                                    std::unique_ptr<CompiledModel> reference, Progress onProgress) {
  DropMeter meter;
  auto groups = groupSamples(*set, column);
  if (!groups)
    return groups.takeError();
  meter.groups = std::move(*groups);
  meter.metric = &chooseDropMetric(set->hasTargets(), set->hasLabels());
  meter.set = std::move(set);
  meter.model = std::move(reference);
  meter.onProgress = std::move(onProgress);
  meter.chooseProbes();
  auto show = [&](size_t done, size_t total) {
    meter.onProgress("evaluating the float model", done, total);
  };
  auto scores = scoreModel(*meter.model, meter.metric->needsReference ? meter.model.get() : nullptr,
                           *meter.set, {{meter.metric}, "", {}, show});
  if (!scores)
    return scores.takeError();
  meter.reference = std::move(scores->front());
  meter.last = meter.reference;
  return std::move(meter);
}

/// At even distances in each slice.
void DropMeter::chooseProbes() {
  size_t slices = std::max<size_t>(groups.size() - 1, 1);
  size_t wanted = std::max(probeSamplesOfSlice, (probeSamples + slices - 1) / slices);
  for (const SampleGroup &group :
       groups.size() > 1 ? llvm::ArrayRef(groups).drop_front() : llvm::ArrayRef(groups)) {
    size_t count = std::min(wanted, group.samples.size());
    for (size_t i = 0; i < count; ++i)
      probes.push_back(group.samples[i * group.samples.size() / count]);
  }
  llvm::sort(probes);
}

std::vector<std::string> DropMeter::getSlices() const {
  std::vector<std::string> names;
  for (const SampleGroup &group : llvm::drop_begin(groups))
    names.push_back(group.name);
  return names;
}

/// The sums over a group's units.
std::vector<Score> DropMeter::pick(llvm::ArrayRef<Score> scores, const SampleGroup &group) const {
  std::vector<Score> picked;
  picked.reserve(group.samples.size());
  for (size_t sample : group.samples)
    picked.push_back(scores[sample]);
  return sumUnits(*set, group.samples, picked);
}

static Interval makeInterval(const Estimate &estimate) {
  return {estimate.value, estimate.low, estimate.high};
}

std::vector<Interval> DropMeter::estimateAll(llvm::ArrayRef<Score> scores) const {
  std::vector<Interval> figures;
  figures.reserve(groups.size());
  for (const SampleGroup &group : groups)
    figures.push_back(makeInterval(estimate(*metric, pick(scores, group))));
  return figures;
}

Expected<MeasuredDrops> DropMeter::measure(const CompiledModel &other) {
  auto show = [&](size_t done, size_t total) { onProgress("evaluating a mix", done, total); };
  auto scores = scoreModel(other, metric->needsReference ? model.get() : nullptr, *set,
                           {{metric}, "", {}, show});
  if (!scores)
    return scores.takeError();
  last = std::move(scores->front());
  MeasuredDrops drops;
  for (auto [index, group] : llvm::enumerate(groups)) {
    Estimate drop = estimateDrop(*metric, pick(last, group), pick(reference, group));
    (index ? drops.slices.emplace_back() : drops.all) = makeInterval(drop);
  }
  return drops;
}

static double getMean(const Score &score) {
  return score.denominator > 0 ? score.numerator / score.denominator : 0;
}

Expected<std::vector<double>> DropMeter::measureLoss(const CompiledModel &other) {
  auto scores = scoreModel(other, model.get(), *set, {{lookupMetric("kl")}, "", probes});
  if (!scores)
    return scores.takeError();
  std::vector<double> losses;
  for (const SampleGroup &group : groups) {
    Score sum;
    for (auto [sample, score] : llvm::zip_equal(probes, scores->front()))
      if (llvm::is_contained(group.samples, sample))
        sum += score;
    losses.push_back(getMean(sum));
  }
  return losses;
}

Expected<double> DropMeter::measureLossOf(const CompiledModel &other, size_t group) {
  auto scores =
      scoreModel(other, model.get(), *set, {{lookupMetric("kl")}, "", groups[group].samples});
  if (!scores)
    return scores.takeError();
  Score sum;
  for (const Score &score : scores->front())
    sum += score;
  return getMean(sum);
}

} // namespace quern
