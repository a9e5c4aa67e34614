// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding to integers where the target has no instruction for it (x86-64 before SSE4.1). rint,
// nearbyint and roundeven are the same here: the mode is round to nearest even.

#include "src/libcall.h"
#include <stdint.h>

// From `limit` on every number is an integer; adding and taking away `limit` rounds what is below.
// Zeros keep their sign.
#define QUERN_DEFINE_ROUNDING(type, suffix, limit)                                                 \
  static inline type even##suffix(type x) {                                                        \
    type size = __builtin_fabs##suffix(x);                                                         \
    if (!(size < limit))                                                                           \
      return x;                                                                                    \
    return __builtin_copysign##suffix((size + limit) - limit, x);                                  \
  }                                                                                                \
  static inline type toward_zero##suffix(type x) {                                                 \
    type size = __builtin_fabs##suffix(x), near = even##suffix(size);                              \
    return __builtin_copysign##suffix(near > size ? near - 1 : near, x);                           \
  }                                                                                                \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(rint##suffix)(type x);                                     \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(nearbyint##suffix)(type x);                                \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(roundeven##suffix)(type x);                                \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(trunc##suffix)(type x);                                    \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(floor##suffix)(type x);                                    \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(ceil##suffix)(type x);                                     \
  QUERN_LIBCALL type QUERN_LIBCALL_NAME(round##suffix)(type x);                                    \
  QUERN_LIBCALL long QUERN_LIBCALL_NAME(lrint##suffix)(type x);                                    \
  QUERN_LIBCALL long long QUERN_LIBCALL_NAME(llrint##suffix)(type x);                              \
  type QUERN_LIBCALL_NAME(rint##suffix)(type x) { return even##suffix(x); }                        \
  type QUERN_LIBCALL_NAME(nearbyint##suffix)(type x) { return even##suffix(x); }                   \
  type QUERN_LIBCALL_NAME(roundeven##suffix)(type x) { return even##suffix(x); }                   \
  type QUERN_LIBCALL_NAME(trunc##suffix)(type x) { return toward_zero##suffix(x); }                \
  type QUERN_LIBCALL_NAME(floor##suffix)(type x) {                                                 \
    type near = even##suffix(x);                                                                   \
    return near > x ? near - 1 : near;                                                             \
  }                                                                                                \
  type QUERN_LIBCALL_NAME(ceil##suffix)(type x) {                                                  \
    type near = even##suffix(x);                                                                   \
    return near < x ? __builtin_copysign##suffix(near + 1, x) : near;                              \
  }                                                                                                \
  type QUERN_LIBCALL_NAME(round##suffix)(type x) {                                                 \
    type whole = toward_zero##suffix(x);                                                           \
    type rest = __builtin_fabs##suffix(x - whole);                                                 \
    return rest >= (type)0.5 ? whole + __builtin_copysign##suffix((type)1, x) : whole;             \
  }                                                                                                \
  long QUERN_LIBCALL_NAME(lrint##suffix)(type x) {                                                 \
    type near = even##suffix(x);                                                                   \
    return near >= -0x1p63##suffix && near < 0x1p63##suffix ? (long)near : INT64_MIN;              \
  }                                                                                                \
  long long QUERN_LIBCALL_NAME(llrint##suffix)(type x) {                                           \
    return QUERN_LIBCALL_NAME(lrint##suffix)(x);                                                   \
  }

QUERN_DEFINE_ROUNDING(float, f, 0x1p23f)
QUERN_DEFINE_ROUNDING(double, , 0x1p52)
