// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Board.h"
#include "compiler/board/Units.h"
#include "compiler/target/TargetBackend.h"

#include "ScratchFolder.h"
#include <gtest/gtest.h>

using namespace quern;

static uint64_t bytesOf(llvm::StringRef text) { return llvm::cantFail(parseBytes(text)); }
static double secondsOf(llvm::StringRef text) { return llvm::cantFail(parseSeconds(text)); }

TEST(Units, BytesInPowersOfTenAndTwo) {
  EXPECT_EQ(bytesOf("4096"), 4096u);
  EXPECT_EQ(bytesOf("4096B"), 4096u);
  EXPECT_EQ(bytesOf("4MB"), 4000000u);
  EXPECT_EQ(bytesOf("512KiB"), 524288u);
  EXPECT_EQ(bytesOf("1.5 GiB"), 1610612736u);
  EXPECT_EQ(bytesOf("0"), 0u);
}

TEST(Units, TimesNeedAUnit) {
  EXPECT_DOUBLE_EQ(secondsOf("20ms"), 0.02);
  EXPECT_DOUBLE_EQ(secondsOf("1.5s"), 1.5);
  EXPECT_DOUBLE_EQ(secondsOf("800us"), 8e-4);
}

TEST(Units, WhatIsNoQuantityIsQuoted) {
  for (const char *text : {"", "MB", "-1MB", "4 potatoes", "4mb", "1e400MB", "20000000000GiB"}) {
    auto bytes = parseBytes(text);
    ASSERT_FALSE(static_cast<bool>(bytes)) << text;
    EXPECT_EQ(llvm::toString(bytes.takeError()),
              "expected a number of bytes such as 4MB, 512KiB or 4096, found '" +
                  std::string(text) + "'");
  }
  for (const char *text : {"20", "ms", "20minutes", "-5ms"}) {
    auto seconds = parseSeconds(text);
    ASSERT_FALSE(static_cast<bool>(seconds)) << text;
    EXPECT_EQ(llvm::toString(seconds.takeError()),
              "expected a time such as 20ms, 1.5s or 800us, found '" + std::string(text) + "'");
  }
}

TEST(Units, SecondsAreShownInThreeDigits) {
  EXPECT_EQ(formatSeconds(0.00123), "1.23 ms");
  EXPECT_EQ(formatSeconds(0.0456), "45.6 ms");
  EXPECT_EQ(formatSeconds(12e-6), "12.0 us");
  EXPECT_EQ(formatSeconds(3e-7), "300 ns");
  EXPECT_EQ(formatSeconds(2), "2.00 s");
}

TEST(Board, AllThatAreShippedAreComplete) {
  std::vector<std::string> names = getBoardNames();
  EXPECT_GE(names.size(), 5u);
  for (const std::string &name : names) {
    auto board = findBoard(name);
    ASSERT_TRUE(static_cast<bool>(board)) << llvm::toString(board.takeError());
    EXPECT_EQ(board->name, name);
    EXPECT_NE(board->target.find(':'), std::string::npos) << name << " names no processor";
    EXPECT_FALSE(board->sources.empty()) << name << " cites nothing";
    EXPECT_GT(board->getLastCacheBytes(), 0u) << name;
    EXPECT_GT(board->memoryBytes, 0u) << name;
  }
}

TEST(Board, UnknownNamesListTheKnownOnes) {
  auto board = findBoard("arduino");
  ASSERT_FALSE(static_cast<bool>(board));
  std::string message = llvm::toString(board.takeError());
  EXPECT_EQ(message.find("unknown board 'arduino', expected one of apple-m1, "), 0u) << message;
  EXPECT_NE(message.find("raspberry-pi-5"), std::string::npos) << message;
}

TEST(Board, AUsersOwnIsReadFromItsFile) {
  ScratchFolder folder;
  std::string path = folder.write("camera.json", R"({
  "title": "Camera", "target": "arm-neon:cortex-a53", "cores": 2, "clock_mhz": 1200,
  "caches": [{"level": 2, "size": "256KiB", "shared_by": 2}, {"level": 1, "size": "32KiB"}],
  "bandwidth_gb_s": 3.2, "memory": "256MiB", "flash": "8MB"})");
  auto board = findBoard(path);
  ASSERT_TRUE(static_cast<bool>(board)) << llvm::toString(board.takeError());
  EXPECT_EQ(board->clock, 1.2e9);
  EXPECT_EQ(board->bandwidth, 3.2e9);
  EXPECT_EQ(board->caches.front().level, 1);
  EXPECT_EQ(board->getLastCacheBytes(), 262144u);
  EXPECT_EQ(board->flashBytes, 8000000u);
}

TEST(Board, MistakesAreNamedWithTheirLine) {
  auto failure = [](llvm::StringRef text) {
    auto board = parseBoard("b.json", "b", text);
    return board ? std::string() : llvm::toString(board.takeError());
  };
  const std::string good = R"("target": "portable", "clock_mhz": 1, "bandwidth_gb_s": 1)";
  EXPECT_EQ(failure("{" + good + "}"), "");
  EXPECT_EQ(failure("{" + good + ",\n\"colour\": 1}").find("b.json:2: unknown member 'colour'"),
            0u);
  EXPECT_EQ(failure("{\"target\": \"portable\",\n\"clock_mhz\": 0, \"bandwidth_gb_s\": 1}"),
            "b.json:2: 'clock_mhz': expected a number greater than 0");
  EXPECT_EQ(failure("{" + good + ",\n\"memory\": \"lots\"}"),
            "b.json:2: 'memory': expected a number of bytes such as 4MB, 512KiB or 4096, found "
            "'lots'");
  std::string target = failure(R"({"target": "z80", "clock_mhz": 1, "bandwidth_gb_s": 1})");
  EXPECT_EQ(target.find("b.json:1: 'target': unknown target 'z80', expected one of native"), 0u)
      << target;
  EXPECT_NE(failure("{" + good + ",\n\"caches\": [{\"size\": 3}]}").find("b.json:2: "),
            std::string::npos);
}
