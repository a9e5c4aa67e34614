// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_PLAN_H
#define QUERN_PASSES_QUANTIZE_PLAN_H

#include "passes/Calibrate/Observer.h"
#include "passes/Quantize/WeightScheme.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quern {

/// real = (code - zeroPoint) * scale; the scale is one, or one for each index along `axis`.
struct CodeParameters {
  std::vector<float> scales{1};
  int32_t zeroPoint = 0;
  std::optional<int64_t> axis;
  /// The scale of a channel.
  float getScale(size_t channel) const { return scales[axis ? channel : 0]; }
};

/// The parameters of ui8 codes that cover the ranges: one, or with `axis` one for each index along
/// it. Zero is a code. There is one zero point, so ranges that reach below zero are united.
CodeParameters makeActivationParameters(llvm::ArrayRef<RealRange> ranges,
                                        std::optional<int64_t> axis);

/// A tensor between nodes becomes ui8 codes: every use of it but as an output of the graph.
struct ActivationQuantization {
  std::string site;
  CodeParameters parameters;
};

/// Where a constant is used: the node by the name of its first output, and the operand's number.
struct ConstantUse {
  std::string node;
  unsigned operand = 0;
  std::string site; ///< of the constant; of a bias that is added: empty
};

/// A constant becomes codes of a scheme: with a scale for each index along `axis`, or for each
/// group of input channels.
struct WeightQuantization {
  ConstantUse use;
  std::vector<int64_t> dims;
  int64_t axis = 0; ///< the output channel
  std::vector<float> scales;
  std::vector<int8_t> codes;
  const WeightScheme *scheme = lookupWeightScheme("s8");
  /// A scale for each `group` indices along `groupAxis`, the last group being what is left; the
  /// scales have the weights' shape with the groups in place of that dimension. 0: along `axis`.
  int64_t group = 0;
  int64_t groupAxis = 0;
  /// One for each scale; of signed schemes none.
  std::vector<int8_t> zeroPoints;
  std::vector<int64_t> getScaleDims() const;
};

/// A float constant gets other values.
struct ConstantChange {
  ConstantUse use;
  std::vector<int64_t> dims;
  std::vector<float> values;
};

/// A bias [channels] becomes si32 codes with a scale for each channel: that of the products.
struct BiasQuantization {
  ConstantUse use;
  std::vector<float> scales;
  std::vector<int32_t> codes;
};

/// The decisions for a model, by the names of its file: what InsertQuantization writes into the IR
/// and the exporter into the user's file.
struct QuantizationPlan {
  std::vector<ConstantChange> constants; ///< before all else
  std::vector<ActivationQuantization> activations;
  std::vector<WeightQuantization> weights;
  std::vector<BiasQuantization> biases;
};

/// The codes of biases; they fit, as scales are chosen so.
std::vector<int32_t> makeBiasCodes(llvm::ArrayRef<double> values, llvm::ArrayRef<float> scales);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_PLAN_H
