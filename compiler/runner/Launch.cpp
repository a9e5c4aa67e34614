// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/runner/Launch.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <cstring>

namespace quern {

/// Whether the file is a program for AArch64; false if it cannot be read.
static bool isAArch64(const std::string &program) {
  constexpr size_t headerBytes = sizeof(llvm::ELF::Elf64_Ehdr);
  auto header = llvm::MemoryBuffer::getFileSlice(program, headerBytes, 0);
  if (!header || (*header)->getBufferSize() < headerBytes)
    return false;
  llvm::ELF::Elf64_Ehdr elf;
  std::memcpy(&elf, (*header)->getBufferStart(), headerBytes);
  return elf.checkMagic() && elf.e_machine == llvm::ELF::EM_AARCH64;
}

llvm::Expected<int> launchProgram(const std::string &program, llvm::ArrayRef<std::string> arguments,
                                  std::optional<llvm::StringRef> messages) {
  std::vector<llvm::StringRef> words = {program};
  std::string starter = program;
  bool isNative = llvm::Triple(llvm::sys::getProcessTriple()).isAArch64();
  if (!isNative && isAArch64(program)) {
    auto emulator = llvm::sys::findProgramByName("qemu-aarch64");
    if (!emulator)
      return llvm::createStringError(
          "'" + program +
          "' is a program for AArch64, which this machine runs only with qemu-aarch64; install it "
          "(Debian: qemu-user) or copy the program to an AArch64 machine");
    starter = *emulator;
    words.insert(words.begin(), starter);
  }
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::optional<llvm::StringRef>> redirects;
  if (messages)
    redirects = {std::nullopt, messages, messages};
  std::string message;
  bool failedToStart = false;
  int status = llvm::sys::ExecuteAndWait(starter, words, std::nullopt, redirects, 0, 0, &message,
                                         &failedToStart);
  if (failedToStart || status < 0)
    return llvm::createStringError("'" + program + "': " + message);
  return status;
}

} // namespace quern
