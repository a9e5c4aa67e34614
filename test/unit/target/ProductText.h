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
  std::string element = "ui8"; ///< of the left side
  std::string weights = {};    ///< of the right side; without, si8, or f32 as the left one
  bool leftSum = false;        ///< subtracted from the accumulators in the epilogue

  /// `output` is the accumulators' type, or codes that an epilogue makes.
  std::string text(const std::string &output) const;
};

/// A dispatch around a product of si8 codes [.., M, K] with unsigned weights that have scales by
/// blocks. Inputs: codes, weights, scales, zero points, scales of the left blocks, their sums.
struct BlockedProduct {
  enum Zeros { None, Shared, Each };
  Shape lhs;
  int64_t columns, block;
  std::string weights = "ui4";
  Zeros zeros = Shared;
  bool leftScales = false, isTransposed = false;

  std::string text() const;
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_PRODUCTTEXT_H
