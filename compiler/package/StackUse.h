// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_STACKUSE_H
#define QUERN_COMPILER_PACKAGE_STACKUSE_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <string>
#include <utility>
#include <vector>

namespace quern::artifact {

/// What a call of the model may take of the stack.
struct StackUse {
  uint64_t bytes = 0; ///< an upper bound
  /// The frames of the model's kernels, by their symbols, one at a time.
  std::vector<std::pair<std::string, uint64_t>> kernelFrames;
};

/// Functions that a call of the model may be in at the same time: one of the model's own launches
/// and kernels each, and any of the runtime's.
struct CallFunctions {
  llvm::StringSet<> model, runtime;
};

/// Reads the frames that the back end noted in an object file (section `.stack_sizes`), writes an
/// upper bound of a call's stack into every `quern_program` and its record and marks the notes to
/// be left out by the linker.
llvm::Expected<StackUse> patchStackBytes(llvm::SmallVectorImpl<char> &object,
                                         const CallFunctions &functions);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_STACKUSE_H
