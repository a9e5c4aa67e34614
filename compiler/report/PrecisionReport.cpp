// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/report/PrecisionReport.h"

#include "compiler/report/Plot.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <limits>
#include <numeric>

namespace quern::report {

std::vector<size_t> findFront(llvm::ArrayRef<PrecisionTrial> trials,
                              llvm::function_ref<double(const PrecisionTrial &)> getDrop) {
  std::vector<size_t> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tuple(trials[a].bytes, getDrop(trials[a]), a) <
           std::tuple(trials[b].bytes, getDrop(trials[b]), b);
  });
  std::vector<size_t> front;
  double least = std::numeric_limits<double>::infinity();
  for (size_t number : order)
    if (getDrop(trials[number]) < least) {
      least = getDrop(trials[number]);
      front.push_back(number);
    }
  return front;
}

double getBitsPerWeight(const PrecisionProblem &problem, llvm::ArrayRef<size_t> chosen) {
  int64_t bytes = 0, weights = 0;
  for (auto [tensor, option] : llvm::zip_equal(problem.tensors, chosen)) {
    bytes += tensor.options[option].bytes;
    weights += tensor.weights;
  }
  return 8 * static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(weights, 1));
}

namespace {

/// Writes one page.
class Page {
public:
  explicit Page(const PrecisionReport &report)
      : report(report), problem(report.problem), trials(report.outcome.trials),
        best(trials[report.outcome.best]) {}
  std::string run();

private:
  void writeSummary();
  void writeFront();
  void writeCollapse();
  void writeTensors();
  void writeSlices();
  void writeTrials();
  PlotSeries makeFrontSeries(llvm::StringRef label, llvm::StringRef color, bool isWorst) const;
  double getWorst(const PrecisionTrial &trial) const;
  std::string printDrop(const Interval &drop) const;
  /// As the plots have it: a factor or points.
  double place(double drop) const { return report.isFactor ? 1 + drop / 100 : drop; }
  PlotAxis makeDropAxis() const;
  std::string nameHeaviest(size_t slice, size_t count) const;

  const PrecisionReport &report;
  const PrecisionProblem &problem;
  llvm::ArrayRef<PrecisionTrial> trials;
  const PrecisionTrial &best;
  std::string text;
  llvm::raw_string_ostream out{text};
};

constexpr llvm::StringLiteral head = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Precision report</title><style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2330; background: #fff; max-width: 1000px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em; margin-bottom: 0 } h2 { font-size: 1.15em; margin: 2em 0 .3em } p { margin: .3em 0 }
svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; fill: #1c2330 }
svg .grid { stroke: #dfe3ea } svg .line { fill: none; stroke-width: 1.6 } svg .bold { fill: none; stroke-width: 2.6 }
svg .bar { stroke-width: 1.2; opacity: .6 } svg .label { fill: #5a6578 } svg .strong { font-weight: 600 }
svg line.limit { stroke: #c02740; stroke-dasharray: 5 4 } svg text.limit { fill: #c02740 }
table { border-collapse: collapse; width: 100%; font-size: 13px } th { text-align: left; font-weight: 600; border-bottom: 2px solid #c8cfda }
td, th { padding: 3px 8px } td { border-bottom: 1px solid #e6e9ef } .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.kept { color: #14743c; font-weight: 600 } .broken { color: #c02740; font-weight: 600 } tr.chosen td { background: #eef4ff }
.quiet { color: #5a6578 } .wide { overflow-x: auto }
</style></head><body>
)";

} // namespace

std::string Page::printDrop(const Interval &drop) const {
  return llvm::formatv("{0:F2} % ({1:F2}..{2:F2})", drop.value, drop.low, drop.high);
}

double Page::getWorst(const PrecisionTrial &trial) const {
  double worst = -std::numeric_limits<double>::infinity();
  for (const Interval &slice : trial.drops.slices)
    worst = std::max(worst, slice.value);
  return worst;
}

PlotAxis Page::makeDropAxis() const {
  if (report.isFactor)
    return {"factor on " + report.metric + ", logarithmic", true, ""};
  return {"drop of " + report.metric + " in points", false, ""};
}

std::string Page::nameHeaviest(size_t slice, size_t count) const {
  std::string names;
  auto ranks = rankTensors(problem, best.chosen, slice);
  ranks.resize(std::min(ranks.size(), count));
  for (auto [tensor, part] : ranks)
    if (part >= 0.01)
      names += (names.empty() ? "" : ", ") + problem.tensors[tensor].node +
               llvm::formatv(" {0:F0} %", 100 * part).str();
  return names;
}

void Page::writeSummary() {
  out << "<h1>Precision of " << escape(report.model) << "</h1>\n<p class=\"quiet\">calibrated on "
      << escape(report.calibration) << ", measured on " << escape(report.data) << ": "
      << escape(report.metric) << "</p>\n";
  if (report.outcome.broken.empty())
    out << "<p class=\"kept\">All budgets are kept.</p>\n";
  for (const std::string &broken : report.outcome.broken)
    out << "<p class=\"broken\">" << escape(broken) << "</p>\n";
  out << llvm::formatv("<p>Chosen: {0} bytes of weights, {1:F2} bits for each weight about which "
                       "something was decided; drop {2} over all samples",
                       best.bytes, getBitsPerWeight(problem, best.chosen),
                       printDrop(best.drops.all));
  if (auto worst = findWorstSlice(best.drops))
    out << llvm::formatv(", {0} in the worst slice, {1}", printDrop(best.drops.slices[*worst]),
                         escape(problem.slices[*worst]));
  out << ".</p>\n";
  if (report.outcome.nearest) {
    const PrecisionTrial &nearest = trials[*report.outcome.nearest];
    out << llvm::formatv("<p>The smallest mix found that keeps the drops has {0} bytes.</p>\n",
                         nearest.bytes);
  }
}

PlotSeries Page::makeFrontSeries(llvm::StringRef label, llvm::StringRef color, bool isWorst) const {
  auto getDrop = [&](const PrecisionTrial &trial) {
    return isWorst ? getWorst(trial) : trial.drops.all.value;
  };
  PlotSeries series = {label.str(), color.str(), {}, true, true, false, false};
  for (size_t number : findFront(trials, getDrop)) {
    const PrecisionTrial &trial = trials[number];
    series.points.push_back({static_cast<double>(trial.bytes) / 1000, place(getDrop(trial)), 0, 0,
                             trial.origin + llvm::formatv(", {0:F2} %", getDrop(trial)).str()});
  }
  return series;
}

void Page::writeFront() {
  Plot plot = {
      "size against drop", {"thousand bytes of weights", false, ""}, makeDropAxis(), {}, {}};
  bool hasSlices = !problem.slices.empty();
  plot.series.push_back(makeFrontSeries("all samples", "#1f4e9c", false));
  if (hasSlices)
    plot.series.push_back(makeFrontSeries("worst slice", "#c0562a", true));
  PlotSeries rules = {"", "#8b94a5", {}, false, true, false, false};
  for (const PrecisionTrial &trial : trials) {
    double size = static_cast<double>(trial.bytes) / 1000;
    for (double drop : {trial.drops.all.value, hasSlices ? getWorst(trial) : trial.drops.all.value})
      rules.points.push_back(
          {size, place(drop), 0, 0, trial.origin + llvm::formatv(", {0:F2} %", drop).str()});
  }
  plot.series.insert(plot.series.begin(), rules);
  PlotSeries chosen = {"", "#14743c", {}, false, true, false, true};
  double size = static_cast<double>(best.bytes) / 1000;
  chosen.points.push_back({size, place(best.drops.all.value), 0, 0, "chosen"});
  if (hasSlices)
    chosen.points.push_back({size, place(getWorst(best)), 0, 0, "chosen, worst slice"});
  plot.series.push_back(chosen);
  const PrecisionBudgets &budgets = problem.budgets;
  if (budgets.bytes)
    plot.limits.push_back({true, static_cast<double>(*budgets.bytes) / 1000, "--max-weights"});
  if (budgets.drop)
    plot.limits.push_back({false, place(*budgets.drop), "--max-drop"});
  if (budgets.sliceDrop)
    plot.limits.push_back({false, place(*budgets.sliceDrop), "--max-slice-drop"});
  out << "<h2>Size against drop</h2>\n<p class=\"quiet\">Lines join what no other mix that was "
         "measured beats; grey: the others; green: chosen.</p>\n"
      << draw(plot);
}

/// Uniform mixes by their bits; the slices that fall furthest by name.
void Page::writeCollapse() {
  std::vector<const PrecisionTrial *> uniform;
  auto mixes = makeUniformMixes(problem);
  for (const PrecisionTrial &trial : trials)
    if (llvm::any_of(mixes, [&](const auto &mix) { return mix.second == trial.chosen; }))
      uniform.push_back(&trial);
  if (uniform.size() < 2)
    return;
  auto bits = [&](const PrecisionTrial *trial) { return getBitsPerWeight(problem, trial->chosen); };
  llvm::sort(uniform, [&](auto *a, auto *b) { return bits(a) > bits(b); });
  Plot plot = {"drop by bits",
               {"bits for each weight, scales included", false, "", true},
               makeDropAxis(),
               {},
               {}};
  auto makeSeries = [&](const std::string &name, llvm::StringRef color, auto getDrop) {
    PlotSeries series = {name, color.str(), {}, true, true, true, false};
    for (const PrecisionTrial *trial : uniform) {
      Interval drop = getDrop(*trial);
      series.points.push_back({bits(trial), place(drop.value), place(drop.low), place(drop.high),
                               name + ", " + trial->origin + ": " + printDrop(drop)});
    }
    return series;
  };
  std::vector<size_t> order(problem.slices.size());
  std::iota(order.begin(), order.end(), 0);
  const MeasuredDrops &least = uniform.back()->drops;
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(least.slices[a].value, a) < std::pair(least.slices[b].value, b);
  });
  static constexpr llvm::StringLiteral colors[] = {"#c0562a", "#8a3fa0", "#1d8a8a", "#a88414"};
  for (auto [rank, slice] : llvm::enumerate(order)) {
    size_t fromWorst = order.size() - 1 - rank;
    bool isNamed = fromWorst < std::size(colors) || rank == 0;
    plot.series.push_back(
        makeSeries(problem.slices[slice],
                   fromWorst < std::size(colors) ? llvm::StringRef(colors[fromWorst])
                                                 : llvm::StringRef("#9aa3b2"),
                   [&](const PrecisionTrial &trial) { return trial.drops.slices[slice]; }));
    plot.series.back().hasIntervals = isNamed;
    if (!isNamed && order.size() > 20)
      plot.series.back().label.clear();
  }
  plot.series.push_back(
      makeSeries("all", "#1f4e9c", [](const PrecisionTrial &trial) { return trial.drops.all; }));
  plot.series.back().isBold = true;
  out << "<h2>How slices fall with fewer bits</h2>\n<p class=\"quiet\">All tensors alike; bars: 95 "
         "% "
         "intervals of all samples, of the slices that fall furthest and of the one that falls "
         "least.</p>\n"
      << draw(plot);
}

static std::string pickColor(double bits) {
  if (bits >= 7)
    return "#1f4e9c";
  if (bits >= 3.7)
    return "#3b8ec2";
  return bits >= 2.7 ? "#7cc0a8" : "#e0a23a";
}

void Page::writeTensors() {
  BarPanel bits = {"bits for each weight, scales included", false, {}};
  BarPanel losses = {"expected loss with the smallest option, nats, logarithmic", true, {}};
  std::string rows;
  llvm::raw_string_ostream table(rows);
  size_t worst = findWorstSlice(best.drops).value_or(0);
  for (auto [tensor, number] : llvm::zip_equal(problem.tensors, best.chosen)) {
    const PrecisionOption &option = tensor.options[number];
    const PrecisionOption &smallest =
        *llvm::min_element(tensor.options, [](const auto &a, const auto &b) {
          return std::pair(a.bytes, -a.losses[0]) < std::pair(b.bytes, -b.losses[0]);
        });
    double width = 8 * static_cast<double>(option.bytes) / static_cast<double>(tensor.weights);
    std::string color = pickColor(width);
    bits.bars.push_back({width, color, tensor.node + ": " + option.name});
    losses.bars.push_back({smallest.losses[0], color, tensor.node});
    table << llvm::formatv(
        "<tr><td>{0}</td><td class=\"n\">{1}</td><td>{2}</td><td class=\"n\">{3}</td>"
        "<td class=\"n\">{4:F5}</td><td class=\"n\">{5:F5}</td>",
        escape(tensor.node), tensor.weights, escape(option.name), option.bytes, option.losses[0],
        smallest.losses[0]);
    if (!problem.slices.empty())
      table << llvm::formatv("<td class=\"n\">{0:F5}</td>", option.losses[worst + 1]);
    table << "</tr>\n";
  }
  out << "<h2>Tensors</h2>\n" << draw({bits, losses});
  out << "<div class=\"wide\"><table><tr><th>node</th><th class=\"n\">weights</th><th>chosen</th>"
         "<th class=\"n\">bytes</th><th class=\"n\">expected loss</th><th class=\"n\">with the "
         "smallest option</th>";
  if (!problem.slices.empty())
    out << "<th class=\"n\">in " << escape(problem.slices[worst]) << "</th>";
  out << "</tr>\n" << rows << "</table></div>\n";
}

void Page::writeSlices() {
  out << "<h2>Slices</h2>\n<div class=\"wide\"><table><tr><th>slice</th><th "
         "class=\"n\">samples</th>"
         "<th class=\"n\">float</th><th class=\"n\">chosen</th><th class=\"n\">drop</th><th>of "
         "which "
         "are expected to come from</th></tr>\n";
  auto print = [](const Interval &x) {
    return llvm::formatv("{0:F2} ({1:F2}..{2:F2})", x.value, x.low, x.high).str();
  };
  for (auto [index, figures] : llvm::enumerate(report.figures)) {
    const Interval &drop = index ? best.drops.slices[index - 1] : best.drops.all;
    out << llvm::formatv("<tr><td>{0}</td><td class=\"n\">{1}</td><td class=\"n\">{2}</td>"
                         "<td class=\"n\">{3}</td><td class=\"n\">{4}</td><td>{5}</td></tr>\n",
                         escape(index ? problem.slices[index - 1] : "all"), figures.samples,
                         print(figures.reference), print(figures.chosen), printDrop(drop),
                         escape(nameHeaviest(index, 3)));
  }
  out << "</table></div>\n";
}

void Page::writeTrials() {
  out << "<h2>All that was measured</h2>\n<div class=\"wide\"><table><tr><th>mix</th><th "
         "class=\"n\">bytes</th><th class=\"n\">bits</th><th class=\"n\">drop</th><th>worst "
         "slice</th><th class=\"n\">its drop</th></tr>\n";
  std::vector<size_t> order(trials.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(trials[a].bytes, a) < std::pair(trials[b].bytes, b);
  });
  for (size_t number : order) {
    const PrecisionTrial &trial = trials[number];
    auto worst = findWorstSlice(trial.drops);
    out << llvm::formatv(
        "<tr{0}><td>{1}</td><td class=\"n\">{2}</td><td class=\"n\">{3:F2}</td><td class=\"n\">{4}"
        "</td><td>{5}</td><td class=\"n\">{6}</td></tr>\n",
        number == report.outcome.best ? " class=\"chosen\"" : "", escape(trial.origin), trial.bytes,
        getBitsPerWeight(problem, trial.chosen), printDrop(trial.drops.all),
        worst ? escape(problem.slices[*worst]) : "",
        worst ? printDrop(trial.drops.slices[*worst]) : "");
  }
  out << "</table></div>\n";
}

std::string Page::run() {
  out << head;
  writeSummary();
  writeFront();
  writeCollapse();
  writeTensors();
  writeSlices();
  writeTrials();
  out << "</body></html>\n";
  return std::move(text);
}

std::string writePage(const PrecisionReport &report) { return Page(report).run(); }

} // namespace quern::report
