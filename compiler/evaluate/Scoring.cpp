// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/evaluate/Scoring.h"

#include "compiler/data/SelectedSamples.h"
#include "passes/Calibrate/Sweep.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

#include <cmath>
#include <map>
#include <numeric>

using llvm::Error;
using llvm::Expected;

namespace quern {

namespace {

/// One run of a model, and of its reference, over the samples.
class Scoring {
public:
  Scoring(data::DataSet &set, const ScoringOptions &options);
  Expected<ScoreTable> run(const CompiledModel &model, const CompiledModel *reference);

private:
  Expected<size_t> findOutput(const CompiledModel &model) const;
  Error score(size_t index, llvm::ArrayRef<float> output, llvm::ArrayRef<float> reference);
  Error checkTargets(size_t sample, llvm::ArrayRef<int64_t> targets, size_t values) const;

  data::DataSet &set;
  const ScoringOptions &options;
  std::vector<size_t> samples;
  data::SelectedSamples selected;
  ScoreTable table;
};

} // namespace

static std::vector<size_t> selectSamples(const data::DataSet &set, const ScoringOptions &options) {
  if (!options.samples.empty())
    return options.samples;
  std::vector<size_t> all(set.size());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Scoring::Scoring(data::DataSet &set, const ScoringOptions &options)
    : set(set), options(options), samples(selectSamples(set, options)), selected(set, samples),
      table(options.metrics.size(), std::vector<Score>(samples.size())) {}

Expected<size_t> Scoring::findOutput(const CompiledModel &model) const {
  if (options.output.empty())
    return 0;
  for (auto [index, slot] : llvm::enumerate(model.getOutputs()))
    if (slot.name == options.output)
      return index;
  return llvm::createStringError("there is no output '" + options.output + "'");
}

/// Each position has a distribution of its own, which knows the target.
Error Scoring::checkTargets(size_t sample, llvm::ArrayRef<int64_t> targets, size_t values) const {
  if (values % targets.size() != 0)
    return llvm::createStringError("expected an output [positions, vocabulary] with %zu positions, "
                                   "found %zu values; --of chooses another output",
                                   targets.size(), values);
  auto classes = static_cast<int64_t>(values / targets.size());
  for (auto [position, target] : llvm::enumerate(targets))
    if (target >= classes)
      return llvm::createStringError(set.getPlace(sample) + ": target of token " +
                                     llvm::Twine(position) + ": expected an id from 0 to " +
                                     llvm::Twine(classes - 1) + ", found " + llvm::Twine(target));
  return Error::success();
}

Error Scoring::score(size_t index, llvm::ArrayRef<float> output, llvm::ArrayRef<float> reference) {
  size_t number = samples[index];
  Observation sample = {output, reference, {}, {}};
  if (!reference.empty() && reference.size() != output.size())
    return llvm::createStringError("the models' outputs have different sizes");
  if (set.hasLabels())
    sample.label = set.getLabel(number);
  std::vector<int64_t> targets;
  if (set.hasTargets()) {
    targets = set.getTargets(number);
    if (Error error = checkTargets(number, targets, output.size()))
      return error;
    sample.targets = targets;
  }
  for (float value : output)
    if (std::isnan(value))
      return llvm::createStringError(set.getPlace(number) + ": the model's output holds NaN");
  for (auto [metric, scores] : llvm::zip_equal(options.metrics, table))
    scores[index] = metric->score(sample);
  return Error::success();
}

Expected<ScoreTable> Scoring::run(const CompiledModel &model, const CompiledModel *reference) {
  auto output = findOutput(model);
  auto sweep = Sweep::make(model, selected);
  if (!output || !sweep)
    return llvm::joinErrors(output.takeError(), sweep.takeError());
  mlir::Type type = model.getOutputs()[*output].type.getElementType(), otherType;
  std::optional<Sweep> other;
  size_t otherOutput = 0;
  if (reference) {
    auto found = findOutput(*reference);
    auto made = Sweep::make(*reference, selected);
    if (!found || !made)
      return llvm::joinErrors(found.takeError(), made.takeError());
    otherOutput = *found;
    otherType = reference->getOutputs()[otherOutput].type.getElementType();
    other.emplace(std::move(*made));
  }
  std::vector<float> storage, otherStorage;
  for (size_t begin = 0; begin < samples.size(); begin += sweep->getBatch()) {
    size_t end = std::min<size_t>(samples.size(), begin + sweep->getBatch());
    std::vector<std::vector<char>> references(end - begin);
    if (other)
      if (Error error = other->run(begin, end, [&](const Sweep::Sample &sample) {
            references[sample.index - begin] = sample.outputs[otherOutput].vec();
            return Error::success();
          }))
        return std::move(error);
    if (Error error = sweep->run(begin, end, [&](const Sweep::Sample &sample) {
          llvm::ArrayRef<float> theirs;
          if (other)
            theirs = asFloats(references[sample.index - begin], otherType, otherStorage);
          return score(sample.index, asFloats(sample.outputs[*output], type, storage), theirs);
        }))
      return std::move(error);
    if (options.onProgress)
      options.onProgress(end, samples.size());
  }
  return std::move(table);
}

Expected<ScoreTable> scoreModel(const CompiledModel &model, const CompiledModel *reference,
                                data::DataSet &set, const ScoringOptions &options) {
  return Scoring(set, options).run(model, reference);
}

Expected<std::vector<SampleGroup>> groupSamples(const data::DataSet &set, llvm::StringRef column) {
  std::vector<SampleGroup> groups(1);
  groups[0].name = "all";
  for (size_t i = 0; i < set.size(); ++i)
    groups[0].samples.push_back(i);
  if (column.empty())
    return std::move(groups);
  const auto *found = llvm::find(set.getSliceColumns(), column);
  if (found == set.getSliceColumns().end())
    return llvm::createStringError("--slice-by=" + column +
                                   ": expected one of the data set's 'slices', found: " +
                                   llvm::join(set.getSliceColumns(), ", "));
  std::map<std::string, std::vector<size_t>> slices;
  for (size_t i = 0; i < set.size(); ++i)
    slices[set.getSlice(i, found - set.getSliceColumns().begin())].push_back(i);
  for (auto &[name, samples] : slices)
    groups.push_back({name, std::move(samples)});
  return std::move(groups);
}

std::vector<Score> sumUnits(const data::DataSet &set, llvm::ArrayRef<size_t> samples,
                            llvm::ArrayRef<Score> scores) {
  std::vector<Score> sums;
  llvm::StringMap<size_t> units;
  for (auto [sample, score] : llvm::zip_equal(samples, scores)) {
    auto [unit, isNew] = units.try_emplace(set.getUnit(sample), sums.size());
    if (isNew)
      sums.emplace_back();
    sums[unit->second] += score;
  }
  return sums;
}

} // namespace quern
