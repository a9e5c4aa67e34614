// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/WeightScheme.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace quern {

llvm::ArrayRef<WeightScheme> getWeightSchemes() {
  static constexpr WeightScheme schemes[] = {
      // Without -128 the range of s8 is symmetric.
      {"s8", "8 bits, symmetric", 8, true, -127, 127},
      {"s4", "4 bits, symmetric", 4, true, -8, 7},
      {"u4", "4 bits and a zero point", 4, false, 0, 15},
      {"s3", "3 bits, symmetric", 3, true, -4, 3},
      {"u3", "3 bits and a zero point", 3, false, 0, 7},
      {"s2", "2 bits, symmetric", 2, true, -2, 1},
      {"u2", "2 bits and a zero point", 2, false, 0, 3},
      {"ternary", "-1, 0 and 1", 2, true, -1, 1},
  };
  return schemes;
}

const WeightScheme *lookupWeightScheme(llvm::StringRef name) {
  for (const WeightScheme &scheme : getWeightSchemes())
    if (scheme.name == name)
      return &scheme;
  return nullptr;
}

llvm::ArrayRef<int64_t> getGroupSizes() {
  static constexpr int64_t sizes[] = {0, 32, 64, 128};
  return sizes;
}

std::optional<Precision> parsePrecision(llvm::StringRef word) {
  if (word == "int8")
    word = "w8a8";
  Precision precision;
  precision.floatActivations = !word.consume_back("a8");
  unsigned bits = 0;
  if (!word.consume_front("w") || word.consumeInteger(10, bits))
    return std::nullopt;
  precision.weights.scheme = lookupWeightScheme("s" + llvm::utostr(bits));
  if (word.consume_front("g") && word.consumeInteger(10, precision.weights.group))
    return std::nullopt;
  if (!word.empty() || !precision.weights.scheme ||
      !llvm::is_contained(getGroupSizes(), precision.weights.group))
    return std::nullopt;
  return precision;
}

} // namespace quern
