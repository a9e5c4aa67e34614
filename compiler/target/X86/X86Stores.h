// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_X86_X86STORES_H
#define QUERN_COMPILER_TARGET_X86_X86STORES_H

#include "compiler/target/Kernel/Body.h"

namespace quern {

/// AVX-512: narrows four groups of 16 lanes to bytes together (vpackssdw, vpaddsw, vpackuswb, one
/// vpermd), whose saturation is most of the clamp, and joins neighbouring stores.
class Avx512Stores : public StoreEmitter {
public:
  void store(KernelBuilder &b, llvm::ArrayRef<PendingStore> stores) const override;
};

/// Up to four groups of 16 lanes as bytes, of a map that ends in one `quern.to_code`. The packs
/// work in 128-bit lanes: lane L of the result holds the groups' lanes L one after the other.
mlir::Value packInterleaved(KernelBuilder &b, llvm::ArrayRef<Yielded> groups, bool isSigned);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_X86_X86STORES_H
