// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The two operands of an integer contraction: activations (codes of any value) and constant
/// weights, brought to the types that kernels multiply.

#ifndef QUERN_PASSES_INTEGERIZE_PRODUCTS_H
#define QUERN_PASSES_INTEGERIZE_PRODUCTS_H

#include "passes/Integerize/CodeFacts.h"
#include "passes/Integerize/MapBuilder.h"

#include <string>

namespace quern {

/// Codes with one scale (or known ones per channel, or any per row) and one zero point, each known
/// now or at run time.
struct Activation {
  /// Where scales may vary, beside tensors with one.
  enum class Scales { One, PerChannel, PerRow };

  mlir::Value codes;
  int64_t low = 0, high = 0;   ///< range of the codes
  std::optional<int64_t> zero; ///< none when only known at run time: `zeroTensor` + `shift`
  mlir::Value zeroTensor;
  int64_t shift = 0;
  std::optional<float> scale; ///< none when only known at run time: `scaleTensor`
  mlir::Value scaleTensor;
  std::vector<float> channelScales; ///< instead of `scale`: for each index of the last dimension
  mlir::Value rowScales;            ///< instead of `scale`: the value's shape, its last size 1

  /// From a dequantize; otherwise none, and `why` says what was found.
  static std::optional<Activation> read(mlir::OpBuilder &builder, mlir::Value value,
                                        std::string &why, Scales scales = Scales::One);
  /// Makes the codes ui8 or si8, by a map when they are not.
  void convert(mlir::OpBuilder &builder, bool toUnsigned);
  /// The zero point as i32 in a map's body.
  mlir::Value emitZero(MapBuilder &map) const;
  bool hasZero() const { return !zero || *zero != 0; }
  double largestCode() const;  ///< max |code|
  double largestValue() const; ///< max |code - zero|
};

/// Constant weights as si8 codes: weight = (code - rest[channel]) * scale[channel]. Where few of
/// them do not fit 8 bits once their zero points are subtracted they are si16 and rest is 0. Codes
/// that came in at most 4 bits are si2, si3 or si4, the narrowest type that holds them all.
struct Weights {
  /// What the kernels of a contraction can read.
  struct Storage {
    bool mayBeWide;   ///< si16: the weights are one matrix, or depthwise
    bool mayBeNarrow; ///< fewer than 8 bits: all but depthwise
    bool mayHaveRest; ///< sums of the left codes can correct a rest
  };

  mlir::Value codes;
  llvm::SmallVector<int64_t> shape; ///< of what there is per channel: [O], or [.., 1, N]
  std::vector<int64_t> rest;        ///< mostly 0
  std::vector<int64_t> sums;        ///< of the codes, per channel
  std::vector<float> scales;        ///< per channel
  double largestCodes = 0;          ///< max over channels of the sum of |code|
  double largestWeights = 0;        ///< max over channels of the sum of |code - rest|

  /// From a dequantize of a constant whose scales vary along `channelAxis` at most.
  static std::optional<Weights> read(mlir::OpBuilder &builder, mlir::Value value,
                                     int64_t channelAxis, Storage allowed, std::string &why);
  bool hasRest() const;

private:
  void setRest(const CodeFacts &facts, llvm::ArrayRef<int32_t> shifts);
};

} // namespace quern

#endif // QUERN_PASSES_INTEGERIZE_PRODUCTS_H
