// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_QUERN_OPS_VERIFY_H
#define QUERN_DIALECTS_QUERN_OPS_VERIFY_H

#include "dialects/Quern/QuernOps.h"

namespace quern::qir {

/// The NumPy broadcast of shapes, or failure.
mlir::FailureOr<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// Number of window positions along one dimension: (input + pads - dilation*(kernel-1) - 1) /
/// stride + 1, which may be <= 0 when the window does not fit.
int64_t windowCount(int64_t input, int64_t kernel, int64_t stride, int64_t dilation, int64_t padLow,
                    int64_t padHigh);

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

/// Integers with a sign and at most 8 bits: what integer contractions multiply.
bool isCode8(mlir::Type type);

} // namespace quern::qir

#endif // QUERN_DIALECTS_QUERN_OPS_VERIFY_H
