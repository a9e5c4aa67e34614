// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs for --bench and --serve when no file is given.

#include "src/half.h"
#include "src/session.h"

// splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// A multiple of 2^-23 in -1..1: exact in float.
static float random_unit(uint64_t *state) {
  return (float)((int64_t)(next_random(state) >> 40) - (1 << 23)) * 0x1p-23f;
}

static uint32_t bytes_of_integer(uint32_t type) {
  switch (type) {
  case QUERN_U16:
  case QUERN_S16:
    return 2;
  case QUERN_U32:
  case QUERN_S32:
    return 4;
  case QUERN_U64:
  case QUERN_S64:
    return 8;
  default:
    return 1;
  }
}

static int64_t random_integer(const quern_tensor *tensor, uint32_t bytes, uint64_t *state) {
  uint64_t random = next_random(state);
  if (tensor->low < tensor->high) {
    uint64_t count = (uint64_t)tensor->high - (uint64_t)tensor->low + 1;
    return (int64_t)((uint64_t)tensor->low + (count ? random % count : random));
  }
  if (tensor->type == QUERN_F8E4M3FN || tensor->type == QUERN_F8E5M2)
    return (int64_t)(random & 0xb7); // below 2 in size: neither NaN nor infinity
  return (int64_t)(bytes == 1 && tensor->type != QUERN_BOOL ? random >> 56 : random >> 63);
}

void quern_fill_pattern(const quern_tensor *tensor, uint64_t seed, void *data) {
  uint64_t state = seed;
  uint32_t bytes = bytes_of_integer(tensor->type);
  switch (tensor->type) {
  case QUERN_F32:
    for (uint64_t i = 0; i < tensor->bytes / 4; i++)
      ((float *)data)[i] = random_unit(&state);
    return;
  case QUERN_F64:
    for (uint64_t i = 0; i < tensor->bytes / 8; i++)
      ((double *)data)[i] = random_unit(&state);
    return;
  case QUERN_F16:
  case QUERN_BF16:
    for (uint64_t i = 0; i < tensor->bytes / 2; i++) {
      float x = random_unit(&state);
      ((uint16_t *)data)[i] =
          tensor->type == QUERN_F16 ? quern_half_of_float(x) : quern_bfloat_of_float(x);
    }
    return;
  default:
    break;
  }
  for (uint64_t i = 0; i + bytes <= tensor->bytes; i += bytes) {
    int64_t value = random_integer(tensor, bytes, &state);
    for (uint32_t b = 0; b < bytes; b++)
      ((unsigned char *)data)[i + b] = (unsigned char)((uint64_t)value >> 8 * b);
  }
}
