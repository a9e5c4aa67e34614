// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model written by hand against src/program.h, as the compiler would emit it: entry "main"
// computes y = 2 * x + w over 64 rows and sums table[ids]; it counts its runs in a state. Entry
// "twice" is the same without the table. It takes detours through what LLVM calls by name on a
// baseline x86-64: fmaf, roundevenf, lrintf, conversions of halves. HANDMADE_FEATURES adds CPU
// features it claims to need.

#include "quern/cpu.h"
#include "src/program.h"

#ifndef HANDMADE_FEATURES
#define HANDMADE_FEATURES 0
#endif
#if defined(__x86_64__)
#define HANDMADE_ARCH QUERN_ARCH_X86_64
#else
#define HANDMADE_ARCH QUERN_ARCH_AARCH64
#endif

enum { ROWS = 64, COLUMNS = 48, IDS = 5 };

static _Alignas(64) const float weights[COLUMNS] = {[0] = 0.5f, [1] = -1.0f, [47] = 100.0f};
static _Alignas(64) const int32_t table[10] = {1, 10, 100, 1000, 10000, 7, 7, 7, 7, -1};
static const int32_t first_count = 40;

static void scale(const quern_exec *exec, int64_t begin, int64_t end) {
  const float *x = exec->inputs[0];
  for (int64_t i = begin * COLUMNS; i < end * COLUMNS; i++)
    ((float *)exec->arena)[i] = __builtin_fmaf(2, x[i], 0.0f);
}

static void add(const quern_exec *exec, int64_t begin, int64_t end) {
  const float *scaled = (const float *)exec->arena, *w = (const float *)exec->segments[0];
  float *y = exec->outputs[0];
  for (int64_t row = begin; row < end; row++)
    for (int64_t c = 0; c < COLUMNS; c++)
      y[row * COLUMNS + c] = scaled[row * COLUMNS + c] + (float)(_Float16)w[c];
}

static void gather(const quern_exec *exec, int64_t begin, int64_t end) {
  const int64_t *ids = exec->inputs[1];
  const int32_t *values = (const int32_t *)exec->segments[1];
  int32_t *sum = exec->outputs[1], *runs = exec->states[0];
  *sum = ++*runs * 0;
  for (int64_t i = 0; i < IDS; i++)
    *sum += (int32_t)__builtin_lrintf(__builtin_roundevenf((float)values[ids[i]] + 0.25f));
  *(int32_t *)exec->outputs[2] = *runs;
  (void)begin, (void)end;
}

static const int64_t matrix_dims[] = {ROWS, COLUMNS}, ids_dims[] = {IDS};
static const quern_tensor inputs[] = {
    {"x", matrix_dims, 0, ROWS * COLUMNS * 4, QUERN_F32, 2, 4, 0, 0, 0},
    {"ids", ids_dims, 0, IDS * 8, QUERN_S64, 1, 8, 0, 0, 9},
};
static const quern_tensor outputs[] = {
    {"scope/y:0", matrix_dims, 0, ROWS * COLUMNS * 4, QUERN_F32, 2, 4, 0, 0, 0},
    {"sum", 0, 0, 4, QUERN_S32, 0, 4, 0, 0, 0},
    {"runs", 0, 0, 4, QUERN_S32, 0, 4, 0, 0, 0},
};
static const quern_state states[] = {{"runs", (const unsigned char *)&first_count, 4, 4, 0}};
static const uint32_t indices[] = {0, 1, 2};
static const quern_launch launches[] = {
    {scale, ROWS, 3, 0, 0}, {add, ROWS, 5, 0, 1}, {gather, 1, 1, QUERN_LAUNCH_SERIAL, 2}};
static const quern_entry entries[] = {
    {"main", indices, indices, launches, 2, 3, 3, 0, ROWS * COLUMNS * 4, 64},
    {"twice", indices, indices, launches, 1, 1, 2, 0, ROWS * COLUMNS * 4, 64},
};
static const unsigned char *const segments[] = {(const unsigned char *)weights,
                                                (const unsigned char *)table};
static const uint64_t segment_bytes[] = {sizeof(weights), sizeof(table)};

const quern_program quern_linked_program = {
    .abi_version = QUERN_ABI_VERSION,
    .struct_bytes = sizeof(quern_program),
    .name = "handmade",
    .arch = HANDMADE_ARCH,
    .cpu_features = HANDMADE_FEATURES,
    .inputs = inputs,
    .outputs = outputs,
    .states = states,
    .entries = entries,
    .segments = segments,
    .segment_bytes = segment_bytes,
    .stack_bytes = 4096,
    .input_count = 2,
    .output_count = 3,
    .state_count = 1,
    .entry_count = 2,
    .segment_count = 2,
};
