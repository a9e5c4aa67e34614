// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/Schemes/StorageScheme.h"

#include "mlir/IR/BuiltinTypes.h"

using mlir::IntegerType;
using mlir::Type;

namespace quern {

static constexpr StorageScheme integerSchemes[] = {
    {"u2", 2, false, false, 0, 3},       {"s2", 2, false, true, -2, 1},
    {"u3", 3, false, false, 0, 7},       {"s3", 3, false, true, -4, 3},
    {"u4", 4, false, false, 0, 15},      {"s4", 4, false, true, -8, 7},
    {"u5", 5, false, false, 0, 31},      {"s5", 5, false, true, -16, 15},
    {"u6", 6, false, false, 0, 63},      {"s6", 6, false, true, -32, 31},
    {"u7", 7, false, false, 0, 127},     {"s7", 7, false, true, -64, 63},
    {"u8", 8, false, false, 0, 255},     {"s8", 8, false, true, -128, 127},
    {"u16", 16, false, false, 0, 65535}, {"s16", 16, false, true, -32768, 32767},
};

std::optional<StorageScheme> getStorageScheme(Type type) {
  if (llvm::isa<mlir::Float8E4M3FNType>(type))
    return StorageScheme{"e4m3", 8, true, true, 0, 0};
  if (llvm::isa<mlir::Float8E5M2Type>(type))
    return StorageScheme{"e5m2", 8, true, true, 0, 0};
  if (llvm::isa<mlir::Float4E2M1FNType>(type))
    return StorageScheme{"e2m1", 4, true, true, 0, 0};
  auto integer = llvm::dyn_cast<IntegerType>(type);
  if (!integer || integer.isSignless())
    return std::nullopt;
  for (const StorageScheme &scheme : integerSchemes)
    if (scheme.bits == integer.getWidth() && scheme.isSigned == integer.isSigned())
      return scheme;
  return std::nullopt;
}

Type getComputeType(Type type) {
  mlir::MLIRContext *context = type.getContext();
  if (auto integer = llvm::dyn_cast<IntegerType>(type))
    return IntegerType::get(context, integer.getWidth() <= 32 ? 32 : 64);
  if (type.isF64())
    return type;
  return mlir::Float32Type::get(context);
}

int64_t getElementBytes(Type type) {
  return (static_cast<int64_t>(type.getIntOrFloatBitWidth()) + 7) / 8;
}

} // namespace quern
