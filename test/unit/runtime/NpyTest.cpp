// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The .npy reader and writer as functions of bytes.

#include "src/npy.h"
#include "llvm/ADT/STLExtras.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>

using testing::HasSubstr;

static const int64_t dims[] = {2, 3};
static const quern_tensor tensor = {"x", dims, nullptr, 24, QUERN_F32, 2, 4, 0, 0, 0};

/// The message, or "" for a file that is read and fits. The bytes lie in memory of exactly their
/// size, so that the address sanitizer sees any read past them.
static std::string read(const std::string &file, const quern_tensor &expected = tensor) {
  std::unique_ptr<unsigned char[]> bytes(new unsigned char[file.size()]);
  llvm::copy(file, bytes.get());
  quern_npy npy;
  quern_text message;
  quern_text_init(&message, -1);
  if (quern_npy_parse(bytes.get(), file.size(), &npy, &message))
    quern_npy_check(&npy, file.size(), &expected, &message);
  return message.data;
}

static std::string file(const std::string &header, size_t bytes = 24, char version = 1) {
  std::string result = "\x93NUMPY";
  result += {version, '\0', char(header.size() & 255), char(header.size() >> 8)};
  if (version > 1)
    result += {'\0', '\0'};
  return result + header + std::string(bytes, 'e');
}

static const char good[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }    \n";

TEST(Npy, ReadsWhatNumpyWrites) {
  EXPECT_EQ(read(file(good)), "");
  EXPECT_EQ(read(file(good, 24, 2)), "");
  EXPECT_EQ(read(file(good, 24, 3)), "");
  EXPECT_EQ(read(file("{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"=f4\"}")), "");
}

TEST(Npy, EveryTruncationIsAnError) {
  std::string whole = file(good);
  for (size_t size = 0; size < whole.size(); size++)
    EXPECT_NE(read(whole.substr(0, size)), "") << size;
}

TEST(Npy, EveryChangedByteIsAnErrorOrHarmless) {
  std::mt19937 random(1); // NOLINT(bugprone-random-generator-seed): the same in every run
  std::string whole = file(good);
  for (size_t at = 0; at < whole.size() - 24; at++)
    for (int i = 0; i < 256; i++) {
      std::string changed = whole;
      changed[at] = char(i);
      read(changed);
    }
  for (int i = 0; i < 200000; i++) {
    std::string changed = whole;
    for (int j = 0; j < 4; j++)
      changed[random() % changed.size()] = char(random());
    read(changed);
  }
}

TEST(Npy, SaysWhatIsWrong) {
  EXPECT_THAT(read("PK\x03\x04"), HasSubstr("not a .npy file"));
  EXPECT_THAT(read(file("[1, 2]")), HasSubstr("not a dictionary"));
  EXPECT_THAT(read(file("{'descr': '<f4', 'shape': (2, 3)}")), HasSubstr("lacks"));
  EXPECT_THAT(read(file("{'descr': '<f4', 'descr': '<f4'}")), HasSubstr("key twice"));
  EXPECT_THAT(read(file("{'order': 'C'}")), HasSubstr("unknown key 'order'"));
  EXPECT_THAT(read(file("{'shape': (2, -3)}")), HasSubstr("shape is not a tuple"));
  EXPECT_THAT(read(file("{'shape': [2, 3]}")), HasSubstr("shape is not a tuple"));
  EXPECT_THAT(read(file("{'fortran_order': 0}")), HasSubstr("neither True nor False"));
  EXPECT_THAT(read(file("{'descr': [('r', '|u1')]}")), HasSubstr("plain element type"));
  EXPECT_THAT(read(file("{'descr': '<f4' 'shape'")), HasSubstr("not closed"));
  EXPECT_THAT(read(file(good, 23)), HasSubstr("expected 24 bytes of elements, found 23"));
  EXPECT_THAT(read(file(good, 25)), HasSubstr("expected 24 bytes of elements, found 25"));
  EXPECT_THAT(read(file("{'descr': '>f4', 'fortran_order': False, 'shape': (3,)}")),
              HasSubstr("expected <f4 of shape (2, 3) for input 'x', found >f4 of shape (3,)"));
  EXPECT_THAT(read(file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}")),
              HasSubstr("column-major"));
}

TEST(Npy, ShapesThatOverflow) {
  EXPECT_THAT(read(file("{'shape': (9223372036854775808,)}")), HasSubstr("shape is not"));
  std::string many = "{'shape': (";
  for (int i = 0; i < 33; i++)
    many += "1,";
  EXPECT_THAT(read(file(many + ")}")), HasSubstr("at most 32"));
}

TEST(Npy, HeadersComeBack) {
  for (uint32_t type = QUERN_F32; type <= QUERN_F8E5M2; type++)
    for (uint32_t rank = 0; rank <= 2; rank++) {
      quern_tensor t = tensor;
      t.type = type;
      t.rank = rank;
      char header[QUERN_NPY_MAX_HEADER];
      size_t size = quern_npy_header(&t, header);
      ASSERT_GT(size, 0u) << type;
      EXPECT_EQ(size % 64, 0u);
      EXPECT_EQ(read(std::string(header, size) + std::string(24, 0), t), "") << type;
    }
}

TEST(Npy, PackedTypesHaveNoForm) {
  quern_tensor t = tensor;
  t.type = QUERN_S4;
  char header[QUERN_NPY_MAX_HEADER];
  EXPECT_EQ(quern_npy_header(&t, header), 0u);
  EXPECT_THAT(read(file(good), t), HasSubstr("a type that .npy does not have"));
}
