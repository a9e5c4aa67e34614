// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_TARGET_CONVOLUTIONTEXT_H
#define QUERN_TEST_UNIT_TARGET_CONVOLUTIONTEXT_H

#include "DispatchText.h"

namespace quern::test {

/// A dispatch around a convolution.
struct Convolution {
  Shape input; ///< NHWC
  int64_t outputs;
  Shape kernel = {1, 1}, strides = {1, 1}, pads = {0, 0, 0, 0}, dilations = {1, 1};
  int64_t groups = 1;
  std::string element = "ui8"; ///< of the input
  std::string weights = {};    ///< without, si8, or f32 as the input
  bool windowSum = false;      ///< used as the second input of the epilogue
  bool residual = false;       ///< a tensor of codes is added in the epilogue
  int64_t fill = 0;            ///< the dispatch's `fill`

  /// The dispatch gives si32 or f32 accumulators.
  std::string accumulated() const;
  /// The epilogue brings them to codes of this type.
  std::string requantized(const std::string &output) const;

private:
  TextValue write(DispatchText &text) const;
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_CONVOLUTIONTEXT_H
