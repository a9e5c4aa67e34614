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
  // A device or a pipe must not be replaced by a file.
  if (fs::exists(path) && !fs::is_regular_file(path))
    return llvm::createStringError("'" + path + "': is not a regular file");
  llvm::SmallString<256> temporary;
  int descriptor = -1;
  if (std::error_code code =
          fs::createUniqueFile(path + ".%%%%%%.tmp", descriptor, temporary, fs::OF_None, 0600))
    return makeError(path, code);
  fs::file_t file = fs::convertFDToNativeFile(descriptor);
  if (std::error_code code = fs::closeFile(file))
    return makeError(path, code);
  llvm::sys::RemoveFileOnSignal(temporary);
  llvm::Error error = write(temporary);
  if (!error)
    if (std::error_code code = setPermissions(temporary, executable))
      error = makeError(path, code);
  if (!error)
    if (std::error_code code = fs::rename(temporary, path))
      error = makeError(path, code);
  if (error)
    if (std::error_code code = fs::remove(temporary))
      error = llvm::joinErrors(std::move(error), makeError(temporary, code));
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
  auto fill = [&](llvm::StringRef name) -> llvm::Error {
    std::error_code code;
    llvm::raw_fd_ostream stream(name, code);
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
  };
  // Devices and pipes take text as it comes.
  if (fs::exists(path) && !fs::is_regular_file(path) && !fs::is_directory(path))
    return fill(path);
  return commitFile(path, false, fill);
}

} // namespace quern::artifact
