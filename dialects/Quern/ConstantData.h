// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_QUERN_CONSTANTDATA_H
#define QUERN_DIALECTS_QUERN_CONSTANTDATA_H

#include "dialects/Quern/QuernOps.h"

#include "mlir/IR/Builders.h"

#include <optional>
#include <vector>

namespace quern {

/// The constant behind a value, looking through nothing: null if `value` is not the result of a
/// `quern.constant`.
qir::ConstantOp getConstant(mlir::Value value);

/// The bytes of a constant (row-major, little endian, a byte per element of less than 8 bits).
/// Bytes of blobs are referred to; those of elements attributes are copied into `storage`.
llvm::ArrayRef<char> getConstantBytes(qir::ConstantOp constant, std::vector<char> &storage);

/// The elements converted to T (float, double, int64_t, int32_t): exact for integers that fit,
/// rounded to nearest for floats. None if `value` is not constant.
template <typename T> std::optional<std::vector<T>> readConstant(mlir::Value value);

/// The only element of a one-element constant, or none.
template <typename T> std::optional<T> readScalarConstant(mlir::Value value);

/// Makes a constant of `type` from values converted to its element type (integers must fit; floats
/// are rounded to nearest even). Up to 16 elements are kept as an elements attribute, more as a
/// blob.
template <typename T>
qir::ConstantOp makeConstant(mlir::OpBuilder &builder, mlir::Location location,
                             mlir::RankedTensorType type, llvm::ArrayRef<T> values);

/// Makes a constant from bytes in the layout of `getConstantBytes`.
qir::ConstantOp makeConstantFromBytes(mlir::OpBuilder &builder, mlir::Location location,
                                      mlir::RankedTensorType type, std::vector<char> bytes);

} // namespace quern

#endif // QUERN_DIALECTS_QUERN_CONSTANTDATA_H
