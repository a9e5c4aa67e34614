// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/data/Csv.h"

#include "ScratchFolder.h"
#include <gtest/gtest.h>

using namespace quern;
using quern::data::CsvTable;

static std::string failureOf(llvm::StringRef text) {
  ScratchFolder folder;
  auto table = CsvTable::open(folder.write("t.csv", text));
  if (table)
    return "";
  std::string message = llvm::toString(table.takeError());
  return message.substr(message.find("t.csv"));
}

TEST(Csv, ReadsPlainAndQuotedCells) {
  ScratchFolder folder;
  auto table = CsvTable::open(
      folder.write("t.csv", "\xef\xbb\xbf"
                            "name,note\r\nplain,\"a, \"\"quoted\"\"\nnote\"\r\n\nlast,\n"));
  ASSERT_TRUE(static_cast<bool>(table)) << llvm::toString(table.takeError());
  EXPECT_EQ(table->size(), 2u);
  EXPECT_EQ(table->findColumn("name"), 0u);
  EXPECT_EQ(table->findColumn("nope"), std::nullopt);
  EXPECT_EQ(table->getCell(0, 0), "plain");
  EXPECT_EQ(table->getCell(0, 1), "a, \"quoted\"\nnote");
  EXPECT_EQ(table->getCell(1, 0), "last");
  EXPECT_EQ(table->getCell(1, 1), "");
  // The line break inside the quotes and the empty line count.
  EXPECT_TRUE(llvm::StringRef(table->getPlace(1)).ends_with("t.csv:5"));
}

TEST(Csv, LastLineNeedsNoBreak) {
  ScratchFolder folder;
  auto table = CsvTable::open(folder.write("t.csv", "a,b\n1,2"));
  ASSERT_TRUE(static_cast<bool>(table)) << llvm::toString(table.takeError());
  ASSERT_EQ(table->size(), 1u);
  EXPECT_EQ(table->getCell(0, 1), "2");
}

TEST(Csv, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(failureOf(""), "t.csv:1: expected a line with the names of the columns");
  EXPECT_EQ(failureOf("a,a\n"), "t.csv:1: two columns have the name 'a'");
  EXPECT_EQ(failureOf("a,b\n1,2\n1\n"), "t.csv:3: expected 2 cells, found 1");
  EXPECT_EQ(failureOf("a,b\n1,\"2\n"),
            "t.csv:2: expected a closing quote, found the end of the file");
}
