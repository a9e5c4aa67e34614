// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file The command line of executables.

#include "src/args.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

using testing::ElementsAre;
using testing::HasSubstr;

namespace {
struct Parsed {
  std::vector<std::string> words; // what args points into
  bool good;
  quern_args args;
  std::string message;
  std::vector<std::string> inputs;
};
} // namespace

static Parsed parse(std::vector<std::string> words) {
  words.insert(words.begin(), "model");
  std::vector<char *> argv;
  argv.reserve(words.size() + 1);
  for (std::string &word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  quern_text message;
  quern_text_init(&message, -1);
  Parsed result = {};
  result.good = quern_parse_args(int(words.size()), argv.data(), &result.args, &message);
  result.message = message.data;
  for (uint32_t i = 0; i < result.args.input_count; i++)
    result.inputs.push_back(result.args.inputs[i]);
  result.words = std::move(words); // the strings stay where they are
  return result;
}

TEST(Args, Run) {
  Parsed p = parse({"--input", "x=a.npy", "--input=y=b.npy", "--threads", "3", "--output-dir", "o",
                    "--entry=main"});
  ASSERT_TRUE(p.good) << p.message;
  EXPECT_EQ(p.args.mode, QUERN_MODE_RUN);
  EXPECT_EQ(p.args.threads, 3u);
  EXPECT_STREQ(p.args.output_dir, "o");
  EXPECT_STREQ(p.args.entry, "main");
  EXPECT_THAT(p.inputs, ElementsAre("x=a.npy", "y=b.npy"));
}

TEST(Args, Bench) {
  Parsed p = parse({"--bench", "--json"});
  ASSERT_TRUE(p.good) << p.message;
  EXPECT_EQ(p.args.mode, QUERN_MODE_BENCH);
  EXPECT_EQ(p.args.iterations, 0u);
  EXPECT_EQ(p.args.threads, 1u);
  EXPECT_TRUE(p.args.json);
  EXPECT_EQ(parse({"--bench=12"}).args.iterations, 12u);
  EXPECT_EQ(parse({"--profile"}).args.mode, QUERN_MODE_BENCH);
  Parsed traced = parse({"--trace=t.json"});
  EXPECT_EQ(traced.args.mode, QUERN_MODE_BENCH);
  EXPECT_TRUE(traced.args.profile);
  EXPECT_STREQ(traced.args.trace, "t.json");
}

TEST(Args, OtherModes) {
  EXPECT_EQ(parse({"--serve"}).args.mode, QUERN_MODE_SERVE);
  EXPECT_EQ(parse({"--info"}).args.mode, QUERN_MODE_INFO);
  EXPECT_EQ(parse({"-h"}).args.mode, QUERN_MODE_HELP);
}

TEST(Args, WrongUsageIsNamed) {
  EXPECT_THAT(parse({}).message, HasSubstr("expected --output-dir"));
  EXPECT_THAT(parse({"x.npy"}).message, HasSubstr("unknown argument 'x.npy'"));
  EXPECT_THAT(parse({"--benchmark"}).message, HasSubstr("unknown argument '--benchmark'"));
  EXPECT_THAT(parse({"--threads"}).message, HasSubstr("a value after '--threads'"));
  EXPECT_THAT(parse({"--threads=257", "--bench"}).message, HasSubstr("1..256, found '257'"));
  EXPECT_THAT(parse({"--trace="}).message, HasSubstr("expected a file after --trace"));
  EXPECT_THAT(parse({"--bench="}).message, HasSubstr("found ''"));
  EXPECT_THAT(parse({"--bench=0"}).message, HasSubstr("found '0'"));
  EXPECT_THAT(parse({"--info", "--output-dir=o"}).message, HasSubstr("exclude each other"));
  EXPECT_THAT(parse({"--output-dir="}).message, HasSubstr("expected a folder"));
  for (const std::vector<std::string> &words :
       {std::vector<std::string>{}, {"--threads"}, {"--bench=0"}})
    EXPECT_FALSE(parse(words).good);
}
