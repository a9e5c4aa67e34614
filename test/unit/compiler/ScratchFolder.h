// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_COMPILER_SCRATCHFOLDER_H
#define QUERN_TEST_UNIT_COMPILER_SCRATCHFOLDER_H

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace quern {

/// A folder for the files of one test.
class ScratchFolder {
public:
  ScratchFolder() { made = !llvm::sys::fs::createUniqueDirectory("quern-test", folder); }
  ~ScratchFolder() {
    [[maybe_unused]] std::error_code error = llvm::sys::fs::remove_directories(folder);
  }
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;

  bool exists() const { return made; }
  std::string path(llvm::StringRef name) const {
    llvm::SmallString<128> result(folder);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }
  /// Writes a file; returns its path.
  std::string write(llvm::StringRef name, llvm::StringRef text) const {
    std::error_code code;
    llvm::raw_fd_ostream stream(path(name), code);
    stream << text;
    return path(name);
  }

private:
  llvm::SmallString<128> folder;
  bool made = false;
};

} // namespace quern

#endif // QUERN_TEST_UNIT_COMPILER_SCRATCHFOLDER_H
