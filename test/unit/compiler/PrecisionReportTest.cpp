// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/report/PrecisionReport.h"

#include <gtest/gtest.h>

using namespace quern;
using namespace quern::report;

/// Two tensors, two slices; uniform mixes and one of the search.
static PrecisionReport makeReport() {
  PrecisionReport report = {"m.onnx", "calib.json", "eval.json", "perplexity", true, {}, {}, {}};
  report.problem.slices = {"en", "sr<script>"};
  report.problem.budgets = {900, 5.0, 9.0};
  for (const char *node : {"first", "second"})
    report.problem.tensors.push_back(
        {node, 800, {{"s8", 800, {0.001, 0.001, 0.001}, 0}, {"s2", 200, {0.5, 0.2, 0.9}, 0.1}}});
  auto makeTrial = [](const char *origin, std::vector<size_t> chosen, int64_t bytes, double drop) {
    auto interval = [](double x) { return Interval{x, 0.9 * x, 1.1 * x}; };
    return PrecisionTrial{origin,
                          std::move(chosen),
                          bytes,
                          {interval(drop), {interval(drop / 2), interval(2 * drop)}}};
  };
  report.outcome.trials = {
      makeTrial("uniform s8", {0, 0}, 1600, 0.1), makeTrial("uniform s2", {1, 1}, 400, 80),
      makeTrial("search", {0, 1}, 1000, 20), makeTrial("greedy by weight error", {1, 0}, 1000, 30)};
  report.outcome.best = 2;
  report.outcome.broken = {"--max-weights=900: the smallest mix has 1000 bytes of weights"};
  report.figures.resize(3);
  return report;
}

TEST(PrecisionReport, FrontHasWhatNothingBeats) {
  PrecisionReport report = makeReport();
  auto front = findFront(report.outcome.trials,
                         [](const PrecisionTrial &trial) { return trial.drops.all.value; });
  EXPECT_EQ(front, (std::vector<size_t>{1, 2, 0}));
  EXPECT_EQ(getBitsPerWeight(report.problem, {0, 1}), 5);
}

TEST(PrecisionReport, PageIsSelfContained) {
  std::string page = writePage(makeReport());
  for (const char *part : {"<!DOCTYPE html>", "Size against drop", "How slices fall", "Tensors",
                           "Slices", "--max-weights=900", "first", "</html>", "--max-slice-drop"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  // Nothing is loaded, and names from files cannot become markup.
  for (const char *part : {"http", "src=", "href=", "<script", "url("})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  EXPECT_NE(page.find("sr&lt;script&gt;"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
}

TEST(PrecisionReport, WorksWithoutSlices) {
  PrecisionReport report = makeReport();
  report.problem.slices.clear();
  for (PrecisionTrial &trial : report.outcome.trials)
    trial.drops.slices.clear();
  report.figures.resize(1);
  report.isFactor = false;
  std::string page = writePage(report);
  EXPECT_EQ(page.find("worst slice, "), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(page.find("inf"), std::string::npos);
}
