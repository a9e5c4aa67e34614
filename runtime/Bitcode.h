// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The runtime as the compiler links it: LLVM bitcode in the compiler's own memory.

#ifndef QUERN_RUNTIME_BITCODE_H
#define QUERN_RUNTIME_BITCODE_H

#include <cstddef>

namespace quern::runtime {

/// The files of one architecture, by what needs them.
enum class Part {
  Core,    ///< quern_execute, quern_check_cpu and so on: every artifact
  Support, ///< memcpy, fmaf and the like under their standard names: every artifact
  Library, ///< quern_api_*, to be renamed to the artifact's prefix: shared and static libraries
  Exe,     ///< _start and the command line: executables
  Cuda,    ///< quern_device_*, and a _start of its own: executables for NVIDIA GPUs, beside Exe
};

/// Bitcode that is not aligned and lives as long as the process.
struct Bitcode {
  const unsigned char *data = nullptr;
  size_t size = 0;
};

/// The bitcode of `part` for `arch`, LLVM's name of an architecture ("x86_64", "aarch64"); data is
/// null where there is no runtime for it.
Bitcode findBitcode(const char *arch, Part part);

} // namespace quern::runtime

#endif // QUERN_RUNTIME_BITCODE_H
