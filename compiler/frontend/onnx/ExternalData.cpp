// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ExternalData.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace quern::onnxfile {
namespace {

using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

Error problem(const Twine &text) { return llvm::createStringError(text); }

/// Checks the open descriptor and maps it; the descriptor stays the caller's.
Expected<std::shared_ptr<MappedFile>> mapDescriptor(int descriptor, StringRef shown) {
  struct stat status;
  if (fstat(descriptor, &status) != 0)
    return problem("cannot inspect '" + shown + "': " + std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    return problem("expected a regular file, found '" + shown + "', which is not one");
  if (status.st_size <= 0)
    return problem("expected data, found the empty file '" + shown + "'");
  return MappedFile::map(descriptor, static_cast<size_t>(status.st_size));
}

Error describeOpenFailure(StringRef location, int code) {
  if (code == EXDEV)
    return problem("expected external data inside the model's folder, found '" + location +
                   "', which leads out of it");
  if (code == ELOOP)
    return problem("expected external data in a plain file of the model's folder, found a "
                   "symbolic link in '" +
                   location + "'; copy the file there");
  return problem("cannot open external data '" + location + "': " + std::strerror(code));
}

/// A decimal number without sign; empty is `fallback`.
Expected<uint64_t> parseNumber(StringRef text, uint64_t fallback, StringRef what) {
  uint64_t value = 0;
  if (text.empty())
    return fallback;
  if (!llvm::all_of(text, llvm::isDigit) || text.getAsInteger(10, value))
    return problem("expected a decimal " + what + " of external data below 2^64, found '" +
                   text.take_front(40) + "'");
  return value;
}

} // namespace

Expected<std::shared_ptr<MappedFile>> mapRegularFile(StringRef path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  int descriptor = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return problem("cannot open '" + path + "': " + std::strerror(errno));
  auto closer = llvm::scope_exit([&] { ::close(descriptor); });
  return mapDescriptor(descriptor, path);
}

ExternalFiles::ExternalFiles(StringRef modelPath)
    : folder(llvm::sys::path::parent_path(modelPath)) {
  if (folder.empty())
    folder = ".";
}

ExternalFiles::~ExternalFiles() {
  if (folderDescriptor >= 0)
    ::close(folderDescriptor);
}

Expected<std::shared_ptr<MappedFile>> ExternalFiles::open(StringRef location) {
  auto known = files.find(location);
  if (known != files.end())
    return known->second;
  if (folderDescriptor < 0)
    folderDescriptor = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folderDescriptor < 0)
    return problem("cannot open the model's folder '" + folder + "': " + std::strerror(errno));
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  long descriptor =
      ::syscall(SYS_openat2, folderDescriptor, location.str().c_str(), &how, sizeof(how));
  if (descriptor < 0)
    return describeOpenFailure(location, errno);
  auto closer = llvm::scope_exit([&] { ::close(static_cast<int>(descriptor)); });
  struct stat status;
  if (fstat(static_cast<int>(descriptor), &status) == 0 && S_ISREG(status.st_mode) &&
      status.st_nlink != 1)
    return problem("expected external data in a file with one name, found '" + location +
                   "', which has hard links; copy the file");
  Expected<std::shared_ptr<MappedFile>> file =
      mapDescriptor(static_cast<int>(descriptor), location);
  if (file)
    files[location] = *file;
  return file;
}

Expected<MappedRange> ExternalFiles::find(const ExternalReference &reference, uint64_t expected) {
  StringRef location = reference.location;
  if (location.empty() || location.contains('\0') || location.size() > 4096)
    return problem("expected the name of a file with external data, found none or a malformed one");
  if (llvm::sys::path::is_absolute(location))
    return problem("expected external data inside the model's folder, found the absolute path '" +
                   location + "'");
  for (StringRef part : llvm::split(location, '/'))
    if (part == "..")
      return problem("expected external data inside the model's folder, found '..' in '" +
                     location + "'");
  Expected<uint64_t> offset = parseNumber(reference.offset, 0, "offset");
  if (!offset)
    return offset.takeError();
  Expected<std::shared_ptr<MappedFile>> file = open(location);
  if (!file)
    return file.takeError();
  uint64_t size = (*file)->bytes().size();
  uint64_t available = *offset > size ? 0 : size - *offset;
  Expected<uint64_t> length = parseNumber(reference.length, available, "length");
  if (!length)
    return length.takeError();
  if (*offset > size || *length > available)
    return problem("expected " + Twine(*length) + " bytes at offset " + Twine(*offset) + " of '" +
                   location + "', found a file of " + Twine(size));
  // Without a length a file may hold more tensors behind this one.
  bool fits = *length == expected || (reference.length.empty() && *length > expected);
  if (!fits)
    return problem("expected " + Twine(expected) + " bytes of external data by the shape, found " +
                   Twine(*length) + " in '" + location + "'");
  return MappedRange{*file, *offset, expected};
}

std::vector<std::string> ExternalFiles::paths() const {
  std::vector<std::string> result;
  for (const auto &file : files) {
    llvm::SmallString<256> path(folder);
    llvm::sys::path::append(path, file.first());
    result.push_back(path.str().str());
  }
  llvm::sort(result);
  return result;
}

} // namespace quern::onnxfile
