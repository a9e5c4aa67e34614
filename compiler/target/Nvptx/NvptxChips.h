// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_NVPTX_NVPTXCHIPS_H
#define QUERN_COMPILER_TARGET_NVPTX_NVPTXCHIPS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace quern {

/// A generation of NVIDIA GPUs that kernels are generated for.
struct NvptxChip {
  llvm::StringLiteral name; ///< as LLVM and ptxas call it: sm_89
  /// Compute capability, 10 * major + minor. A name that ends in `a` runs on this one only, the
  /// others on all later ones, too.
  int capability;
  llvm::StringLiteral features; ///< the version of PTX that its instructions need
  bool multipliesFloats8;       ///< mma of e4m3 and e5m2: from sm_89 on
  llvm::StringLiteral description;
};

llvm::ArrayRef<NvptxChip> getNvptxChips();

} // namespace quern

#endif // QUERN_COMPILER_TARGET_NVPTX_NVPTXCHIPS_H
