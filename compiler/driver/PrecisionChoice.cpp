// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/PrecisionChoice.h"

#include "compiler/driver/ProgressLine.h"
#include "compiler/package/Artifact.h"
#include "compiler/report/PrecisionReport.h"
#include "passes/Quantize/ActivationChain.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using llvm::Error;
using llvm::Expected;

namespace quern::driver {

bool PrecisionChoice::isWanted(const QuantizeOptions &options) {
  return options.precision == "auto" || options.maxDrop || options.maxSliceDrop ||
         !options.report.empty();
}

/// Drops are measured on a data set of their own, or on that of the calibration.
Expected<DropMeter> PrecisionChoice::makeMeter(const DropMeter::Progress &show) {
  const std::string &path = options.accuracyData.empty() ? options.data : options.accuracyData;
  auto data = data::DataSet::open(path, getInputSlots(module));
  if (!data)
    return data.takeError();
  if (!options.accuracyData.empty())
    for (const std::string &warning : (*data)->getWarnings())
      llvm::errs() << "warning: " << warning << '\n';
  std::string column = options.sliceBy;
  if (column.empty() && !(*data)->getSliceColumns().empty())
    column = (*data)->getSliceColumns().front();
  if (options.maxSliceDrop && column.empty())
    return llvm::createStringError("'" + path + "': --max-slice-drop needs 'slices'");
  auto reference = runner.compile(module);
  if (mlir::failed(reference))
    return llvm::createStringError("");
  return DropMeter::make(std::move(*data), column, std::move(*reference), show);
}

Error PrecisionChoice::writeReport(const PrecisionDecision &decision,
                                   const DropMeter &meter) const {
  if (options.report.empty())
    return Error::success();
  report::PrecisionReport page;
  auto shorten = [](const std::string &path) { return llvm::sys::path::filename(path).str(); };
  page.model = shorten(model);
  page.calibration = shorten(options.data);
  page.data = shorten(options.accuracyData.empty() ? options.data : options.accuracyData);
  page.metric = meter.getMetric().name.str();
  page.isFactor = meter.getMetric().needsTargets;
  page.problem = decision.problem;
  page.outcome = decision.outcome;
  std::vector<Interval> reference = meter.getReferenceFigures();
  for (size_t group = 0; group < reference.size(); ++group)
    page.figures.push_back({meter.countSamples(group), reference[group], decision.figures[group]});
  return artifact::writeFile(options.report,
                             [&](llvm::raw_ostream &stream) { stream << report::writePage(page); });
}

static std::string print(const Interval &drop) {
  return llvm::formatv("{0:F2}% ({1:F2}..{2:F2})", drop.value, drop.low, drop.high);
}

/// The slices beyond the budget, the worst first.
static std::string nameSlices(const PrecisionProblem &problem, const MeasuredDrops &drops) {
  std::vector<std::pair<double, std::string>> broken;
  for (auto [name, drop] : llvm::zip_equal(problem.slices, drops.slices))
    if (problem.budgets.sliceDrop && drop.low > *problem.budgets.sliceDrop)
      broken.emplace_back(-drop.low, name + " " + print(drop));
  llvm::sort(broken);
  std::string text;
  for (const auto &slice : llvm::ArrayRef(broken).take_front(std::min<size_t>(5, broken.size())))
    text += (text.empty() ? "" : ", ") + slice.second;
  if (broken.size() > 5)
    text += " and " + std::to_string(broken.size() - 5) + " others";
  return text;
}

Error PrecisionChoice::explainFailure(const PrecisionDecision &decision,
                                      PrecisionAssigner &assigner) {
  const PrecisionOutcome &outcome = decision.outcome;
  const PrecisionTrial &best = outcome.trials[outcome.best];
  mlir::InFlightDiagnostic error = module.emitError();
  error << (options.precision == "auto" ? "no mix of precisions was found that keeps "
                                        : "this precision does not keep ")
        << llvm::join(outcome.broken, "; and ");
  error.attachNote() << "with " << best.bytes << " bytes of weights all samples fall by "
                     << print(best.drops.all);
  if (std::string slices = nameSlices(decision.problem, best.drops); !slices.empty())
    error.attachNote() << "slices beyond the budget: " << slices;
  if (outcome.nearest)
    error.attachNote() << "the smallest mix that was found to keep the drops has "
                       << outcome.trials[*outcome.nearest].bytes << " bytes of weights";
  auto worst = findWorstSlice(best.drops);
  bool isSlice = worst && decision.problem.budgets.sliceDrop &&
                 best.drops.slices[*worst].low > *decision.problem.budgets.sliceDrop;
  const auto &mostDrop = decision.problem.budgets.drop;
  bool isAverage = mostDrop && best.drops.all.value > *mostDrop;
  if (!isSlice && !isAverage)
    return Error::success();
  auto culprits = assigner.findCulprits(decision, isSlice ? *worst + 1 : 0, 5);
  if (!culprits)
    return culprits.takeError();
  std::string names;
  for (auto &[name, part] : *culprits)
    names += (names.empty() ? "'" : ", '") + name + llvm::formatv("' {0:F0}%", 100 * part).str();
  if (!names.empty())
    error.attachNote() << "of the loss of "
                       << (isSlice ? "slice '" + decision.problem.slices[*worst] + "'"
                                   : std::string("all samples"))
                       << " these layers cause the most (what less there is with float weights "
                          "in one of them): "
                       << names;
  return Error::success();
}

Expected<Recipe> PrecisionChoice::run(const Recipe &recipe,
                                      llvm::ArrayRef<WeightChoice> candidates) {
  ProgressLine progress;
  auto show = [&](llvm::StringRef step, size_t done, size_t total) {
    progress.show(step, done, total);
  };
  auto meter = makeMeter(show);
  if (!meter)
    return meter.takeError();
  PrecisionRequest request = {recipe,
                              candidates.vec(),
                              {options.maxWeights, options.maxDrop, options.maxSliceDrop},
                              !options.report.empty()};
  PrecisionAssigner assigner(module, request, runner, set, *meter, show);
  auto decision = assigner.run();
  if (!decision)
    return decision.takeError();
  if (Error error = writeReport(*decision, *meter))
    return std::move(error);
  if (decision->outcome.broken.empty())
    return std::move(decision->recipe);
  if (Error error = explainFailure(*decision, assigner))
    return std::move(error);
  return llvm::createStringError("");
}

} // namespace quern::driver
