// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataSet.h"
#include "compiler/driver/Commands.h"
#include "compiler/driver/ModelLoader.h"
#include "compiler/driver/ProgressLine.h"
#include "compiler/evaluate/Metrics.h"
#include "passes/Calibrate/Sweep.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using llvm::Error;
using llvm::Expected;

namespace quern::driver {

namespace {

/// One line of the result: all samples, or a slice of them.
struct Group {
  std::string name;
  std::vector<size_t> samples;
};

/// One run of `quern eval`.
class Evaluation {
public:
  explicit Evaluation(const EvalOptions &options) : options(options) {}
  Error run();

private:
  Error open();
  Error chooseMetrics();
  Expected<size_t> findOutput(const CompiledModel &of) const;
  Error measure();
  Error score(size_t index, llvm::ArrayRef<char> output, llvm::ArrayRef<char> reference);
  Expected<std::vector<Group>> makeGroups() const;
  void printTable(llvm::ArrayRef<Group> groups) const;
  void printJson(llvm::ArrayRef<Group> groups) const;
  Estimate estimateGroup(size_t metric, const Group &group) const;
  /// Whether the data and options have what the metric needs; if not, what is missing.
  std::optional<std::string> findLack(const Metric &metric) const;
  Error checkTargets(size_t index, llvm::ArrayRef<int64_t> targets, size_t values) const;

  const EvalOptions &options;
  ModelLoader loader;
  std::unique_ptr<CompiledModel> model, against;
  std::unique_ptr<data::DataSet> set;
  std::vector<const Metric *> metrics;
  std::vector<std::vector<Score>> scores; ///< for each metric, of each sample
  mlir::Type outputType, referenceType;
};

} // namespace

Error Evaluation::open() {
  model = loader.load(options.compile);
  if (!model)
    return llvm::createStringError("");
  auto opened = data::DataSet::open(options.data, model->getInputs());
  if (!opened)
    return opened.takeError();
  set = std::move(*opened);
  for (const std::string &warning : set->getWarnings())
    llvm::errs() << "warning: " << warning << '\n';
  if (options.against.empty())
    return Error::success();
  CompileOptions other;
  other.model = options.against;
  other.target = options.compile.target;
  other.shapes = options.compile.shapes;
  against = loader.load(other);
  if (!against)
    return llvm::createStringError("");
  auto describe = [](const TensorSlot &slot) { return std::pair(slot.name, slot.type); };
  bool same = llvm::equal(llvm::map_range(model->getInputs(), describe),
                          llvm::map_range(against->getInputs(), describe));
  if (!same)
    return llvm::createStringError("'" + options.against +
                                   "': expected the inputs of the model that is evaluated, found "
                                   "others");
  return Error::success();
}

std::optional<std::string> Evaluation::findLack(const Metric &metric) const {
  if (metric.needsLabel && !set->hasLabels() && !set->hasTargets())
    return "a 'label' in the data set";
  if (metric.needsTargets && !set->hasTargets())
    return "'targets' in the data set";
  if (metric.needsReference && !against)
    return "--against=MODEL";
  return std::nullopt;
}

/// Those that were asked for, or all for which there is what they need.
Error Evaluation::chooseMetrics() {
  for (const std::string &name : options.metrics) {
    const Metric *metric = lookupMetric(name);
    if (auto lack = findLack(*metric))
      return llvm::createStringError("--metric=" + name + " needs " + *lack);
    metrics.push_back(metric);
  }
  if (options.metrics.empty())
    for (const Metric &metric : getMetrics())
      if (!findLack(metric))
        metrics.push_back(&metric);
  if (metrics.empty())
    return llvm::createStringError("nothing to measure: expected a 'label' or 'targets' in the "
                                   "data set or --against=MODEL");
  scores.resize(metrics.size(), std::vector<Score>(set->size()));
  return Error::success();
}

Expected<size_t> Evaluation::findOutput(const CompiledModel &of) const {
  if (options.output.empty())
    return 0;
  for (auto [index, slot] : llvm::enumerate(of.getOutputs()))
    if (slot.name == options.output)
      return index;
  return llvm::createStringError("there is no output '" + options.output + "'");
}

/// Each position has a distribution of its own, which knows the target.
Error Evaluation::checkTargets(size_t index, llvm::ArrayRef<int64_t> targets, size_t values) const {
  if (values % targets.size() != 0)
    return llvm::createStringError("expected an output [positions, vocabulary] with %zu positions, "
                                   "found %zu values; --of chooses another output",
                                   targets.size(), values);
  auto classes = static_cast<int64_t>(values / targets.size());
  for (auto [position, target] : llvm::enumerate(targets))
    if (target >= classes)
      return llvm::createStringError(set->getPlace(index) + ": target of token " +
                                     llvm::Twine(position) + ": expected an id from 0 to " +
                                     llvm::Twine(classes - 1) + ", found " + llvm::Twine(target));
  return Error::success();
}

Error Evaluation::score(size_t index, llvm::ArrayRef<char> output, llvm::ArrayRef<char> reference) {
  std::vector<float> outputStorage, referenceStorage;
  Observation sample;
  sample.output = asFloats(output, outputType, outputStorage);
  if (against) {
    sample.reference = asFloats(reference, referenceType, referenceStorage);
    if (sample.reference.size() != sample.output.size())
      return llvm::createStringError("the models' outputs have different sizes");
  }
  if (set->hasLabels())
    sample.label = set->getLabel(index);
  std::vector<int64_t> targets;
  if (set->hasTargets()) {
    targets = set->getTargets(index);
    if (Error error = checkTargets(index, targets, sample.output.size()))
      return error;
    sample.targets = targets;
  }
  for (float value : sample.output)
    if (std::isnan(value))
      return llvm::createStringError(set->getPlace(index) + ": the model's output holds NaN");
  for (auto [metric, values] : llvm::zip_equal(metrics, scores))
    values[index] = metric->score(sample);
  return Error::success();
}

Error Evaluation::measure() {
  auto output = findOutput(*model);
  auto sweep = Sweep::make(*model, *set);
  if (!output || !sweep)
    return llvm::joinErrors(output.takeError(), sweep.takeError());
  outputType = model->getOutputs()[*output].type.getElementType();
  std::optional<Sweep> other;
  size_t otherOutput = 0;
  if (against) {
    auto found = findOutput(*against);
    auto made = Sweep::make(*against, *set);
    if (!found || !made)
      return llvm::joinErrors(found.takeError(), made.takeError());
    otherOutput = *found;
    referenceType = against->getOutputs()[otherOutput].type.getElementType();
    other.emplace(std::move(*made));
  }
  ProgressLine progress;
  for (size_t begin = 0; begin < set->size(); begin += sweep->getBatch()) {
    size_t end = std::min<size_t>(set->size(), begin + sweep->getBatch());
    std::vector<std::vector<char>> references(end - begin);
    if (other)
      if (Error error = other->run(begin, end, [&](const Sweep::Sample &sample) {
            references[sample.index - begin] = sample.outputs[otherOutput].vec();
            return Error::success();
          }))
        return error;
    if (Error error = sweep->run(begin, end, [&](const Sweep::Sample &sample) {
          return score(sample.index, sample.outputs[*output], references[sample.index - begin]);
        }))
      return error;
    progress.show("evaluating", end, set->size());
  }
  return Error::success();
}

/// All samples, then the slices by name.
Expected<std::vector<Group>> Evaluation::makeGroups() const {
  std::vector<Group> groups(1);
  groups[0].name = "all";
  for (size_t i = 0; i < set->size(); ++i)
    groups[0].samples.push_back(i);
  if (options.sliceBy.empty())
    return groups;
  auto column = llvm::find(set->getSliceColumns(), options.sliceBy);
  if (column == set->getSliceColumns().end())
    return llvm::createStringError("--slice-by=" + options.sliceBy +
                                   ": expected one of the data set's 'slices', found: " +
                                   llvm::join(set->getSliceColumns(), ", "));
  std::map<std::string, std::vector<size_t>> slices;
  for (size_t i = 0; i < set->size(); ++i)
    slices[set->getSlice(i, column - set->getSliceColumns().begin())].push_back(i);
  for (auto &[name, samples] : slices)
    groups.push_back({name, std::move(samples)});
  return groups;
}

Estimate Evaluation::estimateGroup(size_t metric, const Group &group) const {
  std::vector<Score> values;
  llvm::StringMap<size_t> units;
  for (size_t sample : group.samples) {
    auto [unit, isNew] = units.try_emplace(set->getUnit(sample), values.size());
    if (isNew)
      values.emplace_back();
    values[unit->second].numerator += scores[metric][sample].numerator;
    values[unit->second].denominator += scores[metric][sample].denominator;
  }
  return estimate(*metrics[metric], values);
}

void Evaluation::printTable(llvm::ArrayRef<Group> groups) const {
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::formatv("{0,-24} {1,8}", options.sliceBy.empty() ? "" : options.sliceBy, "samples");
  for (const Metric *metric : metrics) {
    std::string unit = metric->unit.empty() ? "" : " [" + metric->unit.str() + "]";
    out << llvm::formatv(" {0,30}", metric->name.str() + unit);
  }
  out << '\n';
  for (const Group &group : groups) {
    out << llvm::formatv("{0,-24} {1,8}", group.name, group.samples.size());
    for (size_t metric = 0; metric < metrics.size(); ++metric) {
      Estimate value = estimateGroup(metric, group);
      std::string text =
          llvm::formatv("{0:F4} ({1:F4}..{2:F4})", value.value, value.low, value.high);
      out << llvm::formatv(" {0,30}", text);
    }
    out << '\n';
  }
}

void Evaluation::printJson(llvm::ArrayRef<Group> groups) const {
  llvm::json::OStream json(llvm::outs(), 1);
  json.array([&] {
    for (const Group &group : groups)
      json.object([&] {
        json.attribute("slice", llvm::json::fixUTF8(group.name));
        json.attribute("samples", static_cast<int64_t>(group.samples.size()));
        for (size_t metric = 0; metric < metrics.size(); ++metric) {
          Estimate value = estimateGroup(metric, group);
          // JSON has no infinity: the SQNR of equal outputs is null.
          auto number = [](double x) -> llvm::json::Value {
            return std::isfinite(x) ? llvm::json::Value(x) : llvm::json::Value(nullptr);
          };
          json.attributeArray(metrics[metric]->name, [&] {
            json.value(number(value.value));
            json.value(number(value.low));
            json.value(number(value.high));
          });
        }
      });
  });
  llvm::outs() << '\n';
}

Error Evaluation::run() {
  if (Error error = open())
    return error;
  if (Error error = chooseMetrics())
    return error;
  auto groups = makeGroups();
  if (!groups)
    return groups.takeError();
  if (Error error = measure())
    return error;
  options.json ? printJson(*groups) : printTable(*groups);
  return Error::success();
}

int runEval(const EvalOptions &options) {
  Error error = Evaluation(options).run();
  if (!error)
    return ExitDone;
  ModelLoader::report(std::move(error));
  return ExitFailed;
}

} // namespace quern::driver
