// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_FRONTEND_ONNX_EXTERNALDATA_H
#define QUERN_COMPILER_FRONTEND_ONNX_EXTERNALDATA_H

#include "dialects/Quern/ContentStore.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace quern::onnxfile {

/// Maps a regular file of at least one byte. Errors say what is there instead.
llvm::Expected<std::shared_ptr<MappedFile>> mapRegularFile(llvm::StringRef path);

/// Where a tensor says that its bytes are (TensorProto.external_data, unparsed).
struct ExternalReference {
  std::string location;
  std::string offset;
  std::string length;
};

/// Bytes of a mapped file.
struct MappedRange {
  std::shared_ptr<MappedFile> file;
  uint64_t offset = 0;
  uint64_t length = 0;
  llvm::ArrayRef<char> bytes() const { return file->bytes().slice(offset, length); }
};

/// The files beside the model that hold tensors. A location is opened below the model's folder by
/// openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, so neither `..` nor a link on any
/// component leads out, and a rename in between changes nothing: the descriptor that was checked
/// (regular, one name only) is the one that is mapped.
class ExternalFiles {
public:
  explicit ExternalFiles(llvm::StringRef modelPath);
  ~ExternalFiles();
  ExternalFiles(const ExternalFiles &) = delete;
  ExternalFiles &operator=(const ExternalFiles &) = delete;

  /// The `expected` bytes that `reference` names. Offset and length are decimal; a missing length
  /// reaches to the end of the file.
  llvm::Expected<MappedRange> find(const ExternalReference &reference, uint64_t expected);

  /// The paths of the files that were opened, sorted.
  std::vector<std::string> paths() const;

private:
  llvm::Expected<std::shared_ptr<MappedFile>> open(llvm::StringRef location);
  std::string folder;
  int folderDescriptor = -1;
  llvm::StringMap<std::shared_ptr<MappedFile>> files;
};

} // namespace quern::onnxfile

#endif // QUERN_COMPILER_FRONTEND_ONNX_EXTERNALDATA_H
