// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/RandomSource.h"

#include "compiler/data/SampleValues.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>
#include <numbers>
#include <random>

using llvm::Error;

namespace quern::data {

// Not the distributions of <random>: they differ between standard libraries.

/// From 0 to below 1.
static double drawUniform(std::mt19937_64 &random) {
  return static_cast<double>(random() >> 11) * 0x1p-53;
}

/// Box and Muller.
static float drawNormal(std::mt19937_64 &random) {
  double radius = std::sqrt(-2 * std::log(1 - drawUniform(random)));
  return static_cast<float>(radius * std::cos(2 * std::numbers::pi * drawUniform(random)));
}

static int64_t drawInteger(std::mt19937_64 &random, const TensorSlot &slot,
                           mlir::IntegerType type) {
  int64_t low = slot.low, high = slot.high;
  if (low == 0 && high == 0) {
    unsigned width = type.getWidth();
    low = width == 8 && !type.isUnsigned() ? -128 : 0;
    high = width == 1 ? 1 : width > 8 ? 99 : low + 255;
  }
  auto span = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  return static_cast<int64_t>(static_cast<uint64_t>(low) + (span ? random() % span : random()));
}

static Error fill(std::mt19937_64 &random, const TensorSlot &slot, size_t count, char *target) {
  mlir::Type element = slot.type.getElementType();
  auto integer = llvm::dyn_cast<mlir::IntegerType>(element);
  size_t bytes = std::max<unsigned>(1, element.getIntOrFloatBitWidth() / 8);
  for (size_t i = 0; i < count; ++i, target += bytes) {
    int64_t whole = integer ? drawInteger(random, slot, integer) : 0;
    float real = integer ? 0 : drawNormal(random);
    Error error = Error::success();
    if (element.isBF16()) {
      // The upper half of a float.
      auto bits = static_cast<uint16_t>(llvm::bit_cast<uint32_t>(real) >> 16);
      std::memcpy(target, &bits, sizeof(bits));
    } else {
      const void *value = integer ? static_cast<const void *>(&whole) : &real;
      error = convertElements(integer ? ArrayType::S64 : ArrayType::F32,
                              static_cast<const char *>(value), element, target, 1);
    }
    if (error)
      return llvm::createStringError("input '" + slot.name +
                                     "': no random values can be made for "
                                     "its element type; expected files (--input, --data)");
  }
  return Error::success();
}

Error RandomSource::read(size_t index, llvm::ArrayRef<char *> buffers) {
  std::mt19937_64 random(seed + 0x9e3779b97f4a7c15 * (index + 1));
  for (auto [slot, buffer] : llvm::zip_equal(inputs, buffers)) {
    int64_t batch = slot.type.getRank() ? slot.type.getDimSize(0) : 1;
    if (Error error =
            fill(random, slot, slot.type.getNumElements() / std::max<int64_t>(1, batch), buffer))
      return error;
  }
  return Error::success();
}

} // namespace quern::data
