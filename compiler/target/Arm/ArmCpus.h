// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_ARM_ARMCPUS_H
#define QUERN_COMPILER_TARGET_ARM_ARMCPUS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace quern {

/// The instructions for inner products that AArch64 processors have, each with those before it.
enum class ArmLevel { Neon, Dotprod, I8mm };

/// A processor, as far as tiles and schedules depend on it. Where LLVM has a model of it, counts of
/// operations are that model's.
struct ArmCpu {
  llvm::StringLiteral name; ///< LLVM's
  ArmLevel level;
  bool inOrder;
  double products; ///< inner products (SDOT, FMLA) issued per cycle
  double loads;    ///< 16-byte loads per cycle
  double dispatch; ///< operations that leave the decoder per cycle
  double loadOps;  ///< of a 16-byte load
  /// Whether two loads of 16 bytes cost less than one of a pair of registers (LDP).
  bool splitsPairs;
  /// Whose model the instructions are scheduled by, if not its own.
  llvm::StringLiteral scheduledAs = "";

  /// LLVM's name of the processor to schedule for.
  llvm::StringRef tuning() const { return scheduledAs.empty() ? name : scheduledAs; }
};

/// All that `--target=arm-…:CPU` may name.
llvm::ArrayRef<ArmCpu> getArmCpus();
/// The processor of that name, or null.
const ArmCpu *findArmCpu(llvm::StringRef name);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_ARM_ARMCPUS_H
