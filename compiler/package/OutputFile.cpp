// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/OutputFile.h"

#include "compiler/package/Artifact.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

namespace fs = llvm::sys::fs;

namespace quern::artifact {

static llvm::Error makeError(llvm::StringRef path, std::error_code code) {
  return llvm::createStringError("'" + path + "': " + code.message());
}

static std::error_code setPermissions(llvm::StringRef path, bool executable) {
  unsigned mask = fs::getUmask();
  unsigned wanted = executable ? 0777 : 0666;
  return fs::setPermissions(path, static_cast<fs::perms>(wanted & ~mask));
}

llvm::Error commitFile(llvm::StringRef path, bool executable,
                       llvm::function_ref<llvm::Error(llvm::StringRef)> write) {
  if (fs::is_directory(path))
    return llvm::createStringError("'" + path + "': is a directory");
  llvm::SmallString<256> temporary;
  int descriptor = -1;
  if (std::error_code code =
          fs::createUniqueFile(path + ".%%%%%%.tmp", descriptor, temporary, fs::OF_None, 0600))
    return makeError(path, code);
  fs::file_t file = fs::convertFDToNativeFile(descriptor);
  fs::closeFile(file);
  llvm::sys::RemoveFileOnSignal(temporary);
  llvm::Error error = write(temporary);
  if (!error)
    if (std::error_code code = setPermissions(temporary, executable))
      error = makeError(path, code);
  if (!error)
    if (std::error_code code = fs::rename(temporary, path))
      error = makeError(path, code);
  if (error)
    fs::remove(temporary);
  llvm::sys::DontRemoveFileOnSignal(temporary);
  return error;
}

llvm::Error writeFile(llvm::StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write) {
  if (path == "-") {
    write(llvm::outs());
    llvm::outs().flush();
    if (llvm::outs().has_error())
      return makeError("standard output", llvm::outs().error());
    return llvm::Error::success();
  }
  return commitFile(path, false, [&](llvm::StringRef temporary) -> llvm::Error {
    std::error_code code;
    llvm::raw_fd_ostream stream(temporary, code);
    if (code)
      return makeError(path, code);
    write(stream);
    stream.close();
    if (stream.has_error()) {
      llvm::Error error = makeError(path, stream.error());
      stream.clear_error();
      return error;
    }
    return llvm::Error::success();
  });
}

} // namespace quern::artifact
