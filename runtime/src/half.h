// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions of half and bfloat16 codes, rounding to nearest even.

#ifndef QUERN_HALF_H
#define QUERN_HALF_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint16_t quern_half_of_float(float x);
float quern_float_of_half(uint16_t code);
uint16_t quern_bfloat_of_float(float x);

#ifdef __cplusplus
}
#endif

#endif // QUERN_HALF_H
