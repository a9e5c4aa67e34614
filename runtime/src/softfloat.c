// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating-point functions that LLVM calls where the target has no instruction for them (x86-64
// before FMA and SSE4.1, the portable target). All are correctly rounded, to nearest even, and
// exact about signed zeros, subnormals, infinities and NaN; they assume the default mode.

#include "src/libcall.h"
#include <stdint.h>

#define fmaf QUERN_LIBCALL_NAME(fmaf)
#define fma QUERN_LIBCALL_NAME(fma)

QUERN_LIBCALL float fmaf(float a, float b, float c);
QUERN_LIBCALL double fma(double a, double b, double c);

typedef unsigned __int128 wide;

static inline uint64_t bits_of(double x) {
  union {
    double value;
    uint64_t bits;
  } u = {x};
  return u.bits;
}
static inline double of_bits(uint64_t bits) {
  union {
    uint64_t bits;
    double value;
  } u = {bits};
  return u.value;
}

// The product of two floats is exact in double. The sum is rounded to odd (Boldo and Melquiond,
// "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008),
// so that the second rounding, to float, acts as the only one.
float fmaf(float a, float b, float c) {
  double product = (double)a * b, addend = c, sum = product + addend;
  uint64_t bits = bits_of(sum);
  if ((bits >> 52 & 0x7ff) == 0x7ff)
    return (float)sum;
  // Knuth's TwoSum: sum + error is exactly product + addend.
  double virtual_addend = sum - product;
  double error = (product - (sum - virtual_addend)) + (addend - virtual_addend);
  if (error != 0 && !(bits & 1))
    sum = of_bits((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
  return (float)sum;
}

// A finite non-zero number: mantissa * 2^exponent with the mantissa's top bit at bit 52.
typedef struct unpacked {
  uint64_t mantissa;
  int exponent;
} unpacked;

static unpacked unpack(double x) {
  uint64_t bits = bits_of(x), mantissa = bits & (((uint64_t)1 << 52) - 1);
  int biased = (int)(bits >> 52 & 0x7ff);
  if (biased)
    return (unpacked){mantissa | (uint64_t)1 << 52, biased - 1075};
  int shift = __builtin_clzll(mantissa) - 11;
  return (unpacked){mantissa << shift, -1074 - shift};
}

// x * 2^-shift, what is shifted out kept as a sticky lowest bit.
static wide shift_right_sticky(wide x, int shift) {
  if (shift >= 127)
    return x != 0;
  return x >> shift | ((x & (((wide)1 << shift) - 1)) != 0);
}

static int leading_zeros(wide x) {
  uint64_t high = (uint64_t)(x >> 64);
  return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)x);
}

// magnitude * 2^exponent, rounded once; magnitude is not zero.
static uint64_t round_to_double(wide magnitude, int exponent) {
  int top = 127 - leading_zeros(magnitude) + exponent; // 2^top <= value < 2^(top + 1)
  if (top > 1023)
    return (uint64_t)0x7ff << 52;
  int last = top < -1022 ? -1074 : top - 52; // the weight of the result's lowest bit
  int drop = last - exponent;
  uint64_t mantissa;
  if (drop <= 0) {
    mantissa = (uint64_t)(magnitude << -drop);
  } else if (drop >= 128) {
    mantissa = 0;
  } else {
    wide rest = magnitude & (((wide)1 << drop) - 1), half = (wide)1 << (drop - 1);
    mantissa = (uint64_t)(magnitude >> drop);
    mantissa += rest > half || (rest == half && (mantissa & 1));
  }
  // A carry out of the mantissa moves on into the exponent, up to infinity.
  return top < -1022 ? mantissa : ((uint64_t)(top + 1022) << 52) + mantissa;
}

double fma(double a, double b, double c) {
  const uint64_t infinity = (uint64_t)0x7ff << 52, sign_bit = (uint64_t)1 << 63;
  uint64_t abs_a = bits_of(a) & ~sign_bit, abs_b = bits_of(b) & ~sign_bit;
  uint64_t abs_c = bits_of(c) & ~sign_bit;
  if (abs_a >= infinity || abs_b >= infinity || abs_c > infinity)
    return a * b + c;
  if (abs_c == infinity)
    return c;
  if (!abs_a || !abs_b)
    return a * b + c;
  if (!abs_c)
    return a * b;
  unpacked ua = unpack(a), ub = unpack(b), uc = unpack(c);
  uint64_t product_sign = (bits_of(a) ^ bits_of(b)) & sign_bit, addend_sign = bits_of(c) & sign_bit;
  // Both with their top bits near bit 125: 53 bits and many guard bits, and room for a carry.
  wide product = (wide)ua.mantissa * ub.mantissa << 20, addend = (wide)uc.mantissa << 72;
  int product_exponent = ua.exponent + ub.exponent - 20, addend_exponent = uc.exponent - 72;
  int exponent = product_exponent;
  if (product_exponent > addend_exponent) {
    addend = shift_right_sticky(addend, product_exponent - addend_exponent);
  } else {
    product = shift_right_sticky(product, addend_exponent - product_exponent);
    exponent = addend_exponent;
  }
  if (product_sign == addend_sign)
    return of_bits(product_sign | round_to_double(product + addend, exponent));
  if (product == addend)
    return 0.0;
  if (product > addend)
    return of_bits(product_sign | round_to_double(product - addend, exponent));
  return of_bits(addend_sign | round_to_double(addend - product, exponent));
}
