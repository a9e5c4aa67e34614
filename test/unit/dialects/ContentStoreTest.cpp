// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "dialects/Quern/ContentStore.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>

namespace quern {
namespace {

std::vector<char> bytesOf(llvm::StringRef text) { return {text.begin(), text.end()}; }

std::string textOf(llvm::ArrayRef<char> bytes) { return {bytes.begin(), bytes.end()}; }

/// A folder that is removed after the test.
class ContentStoreTest : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("quern", folder)); }
  void TearDown() override { ASSERT_FALSE(llvm::sys::fs::remove_directories(folder)); }

  std::string write(llvm::StringRef name, llvm::StringRef text) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << text;
    EXPECT_FALSE(error);
    return path.str().str();
  }

  llvm::SmallString<128> folder;
};

TEST_F(ContentStoreTest, NamesBytesByContent) {
  ContentStore store;
  std::string first = store.add(bytesOf("weights"));
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(store.add(bytesOf("weights")), first);
  EXPECT_NE(store.add(bytesOf("weightz")), first);
  EXPECT_EQ(textOf(store.get(first)), "weights");
}

TEST_F(ContentStoreTest, NameDoesNotChangeBetweenVersions) {
  ContentStore store;
  // XXH3's value for no bytes at all: dumps of yesterday must be readable tomorrow.
  EXPECT_EQ(store.add({}), "99aa06d3014798d86001c324468d497f");
}

TEST_F(ContentStoreTest, KeepsEmptyBytes) {
  ContentStore store;
  std::string hash = store.add({});
  EXPECT_TRUE(store.contains(hash));
  EXPECT_TRUE(store.get(hash).empty());
}

TEST_F(ContentStoreTest, KnowsNothingOfOtherNames) {
  ContentStore store;
  EXPECT_FALSE(store.contains("00112233445566778899aabbccddeeff"));
  EXPECT_TRUE(store.get("00112233445566778899aabbccddeeff").empty());
}

TEST_F(ContentStoreTest, RefersToRangesOfMappedFiles) {
  auto file = MappedFile::open(write("model", "0123456789"));
  ASSERT_TRUE(static_cast<bool>(file));
  ContentStore store;
  std::string hash = store.add(*file, 2, 3);
  const char *mapped = (*file)->bytes().data();
  file->reset(); // the store keeps the mapping
  EXPECT_EQ(textOf(store.get(hash)), "234");
  EXPECT_EQ(store.get(hash).data(), mapped + 2);
  EXPECT_EQ(store.add(bytesOf("234")), hash);
}

TEST_F(ContentStoreTest, ReleaseForgets) {
  ContentStore store;
  std::string hash = store.add(bytesOf("weights"));
  store.release(hash);
  EXPECT_FALSE(store.contains(hash));
  store.release(hash);
}

TEST_F(ContentStoreTest, SavesAndReadsOnDemand) {
  ContentStore store;
  std::string some = store.add(bytesOf("some")), none = store.add({});
  ASSERT_FALSE(static_cast<bool>(store.save(folder)));
  ASSERT_FALSE(static_cast<bool>(store.save(folder))) << "again, over what is there";
  ContentStore other;
  EXPECT_FALSE(other.contains(some));
  other.addSearchDirectory(folder);
  EXPECT_EQ(textOf(other.get(some)), "some");
  EXPECT_TRUE(other.contains(none));
}

TEST_F(ContentStoreTest, SaveReportsAFolderThatCannotBe) {
  std::string file = write("file", "");
  ContentStore store;
  llvm::Error error = store.save(file + "/below");
  EXPECT_TRUE(static_cast<bool>(error));
  llvm::consumeError(std::move(error));
}

TEST_F(ContentStoreTest, MapsOnlyRegularFiles) {
  auto directory = MappedFile::open(folder);
  EXPECT_EQ(llvm::toString(directory.takeError()), "not a regular file");
  auto missing = MappedFile::open((folder + "/missing").str());
  EXPECT_EQ(llvm::toString(missing.takeError()), "cannot open");
  auto empty = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(static_cast<bool>(empty));
  EXPECT_TRUE((*empty)->bytes().empty());
}

} // namespace
} // namespace quern
