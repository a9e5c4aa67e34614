// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ConstantData.h"

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace mlir;

namespace quern {

/// Constants up to this many elements stay readable in the IR text.
static constexpr int64_t inlineElements = 16;

qir::ConstantOp getConstant(Value value) { return value.getDefiningOp<qir::ConstantOp>(); }

static void appendBytes(const llvm::APInt &bits, int64_t bytes, std::vector<char> &out) {
  uint64_t raw = bits.getZExtValue();
  for (int64_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(raw >> (8 * i)));
}

/// Codes of less than 8 bits are stored sign- or zero-extended to a byte.
static llvm::APInt widenToBytes(const llvm::APInt &bits, IntegerType type) {
  unsigned width = (type.getWidth() + 7) / 8 * 8;
  return type.isSigned() ? bits.sext(width) : bits.zext(width);
}

llvm::ArrayRef<char> getConstantBytes(qir::ConstantOp constant, std::vector<char> &storage) {
  if (auto blob = llvm::dyn_cast<qir::BlobAttr>(constant.getValue())) {
    auto *dialect = constant->getContext()->getLoadedDialect<qir::QuernDialect>();
    return dialect->getContentStore().get(blob.getHash());
  }
  auto elements = llvm::cast<DenseElementsAttr>(constant.getValue());
  Type type = elements.getElementType();
  int64_t bytes = getElementBytes(type);
  storage.clear();
  if (auto integer = llvm::dyn_cast<IntegerType>(type)) {
    for (const llvm::APInt &element : elements.getValues<llvm::APInt>())
      appendBytes(widenToBytes(element, integer), bytes, storage);
  } else {
    for (const llvm::APFloat &element : elements.getValues<llvm::APFloat>())
      appendBytes(element.bitcastToAPInt(), bytes, storage);
  }
  return storage;
}

static uint64_t loadRaw(const char *data, int64_t bytes) {
  uint64_t raw = 0;
  std::memcpy(&raw, data, bytes);
  return raw;
}

static int64_t loadInteger(const char *data, int64_t bytes, bool isSigned) {
  uint64_t raw = loadRaw(data, bytes);
  unsigned shift = 64 - 8 * bytes;
  return isSigned ? static_cast<int64_t>(raw << shift) >> shift : static_cast<int64_t>(raw);
}

static double loadFloat(const char *data, FloatType type) {
  if (type.isF32()) {
    float value;
    std::memcpy(&value, data, sizeof value);
    return value;
  }
  llvm::APInt bits(type.getWidth(), loadRaw(data, getElementBytes(type)), false,
                   /*implicitTrunc=*/true);
  llvm::APFloat value(type.getFloatSemantics(), bits);
  bool losesInfo;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

/// A value as another type; what an integer type cannot hold becomes its nearest value, NaN 0.
template <typename To, typename From> static To convertValue(From value) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (std::isnan(value))
      return 0;
    constexpr To low = std::numeric_limits<To>::min(), high = std::numeric_limits<To>::max();
    // `high` may round up to the first value beyond it.
    if (value >= static_cast<From>(high))
      return high;
    if (value <= static_cast<From>(low))
      return low;
  }
  return static_cast<To>(value);
}

template <typename T> std::optional<std::vector<T>> readConstant(Value value) {
  qir::ConstantOp constant = getConstant(value);
  if (!constant)
    return std::nullopt;
  auto type = llvm::cast<RankedTensorType>(constant.getType());
  Type element = type.getElementType();
  std::vector<char> storage;
  llvm::ArrayRef<char> bytes = getConstantBytes(constant, storage);
  int64_t size = getElementBytes(element), count = type.getNumElements();
  if (static_cast<int64_t>(bytes.size()) != size * count)
    return std::nullopt;
  std::vector<T> values(count);
  if (auto floating = llvm::dyn_cast<FloatType>(element)) {
    for (int64_t i = 0; i < count; ++i)
      values[i] = convertValue<T>(loadFloat(bytes.data() + i * size, floating));
  } else {
    bool isSigned = element.isSignedInteger();
    for (int64_t i = 0; i < count; ++i)
      values[i] = static_cast<T>(loadInteger(bytes.data() + i * size, size, isSigned));
  }
  return values;
}

template <typename T> std::optional<T> readScalarConstant(Value value) {
  auto type = llvm::dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() != 1)
    return std::nullopt;
  auto values = readConstant<T>(value);
  return values ? std::optional<T>(values->front()) : std::nullopt;
}

template <typename T> static void storeElement(T value, Type type, std::vector<char> &out) {
  int64_t bytes = getElementBytes(type);
  if (auto floating = llvm::dyn_cast<FloatType>(type)) {
    llvm::APFloat number(static_cast<double>(value));
    bool losesInfo;
    number.convert(floating.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    appendBytes(number.bitcastToAPInt(), bytes, out);
    return;
  }
  auto raw = static_cast<uint64_t>(convertValue<int64_t>(value));
  for (int64_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<char>(raw >> (8 * i)));
}

template <typename T>
qir::ConstantOp makeConstant(OpBuilder &builder, Location location, RankedTensorType type,
                             llvm::ArrayRef<T> values) {
  std::vector<char> bytes;
  Type element = type.getElementType();
  if (std::is_same_v<T, float> && element.isF32()) {
    bytes.resize(values.size() * sizeof(T));
    std::memcpy(bytes.data(), values.data(), bytes.size());
  } else {
    bytes.reserve(values.size() * getElementBytes(element));
    for (T value : values)
      storeElement(value, element, bytes);
  }
  return makeConstantFromBytes(builder, location, type, std::move(bytes));
}

static Attribute makeElements(RankedTensorType type, llvm::ArrayRef<char> bytes) {
  Type element = type.getElementType();
  int64_t size = getElementBytes(element);
  llvm::SmallVector<Attribute> attributes;
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    llvm::APInt bits(element.getIntOrFloatBitWidth(), loadRaw(bytes.data() + i * size, size), false,
                     /*implicitTrunc=*/true);
    if (auto floating = llvm::dyn_cast<FloatType>(element))
      attributes.push_back(
          FloatAttr::get(element, llvm::APFloat(floating.getFloatSemantics(), bits)));
    else
      attributes.push_back(IntegerAttr::get(element, bits));
  }
  return DenseElementsAttr::get(type, attributes);
}

qir::ConstantOp makeConstantFromBytes(OpBuilder &builder, Location location, RankedTensorType type,
                                      std::vector<char> bytes) {
  if (type.getNumElements() <= inlineElements && !type.getEncoding())
    return qir::ConstantOp::create(builder, location, type, makeElements(type, bytes), nullptr);
  auto *dialect = builder.getContext()->getLoadedDialect<qir::QuernDialect>();
  uint64_t length = bytes.size();
  std::string hash = dialect->getContentStore().add(std::move(bytes));
  auto blob = qir::BlobAttr::get(builder.getContext(), hash, length);
  return qir::ConstantOp::create(builder, location, type, blob, nullptr);
}

#define QUERN_INSTANTIATE(T)                                                                       \
  template std::optional<std::vector<T>> readConstant<T>(Value);                                   \
  template std::optional<T> readScalarConstant<T>(Value);                                          \
  template qir::ConstantOp makeConstant<T>(OpBuilder &, Location, RankedTensorType,                \
                                           llvm::ArrayRef<T>);
QUERN_INSTANTIATE(float)
QUERN_INSTANTIATE(double)
QUERN_INSTANTIATE(int32_t)
QUERN_INSTANTIATE(int64_t)
#undef QUERN_INSTANTIATE

} // namespace quern
