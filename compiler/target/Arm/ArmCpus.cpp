// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/target/Arm/ArmCpus.h"

#include "llvm/ADT/STLExtras.h"

namespace quern {

// The rates are those of Arm's software optimization guides.
static const ArmCpu cpus[] = {
    {"cortex-a35", ArmLevel::Neon, true, 0.5, 0.5}, {"cortex-a53", ArmLevel::Neon, true, 1, 0.5},
    {"cortex-a57", ArmLevel::Neon, false, 1, 1},    {"cortex-a72", ArmLevel::Neon, false, 1, 1},
    {"cortex-a73", ArmLevel::Neon, false, 1, 1},    {"cortex-a55", ArmLevel::Dotprod, true, 1, 0.5},
    {"cortex-a75", ArmLevel::Dotprod, false, 2, 2}, {"cortex-a76", ArmLevel::Dotprod, false, 2, 2},
    {"cortex-a77", ArmLevel::Dotprod, false, 2, 2}, {"cortex-a78", ArmLevel::Dotprod, false, 2, 2},
    {"cortex-x1", ArmLevel::Dotprod, false, 4, 3},  {"neoverse-n1", ArmLevel::Dotprod, false, 2, 2},
    {"apple-m1", ArmLevel::Dotprod, false, 4, 3},   {"cortex-a510", ArmLevel::I8mm, true, 2, 1},
    {"cortex-a520", ArmLevel::I8mm, true, 2, 1},    {"cortex-a710", ArmLevel::I8mm, false, 2, 3},
    {"cortex-a715", ArmLevel::I8mm, false, 2, 3},   {"cortex-a720", ArmLevel::I8mm, false, 2, 3},
    {"cortex-x2", ArmLevel::I8mm, false, 4, 3},     {"cortex-x3", ArmLevel::I8mm, false, 4, 3},
    {"neoverse-n2", ArmLevel::I8mm, false, 2, 3},   {"neoverse-n3", ArmLevel::I8mm, false, 2, 3},
    {"neoverse-v1", ArmLevel::I8mm, false, 4, 3},   {"neoverse-v2", ArmLevel::I8mm, false, 4, 3},
    {"apple-m2", ArmLevel::I8mm, false, 4, 3},      {"apple-m3", ArmLevel::I8mm, false, 4, 3},
    {"apple-m4", ArmLevel::I8mm, false, 4, 3},
};

llvm::ArrayRef<ArmCpu> getArmCpus() { return cpus; }

const ArmCpu *findArmCpu(llvm::StringRef name) {
  const auto *found = llvm::find_if(cpus, [&](const ArmCpu &cpu) { return name == cpu.name; });
  return found == std::end(cpus) ? nullptr : found;
}

} // namespace quern
