// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file memcpy and its family over every size and distance that takes another path.

#include "test/unit/runtime/Hosted.h"
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace {
struct Bytes : std::vector<unsigned char> {
  Bytes() : std::vector<unsigned char>(400) { std::iota(begin(), end(), 1); }
};
} // namespace

TEST(Memory, CopiesExactlyTheRange) {
  for (size_t size = 0; size <= 130; size++) {
    Bytes from, to, expected;
    std::memset(to.data(), 0, to.size());
    std::memset(expected.data(), 0, to.size());
    std::copy_n(from.begin() + 7, size, expected.begin() + 5);
    EXPECT_EQ(quern_hosted_memcpy(to.data() + 5, from.data() + 7, size), to.data() + 5);
    EXPECT_EQ(to, expected) << size;
  }
}

TEST(Memory, MovesOverlappingRanges) {
  for (size_t size = 0; size <= 130; size++)
    for (int distance = -40; distance <= 40; distance++) {
      Bytes found, expected;
      std::memmove(expected.data() + 100 + distance, expected.data() + 100, size);
      quern_hosted_memmove(found.data() + 100 + distance, found.data() + 100, size);
      ASSERT_EQ(found, expected) << size << " " << distance;
    }
}

TEST(Memory, FillsExactlyTheRange) {
  for (size_t size = 0; size <= 130; size++) {
    Bytes found, expected;
    std::memset(expected.data() + 3, 0xa5, size);
    quern_hosted_memset(found.data() + 3, 0x1a5, size);
    ASSERT_EQ(found, expected) << size;
  }
}

TEST(Memory, ComparesAsUnsignedBytes) {
  for (size_t size = 1; size <= 40; size++)
    for (size_t at = 0; at < size; at++) {
      Bytes a, b;
      b[at] = 0xff;
      a[at + 1] = 0;
      EXPECT_LT(quern_hosted_memcmp(a.data(), b.data(), size), 0);
      EXPECT_GT(quern_hosted_memcmp(b.data(), a.data(), size), 0);
      EXPECT_EQ(quern_hosted_memcmp(a.data(), b.data(), at), 0);
    }
}
