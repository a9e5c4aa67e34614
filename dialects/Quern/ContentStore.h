// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_DIALECTS_QUERN_CONTENTSTORE_H
#define QUERN_DIALECTS_QUERN_CONTENTSTORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace quern {

/// A file mapped read-only; the mapping lives as long as somebody holds it.
class MappedFile {
public:
  /// Maps `size` bytes of the open descriptor `fd` (which may be closed afterwards).
  static llvm::Expected<std::shared_ptr<MappedFile>> map(int fd, size_t size);
  /// Opens and maps the whole file.
  static llvm::Expected<std::shared_ptr<MappedFile>> open(llvm::StringRef path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;
  llvm::ArrayRef<char> bytes() const { return {data, size}; }

private:
  MappedFile(const char *data, size_t size) : data(data), size(size) {}
  const char *data;
  size_t size;
};

/// Constant bytes by content: equal bytes are kept once. Bytes are either owned or a range of a
/// mapped file, so a large model's weights cost address space, not memory. Thread-safe.
class ContentStore {
public:
  /// Takes the bytes over; returns the hash that names them (128-bit XXH3 as 32 hex digits).
  std::string add(std::vector<char> bytes);
  /// Refers to a range of a mapped file.
  std::string add(std::shared_ptr<MappedFile> file, size_t offset, size_t length);
  /// The bytes named `hash`; an empty array if there are none (or if they are empty).
  /// Valid until released.
  llvm::ArrayRef<char> get(llvm::StringRef hash) const;
  bool contains(llvm::StringRef hash) const;
  /// Forgets the bytes; using their name afterwards is an error of the caller.
  void release(llvm::StringRef hash);
  /// A compilation beside the one that owns the store's contents: while it lives, what was there
  /// before stays whatever is released; when it ends, what was added is forgotten. One at a time.
  class Scope {
  public:
    explicit Scope(ContentStore &store);
    ~Scope();
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    ContentStore &store;
  };
  /// Writes every blob to `directory`/HASH.blob (existing files are kept) or reads one on demand
  /// from there when `get` does not find it.
  llvm::Error save(llvm::StringRef directory) const;
  void addSearchDirectory(llvm::StringRef directory);

private:
  struct Entry {
    std::vector<char> owned;
    std::shared_ptr<MappedFile> file;
    llvm::ArrayRef<char> bytes;
  };
  std::string intern(Entry entry);
  mutable std::mutex mutex;
  mutable llvm::StringMap<Entry> entries;
  std::vector<std::string> searchDirectories;
  std::optional<llvm::StringSet<>> kept; ///< while there is a Scope
};

} // namespace quern

#endif // QUERN_DIALECTS_QUERN_CONTENTSTORE_H
