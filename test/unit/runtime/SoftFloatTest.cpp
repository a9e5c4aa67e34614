// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file fma and fmaf are correctly rounded: equal to the C library's on every kind of operand.

#include "test/unit/runtime/Hosted.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using quern::test::RandomFloats;

template <typename Float, typename Bits>
static void expectSame(Float a, Float b, Float c, Float expected, Float found) {
  if (std::isnan(expected))
    ASSERT_TRUE(std::isnan(found)) << a << " * " << b << " + " << c;
  else
    ASSERT_EQ(std::bit_cast<Bits>(expected), std::bit_cast<Bits>(found))
        << std::hexfloat << a << " * " << b << " + " << c;
}

static void checkFloat(float a, float b, float c) {
  expectSame<float, uint32_t>(a, b, c, std::fma(a, b, c), quern_hosted_fmaf(a, b, c));
}
static void checkDouble(double a, double b, double c) {
  expectSame<double, uint64_t>(a, b, c, std::fma(a, b, c), quern_hosted_fma(a, b, c));
}

TEST(SoftFloat, FmafEqualsTheLibraryOnRandomOperands) {
  RandomFloats<float, uint32_t> random;
  for (int i = 0; i < 3000000 && !testing::Test::HasFatalFailure(); i++)
    checkFloat(random.next(), random.next(), random.next());
}

TEST(SoftFloat, FmaEqualsTheLibraryOnRandomOperands) {
  RandomFloats<double, uint64_t> random;
  for (int i = 0; i < 3000000 && !testing::Test::HasFatalFailure(); i++)
    checkDouble(random.next(), random.next(), random.next());
}

TEST(SoftFloat, SumsThatAlmostCancel) {
  RandomFloats<float, uint32_t> floats;
  RandomFloats<double, uint64_t> doubles;
  for (int i = 0; i < 1000000 && !testing::Test::HasFatalFailure(); i++) {
    float a = floats.next(), b = floats.next();
    checkFloat(a, b, -(a * b));
    checkFloat(a, b, std::nextafter(-(a * b), 0.0f));
    double x = doubles.next(), y = doubles.next();
    checkDouble(x, y, -(x * y));
    checkDouble(x, y, std::nextafter(-(x * y), 0.0));
  }
}

TEST(SoftFloat, SpecialOperands) {
  using Limits = std::numeric_limits<float>;
  using Double = std::numeric_limits<double>;
  const float floats[] = {0.0f,
                          1.0f,
                          1.5f,
                          3.0f,
                          Limits::min(),
                          Limits::denorm_min(),
                          Limits::max(),
                          Limits::infinity(),
                          Limits::quiet_NaN(),
                          0x1p-75f};
  const double doubles[] = {0.0,
                            1.0,
                            1.5,
                            3.0,
                            Double::min(),
                            Double::denorm_min(),
                            Double::max(),
                            Double::infinity(),
                            Double::quiet_NaN(),
                            0x1p-538};
  for (int i = 0; i < 8000; i++) {
    int a = i % 10, b = i / 10 % 10, c = i / 100 % 10, signs = i / 1000;
    int sa = signs & 1 ? -1 : 1, sb = signs & 2 ? -1 : 1, sc = signs & 4 ? -1 : 1;
    checkFloat(sa * floats[a], sb * floats[b], sc * floats[c]);
    checkDouble(sa * doubles[a], sb * doubles[b], sc * doubles[c]);
  }
}
