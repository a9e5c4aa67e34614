// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_TEST_UNIT_TARGET_GUARDEDBUFFER_H
#define QUERN_TEST_UNIT_TARGET_GUARDEDBUFFER_H

#include <cstddef>
#include <cstdint>

namespace quern::test {

/// Memory for a kernel's argument that ends, but for what may be read behind it, at a page that
/// nobody may touch; the bytes around it tell whether they were written.
class GuardedBuffer {
public:
  /// What kernels may read behind a tensor, as the plan of the arena grants it.
  static constexpr size_t readableSlack = 64;

  /// `fill` is what the buffer holds at first.
  explicit GuardedBuffer(size_t size, char fill = 0);
  ~GuardedBuffer();
  GuardedBuffer(GuardedBuffer &&other) noexcept;
  GuardedBuffer(const GuardedBuffer &) = delete;
  GuardedBuffer &operator=(const GuardedBuffer &) = delete;

  char *data() const { return start; }
  size_t size() const { return bytes; }
  bool isIntactAround() const;

private:
  char *mapping = nullptr;
  size_t mapped = 0;
  char *start = nullptr;
  size_t bytes = 0;
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_TARGET_GUARDEDBUFFER_H
