// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_PACKAGE_LINK_H
#define QUERN_COMPILER_PACKAGE_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <string>

namespace llvm {
class Module;
} // namespace llvm

namespace quern::artifact {

/// What the linker makes.
enum class LinkKind {
  Executable, ///< static, starts at the runtime's own entry point
  Hosted,     ///< the same, but with the system's C library loaded beside it
  Shared,
  Relocatable ///< several object files as one
};

/// Adds the runtime to a module with a program: for `executable` its command line, otherwise the
/// functions `<prefix>_run` and so on. All but the entry points becomes internal, so that several
/// models fit into one program. `callFunctions` gets the names of what a call may run.
llvm::Error linkRuntime(llvm::Module &module, bool executable, llvm::StringRef prefix,
                        llvm::StringSet<> &callFunctions);

/// The same for an executable that hands its work to an NVIDIA GPU.
llvm::Error linkDeviceRuntime(llvm::Module &module);

/// A file without a name, which the linker reads by path.
class MemoryFile {
public:
  static llvm::Expected<MemoryFile> create();
  MemoryFile(MemoryFile &&other) : descriptor(other.descriptor) { other.descriptor = -1; }
  MemoryFile(const MemoryFile &) = delete;
  ~MemoryFile();
  llvm::Error write(llvm::StringRef bytes);
  std::string path() const;
  int fd() const { return descriptor; }

private:
  explicit MemoryFile(int descriptor) : descriptor(descriptor) {}
  int descriptor;
};

/// Writes a library that stands for the system's C library while a `Hosted` executable is linked:
/// it names the functions that the runtime calls, and has none of them.
llvm::Error writeLibraryStub(llvm::StringRef path);

/// Links object files, in process, to the file `output`. Undefined symbols are an error that names
/// them. `output` is written only on success.
llvm::Error linkObjects(llvm::ArrayRef<std::string> objects, LinkKind kind, llvm::StringRef output);

} // namespace quern::artifact

#endif // QUERN_COMPILER_PACKAGE_LINK_H
