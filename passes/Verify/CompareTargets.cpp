// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/CompareTargets.h"

#include "passes/Calibrate/Sites.h"
#include "passes/Calibrate/Sweep.h"
#include "passes/Verify/EdgeGraph.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using llvm::Error;
using llvm::Expected;

namespace quern {

/// docs/numerics.md: what targets promise where there are no codes.
static constexpr double floatBound = 1e-5;

bool TargetEdgeReport::agrees() const { return hasCodes ? differing == 0 : largest <= floatBound; }

namespace {

/// One edge while samples go by: floats are only comparable once the largest is known.
struct Tally {
  mlir::Type element;
  uint64_t count = 0, differing = 0;
  double largestError = 0, largestValue = 0;
  void add(llvm::ArrayRef<char> expected, llvm::ArrayRef<char> found);
};

} // namespace

void Tally::add(llvm::ArrayRef<char> expected, llvm::ArrayRef<char> found) {
  std::vector<float> expectedStorage, foundStorage;
  llvm::ArrayRef<float> left = asFloats(expected, element, expectedStorage);
  llvm::ArrayRef<float> right = asFloats(found, element, foundStorage);
  size_t width = expected.size() / std::max<size_t>(1, left.size());
  for (size_t i = 0; i < left.size(); ++i) {
    ++count;
    largestValue = std::max<double>(largestValue, std::abs(left[i]));
    // Bits, not values: a NaN equals itself, and wide integers are not what floats say.
    if (std::memcmp(expected.data() + i * width, found.data() + i * width, width) == 0)
      continue;
    ++differing;
    double error = std::abs(static_cast<double>(left[i]) - right[i]);
    largestError =
        std::max(largestError, std::isnan(error) ? std::numeric_limits<double>::infinity() : error);
  }
}

static Expected<std::vector<Tally>> tally(const CompiledModel &reference,
                                          const CompiledModel &target, SampleSource &source,
                                          llvm::function_ref<void(size_t, size_t)> onProgress) {
  auto left = Sweep::make(reference, source), right = Sweep::make(target, source);
  if (!left || !right)
    return llvm::joinErrors(left.takeError(), right.takeError());
  std::vector<Tally> tallies;
  for (const TensorSlot &slot : reference.getOutputs())
    tallies.push_back({slot.type.getElementType()});
  size_t batch = left->getBatch();
  for (size_t begin = 0; begin < source.size(); begin += batch) {
    size_t end = std::min(source.size(), begin + batch);
    std::vector<std::vector<std::vector<char>>> expected(end - begin);
    if (Error error = left->run(begin, end, [&](const Sweep::Sample &sample) {
          for (llvm::ArrayRef<char> bytes : sample.outputs)
            expected[sample.index - begin].push_back(bytes.vec());
          return Error::success();
        }))
      return std::move(error);
    if (Error error = right->run(begin, end, [&](const Sweep::Sample &sample) {
          for (auto [number, bytes] : llvm::enumerate(sample.outputs))
            tallies[number].add(expected[sample.index - begin][number], bytes);
          return Error::success();
        }))
      return std::move(error);
    if (onProgress)
      onProgress(end, source.size());
  }
  return std::move(tallies);
}

static std::vector<TargetEdgeReport> makeReports(llvm::ArrayRef<Edge> edges,
                                                 llvm::ArrayRef<Tally> tallies) {
  std::vector<TargetEdgeReport> reports;
  for (auto [edge, tally] : llvm::zip_equal(edges, tallies)) {
    TargetEdgeReport report;
    report.name = edge.name;
    report.node = edge.node;
    report.operation = edge.operation;
    report.hasCodes = edge.getQuantize() || tally.element.isInteger();
    report.count = tally.count;
    report.differing = tally.differing;
    report.largest = tally.largestError;
    if (!report.hasCodes && tally.largestError > 0)
      report.largest /= std::max<double>(tally.largestValue, std::numeric_limits<float>::min());
    report.inputsAgree =
        llvm::all_of(edge.inputs, [&](size_t input) { return reports[input].agrees(); });
    reports.push_back(std::move(report));
  }
  return reports;
}

Expected<std::vector<TargetEdgeReport>>
compareTargets(mlir::ModuleOp model, const ModelRunner &reference, const ModelRunner &target,
               SampleSource &source, llvm::function_ref<void(size_t, size_t)> onProgress) {
  auto graph = EdgeGraph::make(model, getProductSites(getMain(model)));
  if (mlir::failed(graph))
    return llvm::createStringError("");
  if (graph->getEdges().empty())
    return llvm::createStringError("the model computes nothing that could be compared");
  auto tapped = graph->makeTapped(EdgeGraph::Show::Codes);
  auto left = compileModel(reference, *tapped), right = compileModel(target, *tapped);
  if (!left || !right)
    return llvm::joinErrors(left.takeError(), right.takeError());
  auto tallies = tally(**left, **right, source, onProgress);
  if (!tallies)
    return tallies.takeError();
  return makeReports(graph->getEdges(), *tallies);
}

} // namespace quern
