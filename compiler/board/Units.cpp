// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Units.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <optional>

using llvm::Expected;
using llvm::StringRef;

namespace quern {

namespace {

struct Unit {
  llvm::StringLiteral name;
  double factor;
};

} // namespace

static constexpr Unit byteUnits[] = {
    {"", 1},     {"B", 1},        {"KB", 1e3},     {"kB", 1e3},     {"MB", 1e6},
    {"GB", 1e9}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30},
};
static constexpr Unit timeUnits[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};

/// A number of zero or more and its unit; none if it is something else.
static std::optional<double> parseQuantity(StringRef text, llvm::ArrayRef<Unit> units) {
  StringRef number = text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  StringRef name = text.drop_front(number.size()).ltrim();
  double value = 0;
  if (number.empty() || number.getAsDouble(value) || !std::isfinite(value))
    return std::nullopt;
  for (const Unit &unit : units)
    if (unit.name == name)
      return value * unit.factor;
  return std::nullopt;
}

Expected<uint64_t> parseBytes(StringRef text) {
  auto bytes = parseQuantity(text, byteUnits);
  if (!bytes || *bytes >= 0x1p63)
    return llvm::createStringError(
        "expected a number of bytes such as 4MB, 512KiB or 4096, found '" + text + "'");
  return static_cast<uint64_t>(std::llround(*bytes));
}

Expected<double> parseSeconds(StringRef text) {
  auto seconds = parseQuantity(text, timeUnits);
  if (!seconds)
    return llvm::createStringError("expected a time such as 20ms, 1.5s or 800us, found '" + text +
                                   "'");
  return *seconds;
}

std::string formatSeconds(double seconds) {
  const Unit *unit = &timeUnits[3];
  for (const Unit &candidate : timeUnits)
    if (seconds >= candidate.factor) {
      unit = &candidate;
      break;
    }
  double value = seconds / unit->factor;
  int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  std::string text = digits == 0   ? llvm::formatv("{0:F0}", value)
                     : digits == 1 ? llvm::formatv("{0:F1}", value)
                                   : llvm::formatv("{0:F2}", value);
  return text + " " + unit->name.str();
}

} // namespace quern
