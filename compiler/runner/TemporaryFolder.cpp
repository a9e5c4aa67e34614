// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/TemporaryFolder.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace quern {

TemporaryFolder::~TemporaryFolder() {
  if (path.empty())
    return;
  if (std::error_code code = llvm::sys::fs::remove_directories(path))
    llvm::errs() << "warning: '" << path << "': " << code.message() << '\n';
}

llvm::Expected<std::string> TemporaryFolder::get() {
  if (path.empty())
    if (std::error_code code = llvm::sys::fs::createUniqueDirectory("quern", path))
      return llvm::createStringError("temporary folder: " + code.message());
  return path.str().str();
}

llvm::Expected<std::string> TemporaryFolder::get(llvm::StringRef name) {
  auto folder = get();
  if (!folder)
    return folder.takeError();
  llvm::SmallString<128> file(*folder);
  llvm::sys::path::append(file, name);
  return file.str().str();
}

} // namespace quern
