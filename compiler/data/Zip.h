// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_ZIP_H
#define QUERN_COMPILER_DATA_ZIP_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace quern::data {

/// A member of a ZIP archive.
struct ZipMember {
  std::string name;
  llvm::ArrayRef<char> stored; ///< as it lies in the archive
  uint64_t size = 0;           ///< uncompressed
  bool deflated = false;
};

/// The members of an archive whose bytes are given: stored or deflated, at most 4 GiB each.
llvm::Expected<std::vector<ZipMember>> listZip(llvm::ArrayRef<char> archive);

/// The bytes of a deflated member.
llvm::Expected<std::vector<char>> inflateMember(const ZipMember &member);

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_ZIP_H
