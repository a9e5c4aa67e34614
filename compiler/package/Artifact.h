// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_ARTIFACT_H
#define QUERN_COMPILER_PACKAGE_ARTIFACT_H

#include "compiler/package/Program.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>

namespace llvm {
class Module;
class raw_ostream;
} // namespace llvm

namespace quern::artifact {

/// What `--emit` can ask for once there is LLVM IR.
enum class ArtifactKind { Executable, Shared, Archive, Object, Assembly, LLVMText };

/// The kind named as `--emit` names it, or none.
std::optional<ArtifactKind> parseArtifactKind(llvm::StringRef name);

/// The model for one target: kernels that have been lowered, and the plan that runs them.
struct Variant {
  std::unique_ptr<llvm::Module> kernels;
  Program program;
  TargetInfo target;
  std::string targetName; ///< as --target takes it
};

/// What a finished artifact takes.
struct Figures {
  uint64_t fileBytes = 0;
  uint64_t stackBytes = 0; ///< of one call at most
  /// The frames of the kernels, by their symbols.
  std::vector<std::pair<std::string, uint64_t>> kernelFrames;
};

/// Asked before a binary artifact gets its name: an error, which may have no text, withdraws it.
using AcceptArtifact =
    llvm::function_ref<llvm::Error(llvm::ArrayRef<Variant> variants, const Figures &figures)>;

/// Writes the artifact of a planned module whose kernels have been lowered, for each of its
/// targets; the first whose features the machine has is the one that runs. Libraries and objects
/// get a C header beside them (OUT with the extension .h). The file appears under its name only
/// when it is complete; equal inputs give equal bytes. Assembly and LLVM IR refer to the weights as
/// an external symbol and hold the model alone, without the runtime.
llvm::Error writeArtifact(std::vector<Variant> variants, const Provenance &provenance,
                          ArtifactKind kind, llvm::StringRef path, AcceptArtifact accept = nullptr);

/// Writes a file under a temporary name and gives it its own when `write` is done and nothing went
/// wrong. "-" is standard output.
llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write);

/// The C header of a library: its functions, and the model's inputs, outputs and sizes in words,
/// for each variant enough.
std::string makeHeader(llvm::ArrayRef<Variant> variants, const Provenance &provenance);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_ARTIFACT_H
