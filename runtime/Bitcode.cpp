// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/Bitcode.h"
#include <cstring>

namespace quern::runtime {

// One array for each .inc that the build writes.
static const unsigned char x86Core[] = {
#include "runtime/x86_64_core.inc"
};
static const unsigned char x86Support[] = {
#include "runtime/x86_64_support.inc"
};
static const unsigned char x86Library[] = {
#include "runtime/x86_64_library.inc"
};
static const unsigned char x86Exe[] = {
#include "runtime/x86_64_exe.inc"
};
static const unsigned char x86Cuda[] = {
#include "runtime/x86_64_cuda.inc"
};
static const unsigned char armCore[] = {
#include "runtime/aarch64_core.inc"
};
static const unsigned char armSupport[] = {
#include "runtime/aarch64_support.inc"
};
static const unsigned char armLibrary[] = {
#include "runtime/aarch64_library.inc"
};
static const unsigned char armExe[] = {
#include "runtime/aarch64_exe.inc"
};

namespace {
struct Row {
  const char *arch;
  Part part;
  Bitcode bitcode;
};
} // namespace

static const Row rows[] = {
    {"x86_64", Part::Core, {x86Core, sizeof(x86Core)}},
    {"x86_64", Part::Support, {x86Support, sizeof(x86Support)}},
    {"x86_64", Part::Library, {x86Library, sizeof(x86Library)}},
    {"x86_64", Part::Exe, {x86Exe, sizeof(x86Exe)}},
    {"x86_64", Part::Cuda, {x86Cuda, sizeof(x86Cuda)}},
    {"aarch64", Part::Core, {armCore, sizeof(armCore)}},
    {"aarch64", Part::Support, {armSupport, sizeof(armSupport)}},
    {"aarch64", Part::Library, {armLibrary, sizeof(armLibrary)}},
    {"aarch64", Part::Exe, {armExe, sizeof(armExe)}},
};

Bitcode findBitcode(const char *arch, Part part) {
  for (const Row &row : rows)
    if (row.part == part && std::strcmp(row.arch, arch) == 0)
      return row.bitcode;
  return {};
}

} // namespace quern::runtime
