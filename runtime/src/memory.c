// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// memcpy and its family, for sizes that are known only at run time: short ones by a pair of
// overlapping moves, the rest by the architecture's block instruction.

#include "arch/arch.h"
#include "src/libcall.h"

#define memcpy QUERN_LIBCALL_NAME(memcpy)
#define memmove QUERN_LIBCALL_NAME(memmove)
#define memset QUERN_LIBCALL_NAME(memset)
#define memcmp QUERN_LIBCALL_NAME(memcmp)
#define bcmp QUERN_LIBCALL_NAME(bcmp)

QUERN_LIBCALL void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
QUERN_LIBCALL void *memmove(void *to, const void *from, size_t bytes);
QUERN_LIBCALL void *memset(void *to, int value, size_t bytes);
QUERN_LIBCALL int memcmp(const void *a, const void *b, size_t bytes);
QUERN_LIBCALL int bcmp(const void *a, const void *b, size_t bytes);

typedef uint64_t word __attribute__((aligned(1), may_alias));
typedef uint64_t pair __attribute__((vector_size(16), aligned(1), may_alias));

// Up to 32 bytes; reads all before it writes, so the ranges may overlap.
static inline void copy_short(unsigned char *to, const unsigned char *from, size_t bytes) {
  if (bytes >= 16) {
    pair head = *(const pair *)from, tail = *(const pair *)(from + bytes - 16);
    *(pair *)to = head;
    *(pair *)(to + bytes - 16) = tail;
  } else if (bytes >= 8) {
    word head = *(const word *)from, tail = *(const word *)(from + bytes - 8);
    *(word *)to = head;
    *(word *)(to + bytes - 8) = tail;
  } else {
    unsigned char all[7];
    for (size_t i = 0; i < bytes; i++)
      all[i] = from[i];
    for (size_t i = 0; i < bytes; i++)
      to[i] = all[i];
  }
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  if (bytes <= 32)
    copy_short(to, from, bytes);
  else
    quern_copy_up(to, from, bytes);
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  unsigned char *t = to;
  const unsigned char *f = from;
  if (bytes <= 32) {
    copy_short(t, f, bytes);
  } else if ((uintptr_t)t - (uintptr_t)f >= bytes) {
    quern_copy_up(t, f, bytes);
  } else {
    for (; bytes >= 16; bytes -= 16)
      *(pair *)(t + bytes - 16) = *(const pair *)(f + bytes - 16);
    copy_short(t, f, bytes);
  }
  return to;
}

void *memset(void *to, int value, size_t bytes) {
  quern_fill(to, value, bytes);
  return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
  const unsigned char *x = a, *y = b;
  for (; bytes >= 8 && *(const word *)x == *(const word *)y; bytes -= 8)
    x += 8, y += 8;
  for (; bytes; bytes--, x++, y++)
    if (*x != *y)
      return *x < *y ? -1 : 1;
  return 0;
}

int bcmp(const void *a, const void *b, size_t bytes) { return memcmp(a, b, bytes); }
