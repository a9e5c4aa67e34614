// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/VerifyReport.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

namespace quern::driver {

/// `node 'NAME' (Op)`, or the tensor's name if it is an input.
template <typename Report> static std::string describe(const Report &edge) {
  if (edge.node.empty())
    return "'" + edge.name + "'";
  std::string text = "node '" + edge.node + "'";
  return edge.operation.empty() ? text : text + " (" + edge.operation + ")";
}

static std::string formatRatio(double sqnr) {
  return std::isfinite(sqnr) ? llvm::formatv("{0:F1}", sqnr).str() : sqnr > 0 ? "exact" : "-";
}

/// JSON has no infinity: the ratio of equal tensors is null.
static llvm::json::Value makeNumber(double number) {
  return std::isfinite(number) ? llvm::json::Value(number) : llvm::json::Value(nullptr);
}

template <typename Report> static void printNames(llvm::json::OStream &json, const Report &edge) {
  json.attribute("tensor", llvm::json::fixUTF8(edge.name));
  json.attribute("node", llvm::json::fixUTF8(edge.node));
  json.attribute("operator", llvm::json::fixUTF8(edge.operation));
  json.attribute("codes", edge.hasCodes);
}

//===--- float against quantized
//----------------------------------------------------------------===//

static bool breaks(const EdgeReport &edge, const VerifyOptions &options) {
  return (options.minSqnr && edge.sqnr < *options.minSqnr) ||
         (options.maxSteps && edge.maxSteps && *edge.maxSteps > *options.maxSteps);
}

static void printForms(const FormReport &report) {
  llvm::raw_ostream &out = llvm::outs();
  out << llvm::formatv("{0,8} {1,8} {2,8} {3,7} {4,9} {5,9}  {6}\n", "SQNR", "inputs", "alone",
                       "drop", "max steps", "clipped", "tensor");
  for (const EdgeReport &edge : report.edges) {
    std::string steps = edge.maxSteps ? llvm::formatv("{0:F1}", *edge.maxSteps).str() : "-";
    std::string clipped =
        edge.clippedShare ? llvm::formatv("{0:P3}", *edge.clippedShare).str() : "-";
    out << llvm::formatv("{0,8} {1,8} {2,8} {3,7} {4,9} {5,9}  {6}", formatRatio(edge.sqnr),
                         formatRatio(edge.sqnrOfInputs), formatRatio(edge.sqnrAlone),
                         formatRatio(edge.getDrop()), steps, clipped, edge.name);
    out << (edge.node.empty() ? "" : ", " + describe(edge)) << '\n';
  }
  if (!report.unmatched.empty())
    out << report.unmatched.size() << " tensors of codes have no counterpart in the float model\n";
  if (auto worst = findWorst(report.edges)) {
    const EdgeReport &edge = report.edges[*worst];
    out << llvm::formatv("first bad layer: {0}: {1} dB where its inputs have {2}; on exact inputs "
                         "{3}: the error {4}\n",
                         describe(edge), formatRatio(edge.sqnr), formatRatio(edge.sqnrOfInputs),
                         formatRatio(edge.sqnrAlone),
                         edge.arisesHere() ? "arises here"
                                           : "comes with its inputs and grows here");
  }
}

static void printForms(llvm::json::OStream &json, const FormReport &report,
                       const VerifyOptions &options) {
  auto optional = [](std::optional<double> number) {
    return number ? makeNumber(*number) : llvm::json::Value(nullptr);
  };
  json.attributeArray("edges", [&] {
    for (const EdgeReport &edge : report.edges)
      json.object([&] {
        printNames(json, edge);
        json.attribute("sqnr", makeNumber(edge.sqnr));
        json.attribute("sqnr_inputs", makeNumber(edge.sqnrOfInputs));
        json.attribute("sqnr_alone", makeNumber(edge.sqnrAlone));
        json.attribute("drop", makeNumber(edge.getDrop()));
        json.attribute("arises_here", edge.arisesHere());
        json.attribute("max_steps", optional(edge.maxSteps));
        json.attribute("clipped", optional(edge.clippedShare));
        json.attribute("breaks_bound", breaks(edge, options));
      });
  });
  json.attributeArray("unmatched", [&] {
    for (const std::string &name : report.unmatched)
      json.value(llvm::json::fixUTF8(name));
  });
  auto worst = findWorst(report.edges);
  json.attribute("first_bad", worst ? llvm::json::Value(static_cast<int64_t>(*worst))
                                    : llvm::json::Value(nullptr));
}

static std::string describeBreak(const EdgeReport &edge, const VerifyOptions &options) {
  std::string text = describe(edge) + ": tensor '" + edge.name + "': ";
  if (options.minSqnr && edge.sqnr < *options.minSqnr)
    return text + llvm::formatv("expected at least {0:F1} dB (--min-sqnr), found {1:F1}",
                                *options.minSqnr, edge.sqnr)
                      .str();
  return text + llvm::formatv("expected codes within {0:F1} steps (--max-steps), found {1:F1}",
                              *options.maxSteps, *edge.maxSteps)
                    .str();
}

bool showForms(const FormReport &report, const VerifyOptions &options) {
  if (options.json) {
    llvm::json::OStream json(llvm::outs(), 1);
    json.object([&] { printForms(json, report, options); });
    llvm::outs() << '\n';
  } else {
    printForms(report);
  }
  const EdgeReport *first = nullptr;
  size_t broken = 0;
  for (const EdgeReport &edge : report.edges)
    if (breaks(edge, options) && ++broken == 1)
      first = &edge;
  if (!first)
    return true;
  llvm::errs() << "error: " << describeBreak(*first, options)
               << (broken > 1 ? ", and " + std::to_string(broken - 1) + " tensors after it" : "")
               << '\n';
  return false;
}

//===--- target against target
//------------------------------------------------------------------===//

static bool agrees(const TargetEdgeReport &edge, const VerifyOptions &options) {
  return edge.agrees() || (edge.hasCodes && options.maxSteps && edge.largest <= *options.maxSteps);
}

/// The first that differs though all that it is computed from agrees: there it arises.
static const TargetEdgeReport *findFirst(const TargetReport &report, const VerifyOptions &options) {
  for (const TargetEdgeReport &edge : report.edges)
    if (!agrees(edge, options))
      return &edge;
  return nullptr;
}

static void printTarget(const TargetReport &report, const VerifyOptions &options) {
  llvm::raw_ostream &out = llvm::outs();
  size_t agreeing = llvm::count_if(
      report.edges, [&](const TargetEdgeReport &edge) { return agrees(edge, options); });
  out << report.target << ": " << agreeing << " of " << report.edges.size()
      << " tensors agree with portable's\n";
  if (agreeing == report.edges.size())
    return;
  out << llvm::formatv("{0,10} {1,10} {2,10}  {3}\n", "values", "differing", "largest", "tensor");
  for (const TargetEdgeReport &edge : report.edges)
    if (!agrees(edge, options))
      out << llvm::formatv("{0,10} {1,10} {2,10}  {3}, {4}{5}\n", edge.count, edge.differing,
                           llvm::formatv("{0:g3}", edge.largest).str(), edge.name, describe(edge),
                           edge.inputsAgree ? "" : ", as its inputs do");
}

static void printTarget(llvm::json::OStream &json, const TargetReport &report,
                        const VerifyOptions &options) {
  json.attribute("target", report.target);
  json.attributeArray("edges", [&] {
    for (const TargetEdgeReport &edge : report.edges)
      json.object([&] {
        printNames(json, edge);
        json.attribute("values", static_cast<int64_t>(edge.count));
        json.attribute("differing", static_cast<int64_t>(edge.differing));
        json.attribute("largest", makeNumber(edge.largest));
        json.attribute("inputs_agree", edge.inputsAgree);
        json.attribute("agrees", agrees(edge, options));
      });
  });
}

bool showTargets(llvm::ArrayRef<TargetReport> reports, const VerifyOptions &options) {
  if (options.json) {
    llvm::json::OStream json(llvm::outs(), 1);
    json.array([&] {
      for (const TargetReport &report : reports)
        json.object([&] { printTarget(json, report, options); });
    });
    llvm::outs() << '\n';
  }
  bool holds = true;
  for (const TargetReport &report : reports) {
    if (!options.json)
      printTarget(report, options);
    const TargetEdgeReport *first = findFirst(report, options);
    if (!first)
      continue;
    holds = false;
    llvm::errs() << "error: " << describe(*first) << ": tensor '" << first->name
                 << "': " << report.target << " differs from portable in " << first->differing
                 << " of " << first->count << " values\n";
  }
  return holds;
}

} // namespace quern::driver
