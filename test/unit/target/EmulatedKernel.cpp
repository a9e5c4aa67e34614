// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "EmulatedKernel.h"

#include "compiler/package/Link.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cstring>

namespace quern::test {

bool EmulatedKernel::isAvailable() {
  static const bool isThere = static_cast<bool>(llvm::sys::findProgramByName("qemu-aarch64"));
  return isThere;
}

std::unique_ptr<EmulatedKernel> EmulatedKernel::link(llvm::StringRef object) {
  std::unique_ptr<EmulatedKernel> kernel(new EmulatedKernel);
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("quern-kernel", kernel->folder)) {
    ADD_FAILURE() << code.message();
    return nullptr;
  }
  kernel->program = kernel->folder;
  llvm::sys::path::append(kernel->program, "kernel");
  auto file = artifact::MemoryFile::create();
  llvm::Error error = file ? file->write(object) : file.takeError();
  if (!error)
    error = artifact::linkObjects({file->path(), QUERN_EMULATED_KERNEL},
                                  artifact::LinkKind::Executable, kernel->program);
  if (!error)
    error = llvm::errorCodeToError(
        llvm::sys::fs::setPermissions(kernel->program, llvm::sys::fs::perms::all_all));
  if (error) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return nullptr;
  }
  return kernel;
}

EmulatedKernel::~EmulatedKernel() {
  [[maybe_unused]] std::error_code error = llvm::sys::fs::remove_directories(folder);
}

static void writeInput(llvm::StringRef path, const std::vector<GuardedBuffer> &buffers,
                       llvm::ArrayRef<int64_t> cuts) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  auto writeWord = [&](int64_t word) {
    stream.write(reinterpret_cast<const char *>(&word), sizeof word);
  };
  writeWord(static_cast<int64_t>(buffers.size()));
  writeWord(static_cast<int64_t>(cuts.size()));
  for (const GuardedBuffer &buffer : buffers)
    writeWord(static_cast<int64_t>(buffer.size()));
  for (int64_t cut : cuts)
    writeWord(cut);
  for (const GuardedBuffer &buffer : buffers)
    stream.write(buffer.data(), buffer.size());
}

void EmulatedKernel::run(const std::vector<GuardedBuffer> &buffers,
                         llvm::ArrayRef<int64_t> cuts) const {
  std::string input = (folder + "/input").str(), output = (folder + "/output").str();
  writeInput(input, buffers, cuts);
  std::string emulator = *llvm::sys::findProgramByName("qemu-aarch64"), message;
  std::optional<llvm::StringRef> redirects[] = {input, output, std::nullopt};
  int status = llvm::sys::ExecuteAndWait(emulator, {emulator, "-cpu", "max", program}, std::nullopt,
                                         redirects, /*SecondsToWait=*/120, 0, &message);
  ASSERT_EQ(status, 0) << "the emulated kernel ends with " << status << " (4: it wrote around a "
                       << "buffer) " << message;
  auto results = llvm::MemoryBuffer::getFile(output);
  ASSERT_TRUE(static_cast<bool>(results));
  const char *from = (*results)->getBufferStart();
  for (const GuardedBuffer &buffer : buffers) {
    ASSERT_LE(from + buffer.size(), (*results)->getBufferEnd());
    std::memcpy(buffer.data(), from, buffer.size());
    from += buffer.size();
  }
}

} // namespace quern::test
