// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "GuardedBuffer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <sys/mman.h>

namespace quern::test {

static constexpr size_t page = 4096;
static constexpr char guard = static_cast<char>(0xa5);

GuardedBuffer::GuardedBuffer(size_t size, char fill) : bytes(size) {
  size_t usable = (page + size + readableSlack + page - 1) / page * page;
  mapped = usable + page;
  void *memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(static_cast<char *>(memory) + usable, page, PROT_NONE) != 0)
    std::abort();
  mapping = static_cast<char *>(memory);
  std::memset(mapping, guard, usable);
  // Elements are at most 8 bytes; kernels may not count on more than their alignment.
  start = mapping + (usable - readableSlack - size) / 8 * 8;
  std::memset(start, fill, size);
}

GuardedBuffer::GuardedBuffer(GuardedBuffer &&other) noexcept
    : mapping(std::exchange(other.mapping, nullptr)), mapped(other.mapped), start(other.start),
      bytes(other.bytes) {}

GuardedBuffer::~GuardedBuffer() {
  if (mapping)
    munmap(mapping, mapped);
}

bool GuardedBuffer::isIntactAround() const {
  auto isGuard = [](char c) { return c == guard; };
  return std::all_of(mapping, start, isGuard) &&
         std::all_of(start + bytes, mapping + mapped - page, isGuard);
}

} // namespace quern::test
