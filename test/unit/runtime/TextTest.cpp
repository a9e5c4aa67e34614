// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Numbers and names as text, and back.

#include "src/text.h"
#include <gtest/gtest.h>
#include <string>

template <typename Put> static std::string textOf(Put put) {
  quern_text text;
  quern_text_init(&text, -1);
  put(&text);
  return text.data;
}

TEST(Text, Numbers) {
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_unsigned(t, 0); }), "0");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_unsigned(t, UINT64_MAX); }),
            "18446744073709551615");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_signed(t, INT64_MIN); }), "-9223372036854775808");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_milliseconds(t, 12000345); }), "12.000345");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_microseconds(t, 1200034); }), "1200.034");
}

TEST(Text, ShapesAndNames) {
  const int64_t dims[] = {2, 3};
  EXPECT_EQ(textOf([&](quern_text *t) { quern_put_shape(t, dims, 0); }), "()");
  EXPECT_EQ(textOf([&](quern_text *t) { quern_put_shape(t, dims, 1); }), "(2,)");
  EXPECT_EQ(textOf([&](quern_text *t) { quern_put_shape(t, dims, 2); }), "(2, 3)");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_quoted(t, "a\x1b[2J\n"); }), "'a?[2J?'");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_json_string(t, "a\"\\\n\xc3\xa9"); }),
            "\"a\\\"\\\\\\u000a\xc3\xa9\"");
  EXPECT_EQ(textOf([](quern_text *t) { quern_put_error(t, -4095); }), ": system error 4095");
}

TEST(Text, WhatDoesNotFitIsDropped) {
  std::string found = textOf([](quern_text *t) {
    for (int i = 0; i < 1000; i++)
      quern_put(t, "12345");
  });
  EXPECT_EQ(found.size(), sizeof(quern_text::data) - 1);
}

TEST(Text, ParsesDecimalNumbersWithinALimit) {
  uint64_t value = 77;
  for (const char *bad : {"", "-1", "+1", "1 ", " 1", "1a", "101", "18446744073709551716", "0x1"})
    EXPECT_FALSE(quern_parse_number(bad, 100, &value)) << bad;
  EXPECT_EQ(value, 77u);
  EXPECT_TRUE(quern_parse_number("100", 100, &value) && value == 100);
  EXPECT_TRUE(quern_parse_number("18446744073709551615", UINT64_MAX, &value));
  EXPECT_EQ(value, UINT64_MAX);
  EXPECT_FALSE(quern_parse_number("18446744073709551616", UINT64_MAX, &value));
}
