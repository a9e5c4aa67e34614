// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Half and bfloat16 conversions, also under the names that LLVM calls on machines without F16C.

#include "src/half.h"
#include "src/libcall.h"

static inline uint32_t bits_of(float x) {
  union {
    float value;
    uint32_t bits;
  } u = {x};
  return u.bits;
}
static inline float of_bits(uint32_t bits) {
  union {
    uint32_t bits;
    float value;
  } u = {bits};
  return u.value;
}

uint16_t quern_half_of_float(float x) {
  uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) // NaN: quiet, the upper payload kept
    return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x1ff));
  if (size >= 0x477ff000) // from 65520 on
    return (uint16_t)(sign | 0x7c00);
  if (size < 0x38800000) {
    // Below 2^-14: the sum's lowest bit weighs 2^-24, as a subnormal half's does.
    float sum = of_bits(size) + 0.5f;
    return (uint16_t)(sign | (bits_of(sum) - 0x3f000000));
  }
  uint32_t odd = size >> 13 & 1;
  return (uint16_t)(sign | (size - 0x38000000 + 0xfff + odd) >> 13);
}

float quern_float_of_half(uint16_t code) {
  uint32_t sign = (uint32_t)(code & 0x8000) << 16, size = code & 0x7fff;
  if (size >= 0x7c00) // a signalling NaN becomes quiet
    return of_bits(sign | 0x7f800000 | size << 13 | (size > 0x7c00 ? 0x400000 : 0));
  if (size >= 0x400)
    return of_bits(sign | ((size << 13) + 0x38000000));
  return of_bits(sign | bits_of((float)size * 0x1p-24f));
}

uint16_t quern_bfloat_of_float(float x) {
  uint32_t bits = bits_of(x);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#ifndef QUERN_HOSTED

// Rounded to odd, so that a second rounding to fewer bits acts as the only one.
static float odd_float_of_double(double x) {
  float near = (float)x;
  uint32_t bits = bits_of(near);
  double back = near;
  if (back == x || x != x || (bits & 1))
    return near;
  return of_bits((back < x) == (near > 0 || (near == 0 && x > 0)) ? bits + 1 : bits - 1);
}

typedef union half_code {
  _Float16 value;
  uint16_t code;
} half_code;
typedef union bfloat_code {
  __bf16 value;
  uint16_t code;
} bfloat_code;

QUERN_LIBCALL float __extendhfsf2(_Float16 x);
QUERN_LIBCALL _Float16 __truncsfhf2(float x);
QUERN_LIBCALL _Float16 __truncdfhf2(double x);
QUERN_LIBCALL __bf16 __truncsfbf2(float x);
QUERN_LIBCALL __bf16 __truncdfbf2(double x);

float __extendhfsf2(_Float16 x) { return quern_float_of_half(((half_code){x}).code); }
_Float16 __truncsfhf2(float x) { return ((half_code){.code = quern_half_of_float(x)}).value; }
_Float16 __truncdfhf2(double x) {
  return ((half_code){.code = quern_half_of_float(odd_float_of_double(x))}).value;
}
__bf16 __truncsfbf2(float x) { return ((bfloat_code){.code = quern_bfloat_of_float(x)}).value; }
__bf16 __truncdfbf2(double x) {
  return ((bfloat_code){.code = quern_bfloat_of_float(odd_float_of_double(x))}).value;
}

#endif // QUERN_HOSTED
