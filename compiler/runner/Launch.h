// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_RUNNER_LAUNCH_H
#define QUERN_COMPILER_RUNNER_LAUNCH_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace quern {

/// Runs an executable artifact, one for AArch64 on another machine by qemu-aarch64, and gives its
/// exit status. Its standard output and error are this process's, or go to `messages`, a file.
llvm::Expected<int> launchProgram(const std::string &program, llvm::ArrayRef<std::string> arguments,
                                  std::optional<llvm::StringRef> messages = std::nullopt);

} // namespace quern

#endif // QUERN_COMPILER_RUNNER_LAUNCH_H
