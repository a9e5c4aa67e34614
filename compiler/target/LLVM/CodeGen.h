// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_TARGET_LLVM_CODEGEN_H
#define QUERN_COMPILER_TARGET_LLVM_CODEGEN_H

#include "compiler/target/TargetBackend.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace quern {

/// The back end for a target. `shared`: code that may be loaded anywhere (libraries, objects);
/// otherwise code for a static executable. Fails for triples, processors and features that this
/// build of LLVM does not know.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(const TargetInfo &target,
                                                                         bool shared);

/// Simplifies the functions that are not marked `quern-heavy` (O2 without vectorizers; floating
/// point stays strict).
void optimizeModule(llvm::Module &module, llvm::TargetMachine &machine);

/// Drops what nothing refers to.
void removeUnused(llvm::Module &module);

/// Machine code as an object file, or as assembly. The module is changed on the way.
llvm::Error generateCode(llvm::Module &module, llvm::TargetMachine &machine,
                         llvm::CodeGenFileType type, llvm::SmallVectorImpl<char> &output);

} // namespace quern

#endif // QUERN_COMPILER_TARGET_LLVM_CODEGEN_H
