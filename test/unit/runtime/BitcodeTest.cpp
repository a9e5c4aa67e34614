// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The embedded bitcode is there for every architecture and part.

#include "runtime/Bitcode.h"
#include <cstring>
#include <gtest/gtest.h>

using quern::runtime::Bitcode;
using quern::runtime::findBitcode;
using quern::runtime::Part;

TEST(Bitcode, EveryPartIsEmbedded) {
  for (const char *arch : {"x86_64", "aarch64"})
    for (Part part : {Part::Core, Part::Support, Part::Library, Part::Exe}) {
      Bitcode bitcode = findBitcode(arch, part);
      ASSERT_GT(bitcode.size, 1000u);
      EXPECT_EQ(std::memcmp(bitcode.data, "BC\xc0\xde", 4), 0);
    }
  EXPECT_EQ(findBitcode("riscv64", Part::Core).data, nullptr);
}
