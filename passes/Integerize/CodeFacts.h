// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What is known at compile time of the codes behind a quantize or dequantize.

#ifndef QUERN_PASSES_INTEGERIZE_CODEFACTS_H
#define QUERN_PASSES_INTEGERIZE_CODEFACTS_H

#include "dialects/Quern/QuernOps.h"

#include <optional>
#include <vector>

namespace quern {

mlir::RankedTensorType tensorOf(mlir::Value value);
mlir::Type elementOf(mlir::Value value);

/// Integer codes of at most 8 bits.
bool isByteCode(mlir::Type type);

/// Scales and zero points of a quantize or dequantize of integer codes: x = (code - zero) * scale.
struct CodeFacts {
  mlir::Operation *op = nullptr;
  mlir::Value codes;
  mlir::Value scale, zeroPoint;       ///< the operands; zeroPoint may be null (0)
  std::optional<int64_t> axis, block; ///< axis is none when there is one scale
  std::vector<float> scales;          ///< empty when only known at run time
  std::vector<int64_t> zeroPoints;    ///< as many as scales; empty when only known at run time
  int64_t low = 0, high = 0;          ///< the range of the codes

  bool hasConstantScale() const { return !scales.empty(); }
  bool hasConstantZeroPoint() const { return !zeroPoints.empty(); }
  /// One scale and zero point, known.
  bool isUniform() const { return !axis && scales.size() == 1 && zeroPoints.size() == 1; }
  /// A known scale for each index of the last dimension, and one zero point.
  bool isPerChannel() const;
  /// The code for a real value, as `quern.quantize` computes it; only when uniform, or per channel
  /// for the channel of that number.
  int64_t quantize(float value, size_t channel = 0) const;

  /// None for float codes, codebooks and null ops.
  static std::optional<CodeFacts> of(qir::DequantizeOp op);
  static std::optional<CodeFacts> of(qir::QuantizeOp op);
  /// Of the dequantize that makes `value`.
  static std::optional<CodeFacts> behind(mlir::Value value);

  /// Whether both mean the same reals by the same codes (both uniform).
  bool agreesWith(const CodeFacts &other) const;
};

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_CODEFACTS_H
