// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmCpus.h"

#include "llvm/ADT/STLExtras.h"

namespace quern {

// Rates are those of Arm's software optimization guides. LLVM's own schedule for Neoverse N1, whose
// loads it takes to be slow, needs more registers than there are.
static const ArmCpu cpus[] = {
    {"cortex-a35", ArmLevel::Neon, true, 0.5, 0.5, 1, 1, true},
    {"cortex-a53", ArmLevel::Neon, true, 1, 0.5, 2, 1, true},
    {"cortex-a57", ArmLevel::Neon, false, 1, 1, 3, 1, true},
    {"cortex-a72", ArmLevel::Neon, false, 1, 1, 3, 1, true},
    {"cortex-a73", ArmLevel::Neon, false, 1, 1, 2, 1, true},
    {"cortex-a55", ArmLevel::Dotprod, true, 1, 0.5, 2, 1, true},
    {"cortex-a75", ArmLevel::Dotprod, false, 2, 2, 3, 1, true},
    {"cortex-a76", ArmLevel::Dotprod, false, 2, 2, 3, 1, true},
    {"cortex-a77", ArmLevel::Dotprod, false, 2, 2, 3, 1, true},
    {"cortex-a78", ArmLevel::Dotprod, false, 2, 2, 3, 1, true},
    {"cortex-x1", ArmLevel::Dotprod, false, 4, 3, 8, 1, true},
    {"neoverse-n1", ArmLevel::Dotprod, false, 2, 2, 3, 2, false, "cortex-a76"},
    {"apple-m1", ArmLevel::Dotprod, false, 4, 3, 6, 1, false},
    {"cortex-a510", ArmLevel::I8mm, true, 2, 1, 3, 1, false},
    {"cortex-a520", ArmLevel::I8mm, true, 2, 1, 3, 1, false},
    {"cortex-a710", ArmLevel::I8mm, false, 2, 3, 5, 1, true},
    {"cortex-a715", ArmLevel::I8mm, false, 2, 3, 5, 1, true},
    {"cortex-a720", ArmLevel::I8mm, false, 2, 3, 5, 1, true},
    {"cortex-x2", ArmLevel::I8mm, false, 4, 3, 8, 1, true},
    {"cortex-x3", ArmLevel::I8mm, false, 4, 3, 6, 1, true},
    {"neoverse-n2", ArmLevel::I8mm, false, 2, 3, 5, 1, true},
    {"neoverse-n3", ArmLevel::I8mm, false, 2, 3, 5, 1, true},
    {"neoverse-v1", ArmLevel::I8mm, false, 4, 3, 8, 1, false},
    {"neoverse-v2", ArmLevel::I8mm, false, 4, 3, 6, 1, true},
    {"apple-m2", ArmLevel::I8mm, false, 4, 3, 6, 1, false},
    {"apple-m3", ArmLevel::I8mm, false, 4, 3, 6, 1, false},
    {"apple-m4", ArmLevel::I8mm, false, 4, 3, 6, 1, false},
};

llvm::ArrayRef<ArmCpu> getArmCpus() { return cpus; }

const ArmCpu *findArmCpu(llvm::StringRef name) {
  const auto *found = llvm::find_if(cpus, [&](const ArmCpu &cpu) { return name == cpu.name; });
  return found == std::end(cpus) ? nullptr : found;
}

} // namespace quern
