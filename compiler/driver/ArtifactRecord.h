// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DRIVER_ARTIFACTRECORD_H
#define QUERN_COMPILER_DRIVER_ARTIFACTRECORD_H

#include "runtime/package_generated.h"

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quern::driver {

/// What an artifact says of itself, with the memory that it lies in.
struct ArtifactRecord {
  std::vector<uint64_t> storage;             ///< aligned as FlatBuffers want it
  const package::Package *package = nullptr; ///< never null in a record that was read
  size_t fileBytes = 0;
};

/// Reads the record of a binary artifact: executable, library or object. An error names the file
/// and says what it is not.
llvm::Expected<ArtifactRecord> readArtifactRecord(const std::string &path);

} // namespace quern::driver

#endif // QUERN_COMPILER_DRIVER_ARTIFACTRECORD_H
