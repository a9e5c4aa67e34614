// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Integerize/Products.h"

#include "dialects/Quern/ConstantData.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <algorithm>
#include <cmath>
#include <cstring>

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

std::optional<Activation> Activation::read(Value value, std::string &why, bool perChannel) {
  auto facts = readByteCodes(value, why);
  if (!facts)
    return std::nullopt;
  if (facts->axis && !(perChannel && facts->isPerChannel())) {
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
  if (facts->axis)
    result.channelScales = facts->scales;
  else if (facts->hasConstantScale())
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

namespace {

/// How the elements of a constant belong to channels: batches of steps of `channels` runs of
/// `inner` elements each.
struct ChannelMap {
  int64_t batches = 1, steps = 1, channels = 1, inner = 1;

  static ChannelMap of(RankedTensorType type, int64_t axis, bool isMatrix) {
    ChannelMap result;
    result.channels = type.getDimSize(axis);
    for (int64_t d = axis + 1; d < type.getRank(); ++d)
      result.inner *= type.getDimSize(d);
    // The last two dimensions are one matrix: those before are batches, each with its channels.
    for (int64_t d = 0; d < axis; ++d)
      (isMatrix || d >= type.getRank() - 2 ? result.steps : result.batches) *= type.getDimSize(d);
    return result;
  }

  int64_t total() const { return batches * channels; }

  /// Calls visit(element, channel, count) for all runs of one channel, in order.
  template <typename Visit> void forEachRun(Visit visit) const {
    int64_t element = 0;
    for (int64_t batch = 0; batch < batches; ++batch)
      for (int64_t step = 0; step < steps; ++step)
        for (int64_t channel = 0; channel < channels; ++channel, element += inner)
          visit(element, batch * channels + channel, inner);
  }
};

/// Codes of at most 8 bits, as they lie in memory.
struct ByteCodes {
  llvm::ArrayRef<char> bytes;
  bool isSigned;

  int32_t operator[](int64_t index) const {
    char byte = bytes.data()[index];
    return isSigned ? static_cast<int32_t>(static_cast<signed char>(byte))
                    : static_cast<int32_t>(static_cast<unsigned char>(byte));
  }
};

} // namespace

/// What is subtracted from each channel's stored codes so that they fit si8.
static std::vector<int32_t> chooseShifts(const ByteCodes &codes, const CodeFacts &facts,
                                         const ChannelMap &map) {
  std::vector<int32_t> shifts(map.total(), 0);
  bool noZero = llvm::all_of(facts.zeroPoints, [](int64_t zero) { return zero == 0; });
  if (noZero && codes.isSigned)
    return shifts;
  std::vector<int32_t> low(map.total(), INT32_MAX), high(map.total(), INT32_MIN);
  map.forEachRun([&](int64_t first, int64_t channel, int64_t count) {
    int32_t least = low[channel], most = high[channel];
    for (int64_t i = first; i < first + count; ++i) {
      least = std::min(least, codes[i]);
      most = std::max(most, codes[i]);
    }
    low[channel] = least;
    high[channel] = most;
  });
  for (size_t channel = 0; channel < shifts.size(); ++channel) {
    auto zero = static_cast<int32_t>(facts.zeroPoints[channel % facts.zeroPoints.size()]);
    bool fits = low[channel] - zero >= -128 && high[channel] - zero <= 127;
    shifts[channel] = fits ? zero : high[channel] > 127 ? 128 : 0;
  }
  return shifts;
}

/// Whether few weights do not fit 8 bits less their zero points. A kernel does a step of 64 weights
/// once more for each, in half as many or as many channels again as that holds; the sums of the
/// left codes that other shifts ask for cost at least a quarter of the product.
static bool hasFewBeyondBytes(const ByteCodes &codes, const CodeFacts &facts,
                              const ChannelMap &map) {
  constexpr int64_t weightsPerStep = 128;
  int64_t beyond = 0;
  map.forEachRun([&](int64_t first, int64_t channel, int64_t count) {
    auto zero = static_cast<int32_t>(facts.zeroPoints[channel % facts.zeroPoints.size()]);
    for (int64_t i = first; i < first + count; ++i)
      beyond += codes[i] - zero < -128 || codes[i] - zero > 127;
  });
  return beyond * weightsPerStep <= static_cast<int64_t>(codes.bytes.size());
}

static void sumUp(Weights &weights, const ByteCodes &codes, const ChannelMap &map,
                  llvm::ArrayRef<int32_t> shifts) {
  std::vector<int64_t> absolute(shifts.size()), exact(shifts.size());
  map.forEachRun([&](int64_t first, int64_t channel, int64_t count) {
    int32_t shift = shifts[channel], rest = static_cast<int32_t>(weights.rest[channel]);
    int64_t sum = 0, magnitude = 0, distance = 0;
    for (int64_t i = first; i < first + count; ++i) {
      int32_t code = codes[i] - shift;
      sum += code;
      magnitude += code < 0 ? -code : code;
      distance += code < rest ? rest - code : code - rest;
    }
    weights.sums[channel] += sum;
    absolute[channel] += magnitude;
    exact[channel] += distance;
  });
  weights.largestCodes = static_cast<double>(*llvm::max_element(absolute));
  weights.largestWeights = static_cast<double>(*llvm::max_element(exact));
}

template <typename Element>
static Value storeShifted(OpBuilder &builder, const CodeFacts &facts, const ByteCodes &codes,
                          const ChannelMap &map, llvm::ArrayRef<int32_t> shifts) {
  auto type = tensorOf(facts.codes);
  auto target =
      RankedTensorType::get(type.getShape(), builder.getIntegerType(8 * sizeof(Element), true));
  bool same = llvm::all_of(shifts, [](int32_t shift) { return shift == 0; });
  if (same && type == target)
    return facts.codes;
  std::vector<char> bytes(codes.bytes.size() * sizeof(Element));
  map.forEachRun([&](int64_t first, int64_t channel, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {
      auto shifted = static_cast<Element>(codes[i] - shifts[channel]);
      std::memcpy(&bytes[i * sizeof(Element)], &shifted, sizeof(Element));
    }
  });
  qir::ConstantOp source = getConstant(facts.codes);
  auto result = makeConstantFromBytes(builder, source.getLoc(), target, std::move(bytes));
  result.setSiteAttr(source.getSiteAttr());
  return result;
}

std::optional<Weights> Weights::read(OpBuilder &builder, Value value, int64_t channelAxis,
                                     bool mayBeWide, std::string &why) {
  auto facts = readByteCodes(value, why);
  if (!facts)
    return std::nullopt;
  if (facts->axis && *facts->axis != channelAxis) {
    why = "expected weight scales per output channel, found them along another axis";
    return std::nullopt;
  }
  qir::ConstantOp constant = getConstant(facts->codes);
  if (!constant || !facts->hasConstantScale() || !facts->hasConstantZeroPoint()) {
    why = "expected constant weights with constant scales and zero points";
    return std::nullopt;
  }
  auto type = tensorOf(facts->codes);
  std::vector<char> storage;
  ByteCodes codes{getConstantBytes(constant, storage), type.getElementType().isSignedInteger()};
  bool isMatrix = type.getRank() == 2 || channelAxis == 0;
  ChannelMap map = ChannelMap::of(type, channelAxis, isMatrix);
  Weights result;
  if (!isMatrix) {
    result.shape.assign(type.getShape().begin(), type.getShape().end() - 2);
    result.shape.push_back(1);
  }
  result.shape.push_back(map.channels);
  std::vector<int32_t> shifts = chooseShifts(codes, *facts, map), zeros(map.total());
  for (size_t channel = 0; channel < zeros.size(); ++channel)
    zeros[channel] = static_cast<int32_t>(facts->zeroPoints[channel % facts->zeroPoints.size()]);
  bool isWide = mayBeWide && shifts != zeros && hasFewBeyondBytes(codes, *facts, map);
  if (isWide)
    shifts = zeros;
  result.sums.resize(map.total());
  for (int64_t channel = 0; channel < map.total(); ++channel) {
    result.rest.push_back(facts->zeroPoints[channel % facts->zeroPoints.size()] - shifts[channel]);
    result.scales.push_back(facts->scales[channel % facts->scales.size()]);
  }
  sumUp(result, codes, map, shifts);
  result.codes = isWide ? storeShifted<int16_t>(builder, *facts, codes, map, shifts)
                        : storeShifted<int8_t>(builder, *facts, codes, map, shifts);
  return result;
}

bool Weights::hasRest() const {
  return llvm::any_of(rest, [](int64_t value) { return value != 0; });
}

} // namespace quern
