// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_ACCESS_H
#define QUERN_COMPILER_TARGET_KERNEL_ACCESS_H

#include "compiler/target/Kernel/KernelBuilder.h"

#include "mlir/IR/AffineMap.h"

namespace quern {

/// Where the elements of a tensor lie in its buffer: element (i0, i1, …) at
/// `base + sum(strides[d] * id)`, by the encoding (dense, or padded NHWC).
struct Layout {
  int64_t base = 0;
  llvm::SmallVector<int64_t> strides;
  /// Elements of the whole buffer, halo included.
  int64_t size = 0;
  static Layout of(mlir::RankedTensorType type);
};

/// A linear function from loop indices to a buffer offset.
struct LinearAccess {
  int64_t constant = 0;
  llvm::SmallVector<int64_t> coefficients;

  /// The access of a tensor through an affine map (linear, see quern.map).
  static LinearAccess of(mlir::AffineMap map, const Layout &layout);
  /// The access of a tensor at its own indices.
  static LinearAccess of(const Layout &layout);
  /// constant + sum(coefficients[d] * indices[d]); null indices count as 0.
  mlir::Value offset(KernelBuilder &b, llvm::ArrayRef<mlir::Value> indices) const;
};

/// A tensor as a kernel sees it.
struct Buffer {
  mlir::Value memref;
  mlir::RankedTensorType type;
  mlir::Type element() const { return type.getElementType(); }
};

/// Loads `lanes` elements along a dimension with this stride (0: one element for all lanes) and
/// brings them to the compute type. Strides other than 0 and 1 load lane by lane.
mlir::Value loadLanes(KernelBuilder &b, const Buffer &buffer, mlir::Value offset, int64_t stride,
                      int64_t lanes, int64_t valid);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_ACCESS_H
