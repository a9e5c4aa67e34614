// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Products.h"

#include "dialects/Quern/ConstantData.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace quern {

/// The codes behind a dequantize of at most 8 bits, without blocks.
static std::optional<CodeFacts> readByteCodes(Value value, std::string &why) {
  auto facts = CodeFacts::behind(value);
  if (!facts)
    why = "expected integer codes of at most 8 bits, found float values or a codebook";
  else if (!isByteCode(elementOf(facts->codes)))
    why = "expected codes of at most 8 bits, found wider ones";
  else if (facts->block)
    why = "expected one scale per tensor or output channel, found one per block";
  else
    return facts;
  return std::nullopt;
}

std::optional<Activation> Activation::read(Value value, std::string &why) {
  auto facts = readByteCodes(value, why);
  if (!facts)
    return std::nullopt;
  if (facts->axis) {
    why = "expected one scale per activation tensor, found one per slice of an axis";
    return std::nullopt;
  }
  Activation result;
  result.codes = facts->codes;
  result.low = facts->low;
  result.high = facts->high;
  result.zeroTensor = facts->zeroPoint;
  result.scaleTensor = facts->scale;
  if (facts->hasConstantZeroPoint())
    result.zero = facts->zeroPoints.front();
  if (facts->hasConstantScale())
    result.scale = facts->scales.front();
  return result;
}

static Value shiftCodes(OpBuilder &builder, Value codes, int64_t shift, Type element) {
  MapBuilder map(builder, codes.getLoc(), tensorOf(codes).getShape());
  Value code = map.read(codes);
  if (shift != 0)
    code = arith::AddIOp::create(map.body(), code, map.literal(static_cast<int32_t>(shift)));
  return map.finish(code, element).getResult(0);
}

void Activation::convert(OpBuilder &builder, bool toUnsigned) {
  auto from = llvm::cast<IntegerType>(elementOf(codes));
  Type to = builder.getIntegerType(8, !toUnsigned);
  if (from == to)
    return;
  int64_t change = 0;
  if (toUnsigned && from.isSigned())
    change = int64_t{1} << (from.getWidth() - 1);
  else if (!toUnsigned && from == builder.getIntegerType(8, /*isSigned=*/false))
    change = -128;
  codes = shiftCodes(builder, codes, change, to);
  low += change;
  high += change;
  shift += change;
  if (zero)
    *zero += change;
}

Value Activation::emitZero(MapBuilder &map) const {
  if (zero)
    return map.readInteger(*zero);
  Value value = map.read(zeroTensor);
  if (shift == 0)
    return value;
  return arith::AddIOp::create(map.body(), value, map.literal(static_cast<int32_t>(shift)));
}

double Activation::largestCode() const { return std::max(std::abs(low), std::abs(high)); }

double Activation::largestValue() const {
  if (!zero)
    return static_cast<double>(high - low);
  return std::max(std::abs(high - *zero), std::abs(low - *zero));
}

/// How the elements of a constant belong to channels: channel = batch * size + index on the axis.
namespace {
struct ChannelMap {
  int64_t size, inner, outer; ///< of the axis, elements inside one step of it, steps per batch

  static ChannelMap of(RankedTensorType type, int64_t axis) {
    ChannelMap result{type.getDimSize(axis), 1, 1};
    for (int64_t d = axis + 1; d < type.getRank(); ++d)
      result.inner *= type.getDimSize(d);
    // The last two dimensions are one matrix: only those before are batches.
    for (int64_t d = std::max<int64_t>(type.getRank() - 2, 0); d < axis; ++d)
      result.outer *= type.getDimSize(d);
    return result;
  }
  /// Calls visit(element, channel) for all elements of the constant, in order.
  template <typename Visit> void forEach(int64_t elements, Visit visit) const {
    for (int64_t element = 0, run = 0; element < elements; ++run) {
      int64_t channel = run / (size * outer) * size + run % size;
      for (int64_t end = element + inner; element < end; ++element)
        visit(element, channel);
    }
  }
};
} // namespace

/// What is subtracted from each channel's stored codes so that they fit si8.
static std::vector<int64_t> chooseShifts(llvm::ArrayRef<int32_t> codes, const CodeFacts &facts,
                                         const ChannelMap &channelOf, int64_t channels) {
  std::vector<int64_t> low(channels, INT32_MAX), high(channels, INT32_MIN), shifts(channels);
  channelOf.forEach(codes.size(), [&](int64_t i, int64_t channel) {
    low[channel] = std::min<int64_t>(low[channel], codes[i]);
    high[channel] = std::max<int64_t>(high[channel], codes[i]);
  });
  for (int64_t channel = 0; channel < channels; ++channel) {
    int64_t zero = facts.zeroPoints[channel % facts.zeroPoints.size()];
    bool fits = low[channel] - zero >= -128 && high[channel] - zero <= 127;
    shifts[channel] = fits ? zero : high[channel] > 127 ? 128 : 0;
  }
  return shifts;
}

static void sumUp(Weights &weights, llvm::ArrayRef<int32_t> codes, const ChannelMap &channelOf,
                  llvm::ArrayRef<int64_t> shifts) {
  std::vector<int64_t> absolute(shifts.size()), exact(shifts.size());
  channelOf.forEach(codes.size(), [&](int64_t i, int64_t channel) {
    int64_t code = codes[i] - shifts[channel];
    weights.sums[channel] += code;
    absolute[channel] += std::abs(code);
    exact[channel] += std::abs(code - weights.rest[channel]);
  });
  weights.largestCodes = static_cast<double>(*llvm::max_element(absolute));
  weights.largestWeights = static_cast<double>(*llvm::max_element(exact));
}

static Value storeShifted(OpBuilder &builder, const CodeFacts &facts, llvm::ArrayRef<int32_t> codes,
                          const ChannelMap &channelOf, llvm::ArrayRef<int64_t> shifts) {
  auto type = tensorOf(facts.codes);
  auto target = RankedTensorType::get(type.getShape(), builder.getIntegerType(8, true));
  bool same = llvm::all_of(shifts, [](int64_t shift) { return shift == 0; });
  if (same && type == target)
    return facts.codes;
  std::vector<char> bytes(codes.size());
  channelOf.forEach(codes.size(), [&](int64_t i, int64_t channel) {
    bytes[i] = static_cast<char>(codes[i] - shifts[channel]);
  });
  qir::ConstantOp source = getConstant(facts.codes);
  auto result = makeConstantFromBytes(builder, source.getLoc(), target, std::move(bytes));
  result.setSiteAttr(source.getSiteAttr());
  return result;
}

std::optional<Weights> Weights::read(OpBuilder &builder, Value value, int64_t channelAxis,
                                     std::string &why) {
  auto facts = readByteCodes(value, why);
  if (!facts)
    return std::nullopt;
  if (facts->axis && *facts->axis != channelAxis) {
    why = "expected weight scales per output channel, found them along another axis";
    return std::nullopt;
  }
  auto codes = readConstant<int32_t>(facts->codes);
  if (!codes || !facts->hasConstantScale() || !facts->hasConstantZeroPoint()) {
    why = "expected constant weights with constant scales and zero points";
    return std::nullopt;
  }
  auto type = tensorOf(facts->codes);
  ChannelMap channelOf = ChannelMap::of(type, channelAxis);
  Weights result;
  bool isMatrix = type.getRank() == 2 || channelAxis == 0;
  if (isMatrix) {
    result.shape = {channelOf.size};
  } else {
    result.shape.assign(type.getShape().begin(), type.getShape().end() - 2);
    result.shape.append({1, channelOf.size});
  }
  int64_t channels = 1;
  for (int64_t size : result.shape)
    channels *= size;
  if (isMatrix) // every element of a convolution's weights belongs to one of O channels
    channelOf.outer = type.getNumElements() / (channelOf.size * channelOf.inner);
  std::vector<int64_t> shifts = chooseShifts(*codes, *facts, channelOf, channels);
  result.sums.resize(channels);
  for (int64_t channel = 0; channel < channels; ++channel) {
    result.rest.push_back(facts->zeroPoints[channel % facts->zeroPoints.size()] - shifts[channel]);
    result.scales.push_back(facts->scales[channel % facts->scales.size()]);
  }
  sumUp(result, *codes, channelOf, shifts);
  result.codes = storeShifted(builder, *facts, *codes, channelOf, shifts);
  return result;
}

bool Weights::hasRest() const {
  return llvm::any_of(rest, [](int64_t value) { return value != 0; });
}

} // namespace quern
