// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_EMITPROGRAM_H
#define QUERN_COMPILER_PACKAGE_EMITPROGRAM_H

#include "compiler/package/Program.h"

#include "llvm/Support/Error.h"

#include <array>

namespace llvm {
class Module;
} // namespace llvm

namespace quern::artifact {

/// The stack of a call is known only when the code is: until then the program's field holds this.
inline constexpr uint64_t unknownStackBytes = 0;
/// The same in the metadata record.
inline constexpr uint64_t unpatchedStackBytes = ~uint64_t{0};

/// Names of what the artifact writer looks for again in object files. Further programs of an
/// artifact, for other targets, are `quern_program_1` and so on.
inline constexpr llvm::StringLiteral programSymbol = "quern_program";
inline constexpr llvm::StringLiteral launchSymbolPrefix = "quern_launch_";
inline constexpr llvm::StringLiteral metadataSymbol = "quern_metadata";

/// The metadata record (runtime/schema/package.fbs) as a finished FlatBuffer.
std::string buildMetadata(const Program &program, const Provenance &provenance,
                          const TargetInfo &target, const std::array<uint8_t, 32> &weightHash);

/// Adds to a module that has the kernels: one function per launch that computes the kernel's
/// pointers, the tables of runtime/src/program.h, and the constant `quern_program`, of the
/// artifact's programs the `variant`-th; unless `isLast`, the next one is its fallback.
/// Fails if a launch's kernel is missing or takes other arguments than the launch gives.
llvm::Error emitProgram(llvm::Module &module, const Program &program, const Provenance &provenance,
                        const TargetInfo &target, llvm::StringRef metadata, size_t variant = 0,
                        bool isLast = true);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_EMITPROGRAM_H
