// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Half and bfloat16 conversions, over every code and against the compiler's own.

#include "src/half.h"
#include "test/unit/runtime/Hosted.h"
#include <cmath>
#include <gtest/gtest.h>

TEST(Half, EveryCodeComesBack) {
  for (uint32_t code = 0; code < 65536; code++) {
    float x = quern_float_of_half(uint16_t(code));
    if ((code & 0x7fff) > 0x7c00) {
      EXPECT_TRUE(std::isnan(x)) << code;
      continue;
    }
    int exponent = int(code >> 10 & 31), mantissa = int(code & 1023);
    float expected = exponent == 31  ? INFINITY
                     : exponent == 0 ? std::ldexp(float(mantissa), -24)
                                     : std::ldexp(float(1024 + mantissa), exponent - 25);
    EXPECT_EQ(x, code & 0x8000 ? -expected : expected) << code;
    EXPECT_EQ(quern_half_of_float(x), code);
  }
}

TEST(Half, RoundsToTheNearestTiesToEven) {
  for (uint32_t code = 0; code < 0x7bff; code++) {
    float low = quern_float_of_half(uint16_t(code)), high = quern_float_of_half(uint16_t(code + 1));
    float middle = (low + high) / 2;
    EXPECT_EQ(quern_half_of_float(middle), code + (code & 1)) << code;
    EXPECT_EQ(quern_half_of_float(std::nextafter(middle, 0.0f)), code) << code;
    EXPECT_EQ(quern_half_of_float(std::nextafter(middle, 1e9f)), code + 1) << code;
  }
  EXPECT_EQ(quern_half_of_float(65519.996f), 0x7bff);
  EXPECT_EQ(quern_half_of_float(65520.0f), 0x7c00);
  EXPECT_EQ(quern_half_of_float(-1e30f), 0xfc00);
  EXPECT_TRUE(std::isnan(quern_float_of_half(quern_half_of_float(NAN))));
}

TEST(Half, BfloatIsTheNearestUpperHalf) {
  quern::test::RandomFloats<float, uint32_t> random;
  for (int i = 0; i < 1000000; i++) {
    float x = random.next();
    float back = std::bit_cast<float>(uint32_t(quern_bfloat_of_float(x)) << 16);
    if (std::isnan(x)) {
      ASSERT_TRUE(std::isnan(back));
      continue;
    }
    float down = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0xffff0000);
    float up = std::bit_cast<float>((std::bit_cast<uint32_t>(x) & 0xffff0000) + 0x10000);
    if (std::isinf(up) || std::isinf(x))
      continue;
    double error = std::fabs(double(x) - back);
    ASSERT_EQ(error, std::fmin(std::fabs(double(x) - down), std::fabs(double(x) - up))) << x;
  }
}
