// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Npy.h"

#include "ScratchFolder.h"
#include <gtest/gtest.h>

using namespace quern;
using quern::data::ArrayFile;
using quern::data::ArrayType;

/// A .npy file of version 1 with that dictionary.
static std::string makeNpy(std::string header, llvm::StringRef bytes) {
  header.resize((header.size() + 10 + 63) / 64 * 64 - 10 - 1, ' ');
  header += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  return file + header + bytes.str();
}

static std::string failureOf(llvm::StringRef content, llvm::StringRef member = "") {
  ScratchFolder folder;
  auto array = ArrayFile::open(folder.write("a", content), member);
  if (array)
    return "";
  return llvm::StringRef(llvm::toString(array.takeError())).split("': ").second.str();
}

TEST(Npy, ReadsTypeShapeAndBytes) {
  ScratchFolder folder;
  std::string bytes(12, '\7');
  auto array = ArrayFile::open(
      folder.write("a.npy",
                   makeNpy("{'descr': '<i2', 'fortran_order': False, 'shape': (3, 2), }", bytes)),
      "");
  ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
  EXPECT_EQ(array->getType(), ArrayType::S16);
  EXPECT_EQ(array->getDims().vec(), (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(llvm::StringRef(array->getBytes().data(), array->getBytes().size()), bytes);
}

TEST(Npy, RefusesWhatItCannotRead) {
  EXPECT_EQ(failureOf("hello, world"),
            "not a readable .npy array: expected the mark of a NumPy array, found something else");
  EXPECT_EQ(failureOf(makeNpy("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "0000")),
            "not a readable .npy array: expected numbers or booleans in little endian, found "
            "elements of type '>f4'");
  EXPECT_EQ(failureOf(makeNpy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "0000")),
            "not a readable .npy array: expected rows in C order, found Fortran order");
  EXPECT_EQ(failureOf(makeNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "0000")),
            "not a readable .npy array: its shape does not fit the 4 bytes after its header");
  // A product of sizes that wraps around is no size.
  EXPECT_EQ(failureOf(makeNpy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, "
                              "4294967296), }",
                              "")),
            "not a readable .npy array: its shape does not fit the 0 bytes after its header");
}

TEST(Npy, RefusesDamagedArchives) {
  EXPECT_EQ(failureOf("PK\x03\x04 and nothing more than this"),
            "not a readable zip archive: it has no directory");
  std::string cut("PK\x05\x06\0\0\0\0\1\0\1\0\x40\0\0\0\xff\xff\0\0\0\0", 22);
  EXPECT_EQ(failureOf(cut), "not a readable zip archive: its directory is cut off");
}
