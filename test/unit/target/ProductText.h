// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_TARGET_PRODUCTTEXT_H
#define QUERN_TEST_UNIT_TARGET_PRODUCTTEXT_H

#include "DispatchText.h"

namespace quern::test {

/// A dispatch around a matrix product: lhs [.., M, K] by rhs, which is [K, N] or [.., K, N], or
/// transposed [.., N, K].
struct Product {
  Shape lhs, rhs;
  bool isTransposed = false;
  std::string element = "ui8"; ///< of the left side; the right one is si8, or f32 as the left one
  bool leftSum = false;        ///< subtracted from the accumulators in the epilogue

  /// `output` is the accumulators' type, or codes that an epilogue makes.
  std::string text(const std::string &output) const;
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_PRODUCTTEXT_H
