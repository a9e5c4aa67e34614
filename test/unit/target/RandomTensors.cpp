// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RandomTensors.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/IR/BuiltinTypes.h"

#include <cmath>
#include <cstring>
#include <random>
#include <type_traits>

using namespace mlir;

namespace quern::test {

/// Fills with values of an element type that std::mt19937 draws.
template <typename T> static void fillRandom(Bytes &bytes, Range range, std::mt19937 &random) {
  for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
    double unit = random() / 4294967296.0;
    double real = range.low + unit * (range.high - range.low + (std::is_integral_v<T> ? 1 : 0));
    T value;
    if constexpr (std::is_integral_v<T>)
      value = static_cast<T>(static_cast<int64_t>(std::floor(real)));
    else
      value = static_cast<T>(real);
    std::memcpy(&bytes[i], &value, sizeof(T));
  }
}

static Range defaultRange(RankedTensorType type) {
  Type element = type.getElementType();
  if (auto scheme = getStorageScheme(element); scheme && !scheme->isFloat)
    return {static_cast<double>(scheme->min), static_cast<double>(scheme->max)};
  if (llvm::isa<IntegerType>(element))
    return {-1000, 1000};
  return type.getRank() == 1 ? Range{0.0001, 0.01} : Range{-4, 4};
}

std::vector<Bytes> makeRandomTensors(TypeRange types, const Settings &settings) {
  std::mt19937 random(settings.seed);
  std::vector<Bytes> inputs;
  for (Type each : types) {
    auto type = llvm::cast<RankedTensorType>(each);
    auto found = settings.ranges.find(inputs.size());
    Range range = found == settings.ranges.end() ? defaultRange(type) : found->second;
    Type element = type.getElementType();
    Bytes bytes(type.getNumElements() * getElementBytes(element));
    if (element.isF32())
      fillRandom<float>(bytes, range, random);
    else if (element.isInteger(64))
      fillRandom<int64_t>(bytes, range, random);
    else if (element.isInteger(32))
      fillRandom<int32_t>(bytes, range, random);
    else if (getElementBytes(element) == 2)
      fillRandom<int16_t>(bytes, range, random);
    else
      fillRandom<char>(bytes, range, random);
    inputs.push_back(std::move(bytes));
  }
  return inputs;
}

} // namespace quern::test
