// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_RUNNER_TEMPORARYFOLDER_H
#define QUERN_COMPILER_RUNNER_TEMPORARYFOLDER_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"

#include <string>

namespace quern {

/// A folder that lives as long as this object, made when it is first asked for. If it cannot be
/// removed in the end, a warning on standard error says so.
class TemporaryFolder {
public:
  TemporaryFolder() = default;
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder();
  llvm::Expected<std::string> get();
  /// The path of a file in it.
  llvm::Expected<std::string> get(llvm::StringRef name);

private:
  llvm::SmallString<128> path;
};

} // namespace quern

#endif // QUERN_COMPILER_RUNNER_TEMPORARYFOLDER_H
