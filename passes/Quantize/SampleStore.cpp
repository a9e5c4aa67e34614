// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/SampleStore.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Errno.h"

#include <unistd.h>
#include <utility>

using llvm::Error;

namespace quern {

static Error makeError(const char *what) {
  return llvm::createStringError("the temporary file of activations cannot be %s: %s", what,
                                 llvm::sys::StrError().c_str());
}

llvm::Expected<SampleStore> SampleStore::make(std::vector<TensorSlot> slots) {
  SampleStore store;
  llvm::SmallString<128> path;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile("quern-activations", "bin", store.file, path))
    return llvm::createStringError("the temporary file of activations cannot be made: " +
                                   code.message());
  // The open file lives on without its name, and goes when it is closed.
  if (std::error_code left = llvm::sys::fs::remove(path))
    return llvm::createStringError("the temporary file of activations cannot be unlinked: " +
                                   left.message());
  for (const TensorSlot &slot : slots) {
    store.offsets.push_back(store.stride);
    store.stride += slot.getBytes();
  }
  store.slots = std::move(slots);
  return std::move(store);
}

SampleStore::SampleStore(SampleStore &&other) noexcept
    : slots(std::move(other.slots)), offsets(std::move(other.offsets)), stride(other.stride),
      file(std::exchange(other.file, -1)) {}

SampleStore &SampleStore::operator=(SampleStore &&other) noexcept {
  std::swap(slots, other.slots);
  std::swap(offsets, other.offsets);
  std::swap(stride, other.stride);
  std::swap(file, other.file);
  return *this;
}

SampleStore::~SampleStore() {
  if (file >= 0)
    ::close(file);
}

std::optional<size_t> SampleStore::find(llvm::StringRef name) const {
  auto found = llvm::find_if(slots, [&](const TensorSlot &slot) { return slot.name == name; });
  if (found == slots.end())
    return std::nullopt;
  return found - slots.begin();
}

Error SampleStore::write(size_t run, size_t slot, const void *data) {
  const char *bytes = static_cast<const char *>(data);
  uint64_t left = slots[slot].getBytes(), at = getOffset(run, slot);
  while (left) {
    ssize_t done = ::pwrite(file, bytes, left, static_cast<off_t>(at));
    if (done <= 0)
      return makeError("written");
    bytes += done;
    at += done;
    left -= done;
  }
  return Error::success();
}

Error SampleStore::read(size_t run, size_t slot, void *data) const {
  char *bytes = static_cast<char *>(data);
  uint64_t left = slots[slot].getBytes(), at = getOffset(run, slot);
  while (left) {
    ssize_t done = ::pread(file, bytes, left, static_cast<off_t>(at));
    if (done <= 0)
      return makeError("read");
    bytes += done;
    at += done;
    left -= done;
  }
  return Error::success();
}

} // namespace quern
