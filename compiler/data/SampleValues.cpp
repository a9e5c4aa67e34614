// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/SampleValues.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using llvm::Error;
using llvm::Expected;

namespace quern::data {

std::string describeDims(llvm::ArrayRef<int64_t> dims) {
  std::string text = "[";
  for (auto [index, dim] : llvm::enumerate(dims))
    text += (index ? ", " : "") + std::to_string(dim);
  return text + "]";
}

static void scaleToShortSide(int64_t &height, int64_t &width, int64_t side) {
  // As torchvision does it: the longer side is rounded down.
  if (height <= width) {
    width = width * side / height;
    height = side;
  } else {
    height = height * side / width;
    width = side;
  }
}

Expected<Image> shapeImage(Image image, const ImageSteps &steps) {
  int64_t height = image.height, width = image.width;
  if (steps.shortSide)
    scaleToShortSide(height, width, steps.shortSide);
  if (steps.size[0])
    std::tie(height, width) = std::pair(steps.size[0], steps.size[1]);
  if (height > maxPixels / width)
    return llvm::createStringError("resizing it would give %lld x %lld pixels",
                                   static_cast<long long>(width), static_cast<long long>(height));
  if (height != image.height || width != image.width)
    image = resizeImage(image, height, width);
  if (!steps.crop[0])
    return image;
  if (steps.crop[0] > image.height || steps.crop[1] > image.width)
    return llvm::createStringError(
        "expected an image of at least %lld x %lld pixels to crop, found %lld x %lld",
        static_cast<long long>(steps.crop[1]), static_cast<long long>(steps.crop[0]),
        static_cast<long long>(image.width), static_cast<long long>(image.height));
  return cropImage(image, steps.crop[0], steps.crop[1]);
}

static double pick(const std::vector<double> &values, int64_t channel, double fallback) {
  if (values.empty())
    return fallback;
  return values[values.size() == 1 ? 0 : channel];
}

/// The value of each level of a channel, in single precision as a framework would compute it.
static std::array<float, 256> makeLevels(const ImageSteps &steps, int64_t channel) {
  std::array<float, 256> levels;
  auto low = static_cast<float>(steps.range[0]);
  auto span = static_cast<float>(steps.range[1] - steps.range[0]);
  auto mean = static_cast<float>(pick(steps.mean, channel, 0));
  auto deviation = static_cast<float>(pick(steps.std, channel, 1));
  for (unsigned level = 0; level < 256; ++level) {
    float value = span == 255 ? static_cast<float>(level) : static_cast<float>(level) / 255 * span;
    levels[level] = (low + value - mean) / deviation;
  }
  return levels;
}

void writeImage(const Image &image, const ImageSteps &steps, mlir::Type element, char *buffer) {
  int64_t channels = image.channels, pixels = image.height * image.width;
  for (int64_t c = 0; c < channels; ++c) {
    std::array<float, 256> levels = makeLevels(steps, c);
    int64_t from = steps.color == ImageSteps::Color::BGR ? channels - 1 - c : c;
    for (int64_t i = 0; i < pixels; ++i) {
      float value = levels[image.pixels[i * channels + from]];
      int64_t at = steps.channelsFirst ? c * pixels + i : i * channels + c;
      if (element.isF32())
        std::memcpy(buffer + at * sizeof(float), &value, sizeof(float));
      else
        buffer[at] = static_cast<char>(
            static_cast<uint8_t>(std::nearbyint(std::clamp(value, 0.0F, 255.0F))));
    }
  }
}

namespace {

/// An element as it was read: a float or an integer.
struct Element {
  bool isFloat = false;
  double number = 0;
  int64_t integer = 0;
  bool isLarge = false; ///< an unsigned integer past int64_t
};

} // namespace

template <typename T> static T load(const char *source) {
  T value;
  std::memcpy(&value, source, sizeof(T));
  return value;
}

static double loadHalf(const char *source) {
  llvm::APFloat value(llvm::APFloat::IEEEhalf(), llvm::APInt(16, load<uint16_t>(source)));
  return value.convertToDouble();
}

static Element loadElement(ArrayType type, const char *source) {
  switch (type) {
  case ArrayType::F32:
    return {true, load<float>(source)};
  case ArrayType::F64:
    return {true, load<double>(source)};
  case ArrayType::F16:
    return {true, loadHalf(source)};
  case ArrayType::U8:
    return {false, 0, load<uint8_t>(source)};
  case ArrayType::S8:
    return {false, 0, load<int8_t>(source)};
  case ArrayType::U16:
    return {false, 0, load<uint16_t>(source)};
  case ArrayType::S16:
    return {false, 0, load<int16_t>(source)};
  case ArrayType::U32:
    return {false, 0, load<uint32_t>(source)};
  case ArrayType::S32:
    return {false, 0, load<int32_t>(source)};
  case ArrayType::U64: {
    auto value = load<uint64_t>(source);
    return {false, 0, static_cast<int64_t>(value), value > INT64_MAX};
  }
  case ArrayType::S64:
    return {false, 0, load<int64_t>(source)};
  case ArrayType::Bool:
    return {false, 0, source[0] != 0};
  case ArrayType::Raw1:
  case ArrayType::Raw2:
    break; // no numbers
  }
  return {};
}

int64_t loadInteger(ArrayType type, const char *source) {
  Element element = loadElement(type, source);
  return element.isLarge ? -1 : element.integer;
}

static Error storeFloat(const Element &element, unsigned width, char *target) {
  double value = element.isFloat ? element.number : static_cast<double>(element.integer);
  if (!std::isfinite(value))
    return llvm::createStringError("a value is not a finite number");
  if (width == 64) {
    std::memcpy(target, &value, sizeof(value));
    return Error::success();
  }
  if (width == 32) {
    auto single = static_cast<float>(value);
    std::memcpy(target, &single, sizeof(single));
    return Error::success();
  }
  llvm::APFloat half(value);
  bool lost = false;
  half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven, &lost);
  auto bits = static_cast<uint16_t>(half.bitcastToAPInt().getZExtValue());
  std::memcpy(target, &bits, sizeof(bits));
  return Error::success();
}

static Error storeInteger(const Element &element, mlir::IntegerType type, char *target) {
  if (element.isFloat)
    return llvm::createStringError("expected whole numbers, found floats");
  unsigned width = std::min(type.getWidth(), 64U);
  int64_t low = type.isUnsigned() || width == 1 ? 0 : llvm::minIntN(width);
  int64_t high = width == 64                       ? INT64_MAX
                 : type.isUnsigned() || width == 1 ? static_cast<int64_t>(llvm::maxUIntN(width))
                                                   : llvm::maxIntN(width);
  if (element.isLarge || element.integer < low || element.integer > high)
    return llvm::createStringError("expected values from %lld to %lld, found %lld",
                                   static_cast<long long>(low), static_cast<long long>(high),
                                   static_cast<long long>(element.integer));
  std::memcpy(target, &element.integer, width < 8 ? 1 : width / 8);
  return Error::success();
}

static std::optional<ArrayType> getIntegerType(mlir::IntegerType type) {
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return ArrayType::Bool;
  case 8:
    return isUnsigned ? ArrayType::U8 : ArrayType::S8;
  case 16:
    return isUnsigned ? ArrayType::U16 : ArrayType::S16;
  case 32:
    return isUnsigned ? ArrayType::U32 : ArrayType::S32;
  case 64:
    return isUnsigned ? ArrayType::U64 : ArrayType::S64;
  default:
    return std::nullopt;
  }
}

std::optional<ArrayType> getArrayType(mlir::Type element) {
  if (auto integer = llvm::dyn_cast<mlir::IntegerType>(element))
    return getIntegerType(integer);
  if (element.isF32())
    return ArrayType::F32;
  if (element.isF64())
    return ArrayType::F64;
  if (element.isF16())
    return ArrayType::F16;
  switch (element.getIntOrFloatBitWidth()) {
  case 16:
    return ArrayType::Raw2;
  case 8:
    return ArrayType::Raw1;
  default:
    return std::nullopt;
  }
}

Error convertElements(ArrayType from, const char *source, mlir::Type to, char *target,
                      size_t count) {
  size_t step = getBytes(from);
  if (from == ArrayType::Raw1 || from == ArrayType::Raw2) {
    if (getArrayType(to) != from)
      return llvm::createStringError("expected numbers, found elements of another type");
    std::memcpy(target, source, count * step);
    return Error::success();
  }
  auto integer = llvm::dyn_cast<mlir::IntegerType>(to);
  bool isFloat = to.isF32() || to.isF64() || to.isF16();
  if (!isFloat && (!integer || integer.getWidth() > 64))
    return llvm::createStringError("an input of this element type cannot be read from files");
  size_t width = std::max(1U, to.getIntOrFloatBitWidth() / 8);
  for (size_t i = 0; i < count; ++i) {
    Element element = loadElement(from, source + i * step);
    Error error = integer ? storeInteger(element, integer, target + i * width)
                          : storeFloat(element, to.getIntOrFloatBitWidth(), target + i * width);
    if (error)
      return error;
  }
  return Error::success();
}

} // namespace quern::data
