// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_WEIGHTOBJECT_H
#define QUERN_COMPILER_PACKAGE_WEIGHTOBJECT_H

#include "compiler/package/Program.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <array>

namespace quern::artifact {

/// The symbol that the weight segment has in object files.
std::string getSegmentSymbol(llvm::StringRef prefix, size_t variant = 0);

/// Writes the weight segment as a relocatable ELF file with one symbol, piece by piece: weights
/// never pass through LLVM's constants. `machine` is ELF's number of the architecture. Returns the
/// SHA-256 of the segment.
std::array<uint8_t, 32> writeWeightObject(const Program &program, llvm::StringRef symbol,
                                          uint16_t machine,
                                          llvm::function_ref<void(llvm::StringRef)> write);

/// Just the hash.
std::array<uint8_t, 32> hashWeights(const Program &program);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_WEIGHTOBJECT_H
