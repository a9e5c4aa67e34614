// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/DataSet.h"
#include "compiler/driver/Commands.h"
#include "compiler/driver/ModelLoader.h"
#include "compiler/driver/ProgressLine.h"
#include "compiler/evaluate/Scoring.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using llvm::Error;

namespace quern::driver {

namespace {

/// One run of `quern eval`.
class Evaluation {
public:
  explicit Evaluation(const EvalOptions &options) : options(options) {}
  Error run();

private:
  Error open();
  Error chooseMetrics();
  Error measure();
  void printTable(llvm::ArrayRef<SampleGroup> groups) const;
  void printJson(llvm::ArrayRef<SampleGroup> groups) const;
  Estimate estimateGroup(size_t metric, const SampleGroup &group) const;
  /// Whether the data and options have what the metric needs; if not, what is missing.
  std::optional<std::string> findLack(const Metric &metric) const;

  const EvalOptions &options;
  ModelLoader loader;
  std::unique_ptr<CompiledModel> model, against;
  std::unique_ptr<data::DataSet> set;
  std::vector<const Metric *> metrics;
  ScoreTable scores;
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
  return Error::success();
}

Error Evaluation::measure() {
  ProgressLine progress;
  auto show = [&](size_t done, size_t total) { progress.show("evaluating", done, total); };
  auto made = scoreModel(*model, against.get(), *set, {metrics, options.output, {}, show});
  if (!made)
    return made.takeError();
  scores = std::move(*made);
  return Error::success();
}

Estimate Evaluation::estimateGroup(size_t metric, const SampleGroup &group) const {
  std::vector<Score> values;
  values.reserve(group.samples.size());
  for (size_t sample : group.samples)
    values.push_back(scores[metric][sample]);
  return estimate(*metrics[metric], sumUnits(*set, group.samples, values));
}

void Evaluation::printTable(llvm::ArrayRef<SampleGroup> groups) const {
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::formatv("{0,-24} {1,8}", options.compile.quantize.sliceBy, "samples");
  for (const Metric *metric : metrics) {
    std::string unit = metric->unit.empty() ? "" : " [" + metric->unit.str() + "]";
    out << llvm::formatv(" {0,30}", metric->name.str() + unit);
  }
  out << '\n';
  for (const SampleGroup &group : groups) {
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

void Evaluation::printJson(llvm::ArrayRef<SampleGroup> groups) const {
  llvm::json::OStream json(llvm::outs(), 1);
  json.array([&] {
    for (const SampleGroup &group : groups)
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
  auto groups = groupSamples(*set, options.compile.quantize.sliceBy);
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
