// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/ArtifactRecord.h"

#include "llvm/Support/MemoryBuffer.h"

namespace quern::driver {

/// Artifacts are stripped: the record is found by its identifier, and believed if it is whole.
static ArtifactRecord findRecord(llvm::StringRef file) {
  ArtifactRecord record;
  record.fileBytes = file.size();
  llvm::StringRef identifier = package::PackageIdentifier();
  for (size_t at = file.find(identifier); at != llvm::StringRef::npos;
       at = file.find(identifier, at + 1)) {
    if (at < sizeof(flatbuffers::uoffset_t))
      continue;
    // No record is larger than this; what follows it in the file does not matter.
    llvm::StringRef bytes =
        file.substr(at - sizeof(flatbuffers::uoffset_t)).take_front(size_t{64} << 20);
    record.storage.assign(bytes.size() / sizeof(uint64_t) + 1, 0);
    memcpy(record.storage.data(), bytes.data(), bytes.size());
    auto *data = reinterpret_cast<const uint8_t *>(record.storage.data());
    flatbuffers::Verifier verifier(data, bytes.size());
    if (!package::VerifyPackageBuffer(verifier))
      continue;
    record.package = package::GetPackage(data);
    return record;
  }
  return record;
}

llvm::Expected<ArtifactRecord> readArtifactRecord(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path, false, false);
  if (!file)
    return llvm::createStringError("'" + path + "': " + file.getError().message());
  ArtifactRecord record = findRecord((*file)->getBuffer());
  if (!record.package)
    return llvm::createStringError(
        "'" + path + "': expected an artifact of quern, found no record of a model in it");
  return std::move(record);
}

} // namespace quern::driver
