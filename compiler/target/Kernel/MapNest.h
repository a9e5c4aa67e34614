// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_KERNEL_MAPNEST_H
#define QUERN_COMPILER_TARGET_KERNEL_MAPNEST_H

#include "compiler/target/Kernel/Access.h"

#include <optional>

namespace quern {

/// An elementwise iteration space brought to few, long loops: dimensions that all accesses walk as
/// one are merged, those of size 1 dropped. Outer dimensions are the units of the kernel, then at
/// most one loop, then the dimension along which lanes lie.
struct MapNest {
  /// A flat space is cut into blocks of this many elements.
  static constexpr int64_t blockElements = 4096;

  llvm::SmallVector<int64_t> units; ///< sizes of the outer dimensions
  int64_t middle = 1;
  int64_t inner = 1;
  /// If not 0, an operand lies along the middle dimension and the results along the inner one: the
  /// last unit dimension counts groups of this many middle positions, which are computed along the
  /// middle dimension and transposed in registers.
  int64_t transposedLanes = 0;
  /// Per access: coefficients of the unit dimensions, the middle and the inner one.
  llvm::SmallVector<LinearAccess> accesses;

  /// `keepRows`: results are padded NHWC tensors, whose units must be the N*H rows.
  static MapNest of(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<LinearAccess> accesses,
                    bool keepRows);
  /// The nest for transposing with vectors of `lanes`, if that is what the first `inputs` accesses
  /// and the results' ask for.
  static std::optional<MapNest> transposing(llvm::ArrayRef<int64_t> shape,
                                            llvm::ArrayRef<LinearAccess> accesses, size_t inputs,
                                            int64_t lanes);
  bool isFlat() const { return units.empty() && middle == 1; }
  int64_t unitCount() const;
  /// The indices of a unit.
  llvm::SmallVector<mlir::Value> delinearize(KernelBuilder &b, mlir::Value unit) const;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_KERNEL_MAPNEST_H
