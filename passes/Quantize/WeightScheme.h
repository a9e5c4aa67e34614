// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_WEIGHTSCHEME_H
#define QUERN_PASSES_QUANTIZE_WEIGHTSCHEME_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace quern {

/// How weights are coded: real = (code - zeroPoint) * scale, low <= code <= high.
struct WeightScheme {
  llvm::StringLiteral name;
  llvm::StringLiteral description;
  unsigned bits = 8;
  /// Signed codes have the zero point 0; unsigned ones one for each scale.
  bool isSigned = true;
  int low = -127, high = 127;
};

/// All schemes; a new one adds its line in WeightScheme.cpp.
llvm::ArrayRef<WeightScheme> getWeightSchemes();
/// The scheme of that name, or null.
const WeightScheme *lookupWeightScheme(llvm::StringRef name);

/// The sizes that a group of weights with a scale of its own may have, along the input channels.
/// 0 stands for all of them: a scale for each output channel.
llvm::ArrayRef<int64_t> getGroupSizes();

/// A scheme and a group size: what is chosen for a layer. A null scheme leaves it in float.
struct WeightChoice {
  const WeightScheme *scheme = nullptr;
  int64_t group = 0;
};

/// What a word of `--precision` means.
struct Precision {
  WeightChoice weights;
  bool floatActivations = false; ///< only weights become codes
};
/// int8, or w8, w4, w3, w2, then perhaps a group size (g32, g64, g128), then a8 unless activations
/// stay float. None if it is no such word.
std::optional<Precision> parsePrecision(llvm::StringRef word);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_WEIGHTSCHEME_H
