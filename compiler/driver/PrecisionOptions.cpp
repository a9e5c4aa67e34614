// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/PrecisionOptions.h"

#include "CLI/CLI.hpp"

#include <cmath>

namespace quern::driver {

/// "0.5%" or "0.5".
static double parsePercent(const std::string &flag, std::string text) {
  if (!text.empty() && text.back() == '%')
    text.pop_back();
  double number = 0;
  if (!CLI::detail::lexical_cast(text, number) || !std::isfinite(number) || number < 0)
    throw CLI::ValidationError(flag, "expected a percentage, found '" + text + "'");
  return number;
}

void addBudgetFlags(CLI::App &app, QuantizeOptions &options, CLI::Option *data) {
  app.add_option("--accuracy-data", options.accuracyData,
                 "the data set that drops are measured on; that of --calibrate if not said")
      ->needs(data)
      ->type_name("DATA.json");
  app.add_option("--max-weights", options.maxWeights,
                 "with --precision=auto: the bytes that all weights may take")
      ->check(CLI::PositiveNumber)
      ->needs(data)
      ->type_name("BYTES");
  auto addDrop = [&](const char *flag, std::optional<double> &drop, const char *help) {
    app.add_option_function<std::string>(
           flag, [&drop, flag](const std::string &text) { drop = parsePercent(flag, text); }, help)
        ->needs(data)
        ->type_name("PERCENT");
  };
  addDrop("--max-drop", options.maxDrop,
          "points of accuracy that may be lost, or percent that perplexity may grow");
  addDrop("--max-slice-drop", options.maxSliceDrop,
          "the same of each slice; the noise of a small one does not count");
  app.add_option("--slice-by", options.sliceBy,
                 "a column of the table whose values are the slices; the first if not said")
      ->type_name("COLUMN");
  app.add_option("--report", options.report, "writes a page about precision and drops")
      ->needs(data)
      ->type_name("FILE.html");
}

std::string checkBudgets(const QuantizeOptions &quantize) {
  bool hasDrops = quantize.maxDrop || quantize.maxSliceDrop;
  bool isSearched = quantize.precision == "auto";
  if (isSearched && !quantize.maxWeights && !hasDrops)
    return "--precision=auto needs a budget: --max-weights, --max-drop or --max-slice-drop";
  if (quantize.maxWeights && !isSearched)
    return "--max-weights needs --precision=auto";
  return "";
}

} // namespace quern::driver
