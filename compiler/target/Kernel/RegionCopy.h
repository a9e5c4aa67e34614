// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_REGIONCOPY_H
#define QUERN_COMPILER_TARGET_KERNEL_REGIONCOPY_H

#include "compiler/target/Kernel/AnchorAccess.h"
#include "compiler/target/Kernel/MapNest.h"

namespace quern {

/// Copies a box of elements to the anchor's result, through the epilogue when there is one.
class RegionCopy {
public:
  /// Element (i0, i1, …) of the box of this shape lies in `input` at `access`, and becomes element
  /// (i0 + shift0, …) of the result.
  RegionCopy(const EmitContext &context, const Buffer &input, LinearAccess access,
             llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> shift);

  /// Writes the loops over the indices behind `prefix`. `inputBase` (may be null) is added to the
  /// places that are read.
  void emit(llvm::ArrayRef<mlir::Value> prefix, mlir::Value inputBase) const;

private:
  void emitRun(const MapNest &nest, llvm::ArrayRef<mlir::Value> starts) const;
  const EmitContext &context;
  Buffer input;
  LinearAccess read;
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<LinearAccess> writes;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_REGIONCOPY_H
