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

/// The scales, where each row (all dimensions but the last) has one, as [.., 1]; or null.
static Value readRowScales(OpBuilder &builder, const CodeFacts &facts, RankedTensorType type) {
  auto axis = static_cast<int64_t>(*facts.axis);
  bool isWhole =
      facts.block && axis == type.getRank() - 1 && *facts.block >= type.getShape().back();
  bool isFirst = !facts.block && type.getRank() == 2 && axis == 0;
  if (!isWhole && !isFirst)
    return {};
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = 1;
  auto wanted = RankedTensorType::get(shape, elementOf(facts.scale));
  if (facts.scale.getType() == wanted)
    return facts.scale;
  return qir::ReshapeOp::create(builder, facts.scale.getLoc(), wanted, facts.scale);
}

/// The codes behind a dequantize of at most 8 bits.
static std::optional<CodeFacts> readByteCodes(Value value, std::string &why) {
  auto facts = CodeFacts::behind(value);
  if (!facts)
    why = "expected integer codes of at most 8 bits, found float values or a codebook";
  else if (!isByteCode(elementOf(facts->codes)))
    why = "expected codes of at most 8 bits, found wider ones";
  else
    return facts;
  return std::nullopt;
}

static constexpr llvm::StringLiteral foundBlocks =
    "expected one scale per tensor or output channel, found one per block";

std::optional<Activation> Activation::read(OpBuilder &builder, Value value, std::string &why,
                                           Scales scales) {
  auto facts = readByteCodes(value, why);
  if (!facts)
    return std::nullopt;
  Activation result;
  result.codes = facts->codes;
  result.low = facts->low;
  result.high = facts->high;
  result.zeroTensor = facts->zeroPoint;
  result.scaleTensor = facts->scale;
  if (facts->axis && scales == Scales::PerRow && facts->hasConstantZeroPoint() &&
      llvm::all_equal(facts->zeroPoints))
    result.rowScales = readRowScales(builder, *facts, tensorOf(value));
  if (facts->block && !result.rowScales) {
    why = foundBlocks;
    return std::nullopt;
  }
  bool isPerChannel = scales == Scales::PerChannel && facts->isPerChannel();
  if (facts->axis && !isPerChannel && !result.rowScales) {
    why = "expected one scale per activation tensor, found one per slice of an axis";
    return std::nullopt;
  }
  if (facts->hasConstantZeroPoint())
    result.zero = facts->zeroPoints.front();
  if (isPerChannel)
    result.channelScales = facts->scales;
  else if (facts->hasConstantScale() && !result.rowScales)
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

/// What is subtracted from each channel's stored codes so that they fit so many signed bits.
static std::vector<int32_t> chooseShifts(const ByteCodes &codes, const CodeFacts &facts,
                                         const ChannelMap &map, unsigned bits) {
  const int32_t half = 1 << (bits - 1);
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
    bool fits = low[channel] - zero >= -half && high[channel] - zero < half;
    shifts[channel] = fits ? zero : high[channel] >= half ? half : 0;
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
                          const ChannelMap &map, llvm::ArrayRef<int32_t> shifts,
                          unsigned bits = 8 * sizeof(Element)) {
  auto type = tensorOf(facts.codes);
  auto target = RankedTensorType::get(type.getShape(), builder.getIntegerType(bits, true));
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

/// The fewest bits of which kernels have a form, 2 to 4 or 8, that hold all codes less their
/// shifts.
static unsigned fewestBits(const ByteCodes &codes, const ChannelMap &map,
                           llvm::ArrayRef<int32_t> shifts) {
  int32_t low = 0, high = 0;
  map.forEachRun([&](int64_t first, int64_t channel, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {
      low = std::min(low, codes[i] - shifts[channel]);
      high = std::max(high, codes[i] - shifts[channel]);
    }
  });
  for (unsigned bits = 2; bits <= 4; ++bits)
    if (low >= -(1 << (bits - 1)) && high < 1 << (bits - 1))
      return bits;
  return 8;
}

void Weights::setRest(const CodeFacts &facts, llvm::ArrayRef<int32_t> shifts) {
  rest.clear();
  for (size_t channel = 0; channel < shifts.size(); ++channel)
    rest.push_back(facts.zeroPoints[channel % facts.zeroPoints.size()] - shifts[channel]);
}

std::optional<Weights> Weights::read(OpBuilder &builder, Value value, int64_t channelAxis,
                                     Storage allowed, std::string &why) {
  auto facts = readByteCodes(value, why);
  if (!facts)
    return std::nullopt;
  if (facts->block) {
    why = foundBlocks;
    return std::nullopt;
  }
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
  result.sums.resize(map.total());
  for (int64_t channel = 0; channel < map.total(); ++channel)
    result.scales.push_back(facts->scales[channel % facts->scales.size()]);
  if (unsigned bits = type.getElementTypeBitWidth(); allowed.mayBeNarrow && bits <= 4) {
    std::vector<int32_t> shifts = chooseShifts(codes, *facts, map, bits);
    result.setRest(*facts, shifts);
    if (!result.hasRest() || allowed.mayHaveRest) {
      sumUp(result, codes, map, shifts);
      result.codes =
          storeShifted<int8_t>(builder, *facts, codes, map, shifts, fewestBits(codes, map, shifts));
      return result;
    }
  }
  std::vector<int32_t> shifts = chooseShifts(codes, *facts, map, 8), zeros(map.total());
  for (size_t channel = 0; channel < zeros.size(); ++channel)
    zeros[channel] = static_cast<int32_t>(facts->zeroPoints[channel % facts->zeroPoints.size()]);
  bool isWide = allowed.mayBeWide && shifts != zeros && hasFewBeyondBytes(codes, *facts, map);
  if (isWide)
    shifts = zeros;
  result.setRest(*facts, shifts);
  sumUp(result, codes, map, shifts);
  result.codes = isWide ? storeShifted<int16_t>(builder, *facts, codes, map, shifts)
                        : storeShifted<int8_t>(builder, *facts, codes, map, shifts);
  return result;
}

bool Weights::hasRest() const {
  return llvm::any_of(rest, [](int64_t value) { return value != 0; });
}

} // namespace quern
