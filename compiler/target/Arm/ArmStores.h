// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_ARM_ARMSTORES_H
#define QUERN_COMPILER_TARGET_ARM_ARMSTORES_H

#include "compiler/target/Kernel/Body.h"

namespace quern {

/// NEON: rounds and narrows 16 lanes to bytes together (fcvtns, sqxtn, sqadd of the zero point,
/// sqxtn or sqxtun), whose saturation is most of the clamp, and joins neighbouring stores.
class ArmStores : public StoreEmitter {
public:
  void store(KernelBuilder &b, llvm::ArrayRef<PendingStore> stores) const override;
};

} // namespace quern

#endif // QUERN_COMPILER_TARGET_ARM_ARMSTORES_H
