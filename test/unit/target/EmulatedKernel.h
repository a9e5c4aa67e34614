// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_TARGET_EMULATEDKERNEL_H
#define QUERN_TEST_UNIT_TARGET_EMULATEDKERNEL_H

#include "GuardedBuffer.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <vector>

namespace quern::test {

/// An AArch64 kernel as a program that qemu-aarch64 runs (Inputs/emulated_kernel.c around it).
class EmulatedKernel {
public:
  /// The name under which the object file must define the kernel.
  static constexpr llvm::StringLiteral symbol = "quern_test_kernel";
  /// Whether there is an emulator.
  static bool isAvailable();
  /// Links the object file's bytes; null with a test failure recorded if that fails.
  static std::unique_ptr<EmulatedKernel> link(llvm::StringRef object);
  ~EmulatedKernel();
  /// Runs the units between the cuts on copies of the buffers and copies them back; records a test
  /// failure if the kernel fails or writes around a buffer.
  void run(const std::vector<GuardedBuffer> &buffers, llvm::ArrayRef<int64_t> cuts) const;

private:
  EmulatedKernel() = default;
  llvm::SmallString<128> folder, program;
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_EMULATEDKERNEL_H
