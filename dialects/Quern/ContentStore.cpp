// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ContentStore.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace quern {

llvm::Expected<std::shared_ptr<MappedFile>> MappedFile::map(int fd, size_t size) {
  if (size == 0)
    return std::shared_ptr<MappedFile>(new MappedFile(nullptr, 0));
  void *data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED)
    return llvm::createStringError(std::error_code(errno, std::generic_category()), "cannot map");
  return std::shared_ptr<MappedFile>(new MappedFile(static_cast<const char *>(data), size));
}

llvm::Expected<std::shared_ptr<MappedFile>> MappedFile::open(llvm::StringRef path) {
  int fd = ::open(path.str().c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return llvm::createStringError(std::error_code(errno, std::generic_category()), "cannot open");
  struct stat status;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return llvm::createStringError(std::errc::invalid_argument, "not a regular file");
  }
  auto mapped = map(fd, static_cast<size_t>(status.st_size));
  ::close(fd);
  return mapped;
}

MappedFile::~MappedFile() {
  if (size != 0)
    ::munmap(const_cast<char *>(data), size);
}

static std::string hashOf(llvm::ArrayRef<char> bytes) {
  llvm::XXH128_hash_t hash =
      llvm::xxh3_128bits({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
  return llvm::utohexstr(hash.high64, /*LowerCase=*/true, 16) +
         llvm::utohexstr(hash.low64, /*LowerCase=*/true, 16);
}

std::string ContentStore::intern(Entry entry) {
  std::string hash = hashOf(entry.bytes);
  std::lock_guard<std::mutex> lock(mutex);
  entries.try_emplace(hash, std::move(entry));
  return hash;
}

std::string ContentStore::add(std::vector<char> bytes) {
  Entry entry;
  entry.owned = std::move(bytes);
  entry.bytes = entry.owned; // moving a vector keeps its buffer
  return intern(std::move(entry));
}

std::string ContentStore::add(std::shared_ptr<MappedFile> file, size_t offset, size_t length) {
  Entry entry;
  entry.bytes = file->bytes().slice(offset, length);
  entry.file = std::move(file);
  return intern(std::move(entry));
}

llvm::ArrayRef<char> ContentStore::get(llvm::StringRef hash) const {
  std::lock_guard<std::mutex> lock(mutex);
  if (auto found = entries.find(hash); found != entries.end())
    return found->second.bytes;
  for (const std::string &directory : searchDirectories) {
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, hash + ".blob");
    auto file = MappedFile::open(path);
    if (!file) {
      llvm::consumeError(file.takeError());
      continue;
    }
    Entry entry;
    entry.file = *file;
    entry.bytes = (*file)->bytes();
    return entries.try_emplace(hash, std::move(entry)).first->second.bytes;
  }
  return {};
}

bool ContentStore::contains(llvm::StringRef hash) const {
  if (!get(hash).empty())
    return true;
  std::lock_guard<std::mutex> lock(mutex);
  return entries.contains(hash);
}

void ContentStore::release(llvm::StringRef hash) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!kept || !kept->contains(hash))
    entries.erase(hash);
}

ContentStore::Scope::Scope(ContentStore &store) : store(store) {
  std::lock_guard<std::mutex> lock(store.mutex);
  assert(!store.kept && "one scope at a time");
  store.kept.emplace();
  for (const auto &entry : store.entries)
    store.kept->insert(entry.first());
}

ContentStore::Scope::~Scope() {
  std::lock_guard<std::mutex> lock(store.mutex);
  std::vector<std::string> added;
  for (const auto &entry : store.entries)
    if (!store.kept->contains(entry.first()))
      added.push_back(entry.first().str());
  for (const std::string &hash : added)
    store.entries.erase(hash);
  store.kept.reset();
}

llvm::Error ContentStore::save(llvm::StringRef directory) const {
  if (std::error_code error = llvm::sys::fs::create_directories(directory))
    return llvm::createStringError(error, "cannot create '" + directory + "'");
  std::lock_guard<std::mutex> lock(mutex);
  for (const auto &item : entries) {
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, item.first() + ".blob");
    if (llvm::sys::fs::exists(path))
      continue;
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    if (error)
      return llvm::createStringError(error, "cannot write '" + path + "'");
    file.write(item.second.bytes.data(), item.second.bytes.size());
  }
  return llvm::Error::success();
}

void ContentStore::addSearchDirectory(llvm::StringRef directory) {
  searchDirectories.push_back(directory.str());
}

} // namespace quern
