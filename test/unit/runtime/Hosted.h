// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
/// \file What the unit tests of the runtime share: the names that libcall.h gives to functions of
/// the C library, and random bits.

#ifndef QUERN_TEST_UNIT_RUNTIME_HOSTED_H
#define QUERN_TEST_UNIT_RUNTIME_HOSTED_H

#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>

extern "C" {
float quern_hosted_fmaf(float, float, float);
double quern_hosted_fma(double, double, double);
void *quern_hosted_memcpy(void *, const void *, size_t);
void *quern_hosted_memmove(void *, const void *, size_t);
void *quern_hosted_memset(void *, int, size_t);
int quern_hosted_memcmp(const void *, const void *, size_t);
#define QUERN_DECLARE_ROUNDING(type, suffix)                                                       \
  type quern_hosted_rint##suffix(type);                                                            \
  type quern_hosted_roundeven##suffix(type);                                                       \
  type quern_hosted_trunc##suffix(type);                                                           \
  type quern_hosted_floor##suffix(type);                                                           \
  type quern_hosted_ceil##suffix(type);                                                            \
  type quern_hosted_round##suffix(type);                                                           \
  long quern_hosted_lrint##suffix(type);
QUERN_DECLARE_ROUNDING(float, f)
QUERN_DECLARE_ROUNDING(double, )
#undef QUERN_DECLARE_ROUNDING
}

namespace quern::test {

/// Bit patterns of every kind: most of a random exponent, many of near exponents, zeros, ones of
/// all bits, so that sums cancel, underflow and tie.
template <typename Float, typename Bits> struct RandomFloats {
  std::mt19937_64 engine{20260}; // NOLINT(bugprone-random-generator-seed): the same in every run

  Float next() {
    constexpr int mantissaBits = sizeof(Float) == 4 ? 23 : 52;
    constexpr Bits mantissaMask = (Bits(1) << mantissaBits) - 1;
    constexpr Bits bias = (Bits(1) << (sizeof(Float) * 8 - mantissaBits - 2)) - 1;
    Bits bits = Bits(engine());
    uint64_t kind = engine() % 16;
    if (kind < 6) // near 1
      bits =
          (bits & ~(((bias << 1) | 1) << mantissaBits)) | ((bias - 32 + kind * 10) << mantissaBits);
    if (kind == 6)
      bits &= ~(((bias << 1) | 1) << mantissaBits); // subnormal
    if (engine() % 4 == 0)
      bits &= ~(mantissaMask >> (engine() % mantissaBits)); // few bits: exact sums and ties
    if (engine() % 16 == 0)
      bits |= mantissaMask >> (engine() % mantissaBits); // a run of ones: carries
    return std::bit_cast<Float>(bits);
  }
};

} // namespace quern::test

#endif // QUERN_TEST_UNIT_RUNTIME_HOSTED_H
