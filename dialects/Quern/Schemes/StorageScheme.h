// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_QUERN_SCHEMES_STORAGESCHEME_H
#define QUERN_DIALECTS_QUERN_SCHEMES_STORAGESCHEME_H

#include "mlir/IR/Types.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>

namespace quern {

/// How the codes of a quantized tensor are represented: one row per element type that
/// `quern.quantize` may produce.
struct StorageScheme {
  llvm::StringLiteral name; ///< "u8", "s4", "e4m3", …
  unsigned bits;            ///< of one code
  bool isFloat;             ///< codes are small floats, without zero points
  bool isSigned;
  int64_t min; ///< smallest and largest code (integer schemes)
  int64_t max;
};

/// The scheme of a code element type, or none if the type holds no codes.
std::optional<StorageScheme> getStorageScheme(mlir::Type elementType);

/// The scalar type in which a `quern.map` body sees elements of this type (see the op).
mlir::Type getComputeType(mlir::Type elementType);

/// Bytes of one element in memory: elements of less than 8 bits take a byte each.
int64_t getElementBytes(mlir::Type elementType);

} // namespace quern

#endif // QUERN_DIALECTS_QUERN_SCHEMES_STORAGESCHEME_H
