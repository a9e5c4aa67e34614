// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file Rounding to integers equals the C library's, signed zeros included.

#include "test/unit/runtime/Hosted.h"
#include <cmath>
#include <gtest/gtest.h>

template <typename Float, typename Bits> static void expectSame(Float x, Float a, Float b) {
  if (!std::isnan(a) || !std::isnan(b)) {
    ASSERT_EQ(std::bit_cast<Bits>(a), std::bit_cast<Bits>(b)) << std::hexfloat << x;
  }
}

static void check(float x) {
  expectSame<float, uint32_t>(x, std::nearbyint(x), quern_hosted_rintf(x));
  expectSame<float, uint32_t>(x, std::nearbyint(x), quern_hosted_roundevenf(x));
  expectSame<float, uint32_t>(x, std::trunc(x), quern_hosted_truncf(x));
  expectSame<float, uint32_t>(x, std::floor(x), quern_hosted_floorf(x));
  expectSame<float, uint32_t>(x, std::ceil(x), quern_hosted_ceilf(x));
  expectSame<float, uint32_t>(x, std::round(x), quern_hosted_roundf(x));
  if (std::fabs(x) < 0x1p62f) {
    ASSERT_EQ(std::lrint(x), quern_hosted_lrintf(x)) << x;
  }
}
static void check(double x) {
  expectSame<double, uint64_t>(x, std::nearbyint(x), quern_hosted_rint(x));
  expectSame<double, uint64_t>(x, std::trunc(x), quern_hosted_trunc(x));
  expectSame<double, uint64_t>(x, std::floor(x), quern_hosted_floor(x));
  expectSame<double, uint64_t>(x, std::ceil(x), quern_hosted_ceil(x));
  expectSame<double, uint64_t>(x, std::round(x), quern_hosted_round(x));
  if (std::fabs(x) < 0x1p62) {
    ASSERT_EQ(std::lrint(x), quern_hosted_lrint(x)) << x;
  }
}

TEST(Rounding, EqualsTheLibrary) {
  quern::test::RandomFloats<float, uint32_t> floats;
  quern::test::RandomFloats<double, uint64_t> doubles;
  for (int i = 0; i < 1000000 && !testing::Test::HasFatalFailure(); i++) {
    check(floats.next());
    check(doubles.next());
  }
}

TEST(Rounding, TiesAndSignedZeros) {
  for (int i = -4000; i <= 4000; i++) {
    float x = float(i) / 8;
    check(x);
    check(std::nextafter(x, 1000.0f));
    check(double(x));
    check(std::nextafter(double(x), -1000.0));
  }
  check(-0.0f);
  check(-0.0);
}
