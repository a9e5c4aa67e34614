// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler emits and the runtime reads: ABI version 1 between generated code and runtime.
// The compiler writes these structures as LLVM constants; every one is made of 8-byte fields, or
// of 4-byte fields in pairs, in the order given here. Counts are 32-bit, each beside its partner.

#ifndef QUERN_PROGRAM_H
#define QUERN_PROGRAM_H

#include "quern/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a launch sees of its call. Filled by the runtime; constant while a launch runs.
typedef struct quern_exec {
  unsigned char *arena;                 // aligned to the entry's arena_align
  const unsigned char *const *segments; // the bases of the program's weight segments
  const void *const *inputs;            // the caller's buffers, in the entry's order
  void *const *outputs;                 // likewise
  void *const *states;                  // in the program's order
  const int64_t *extents;               // this call's dynamic extents; never past their bounds
  const struct quern_program *program;
} quern_exec;

// The work of a launch: units begin <= i < end. The function computes its pointers from `exec`,
// writes what no other unit reads or writes, and returns. Units run in any order and on any
// threads. Floating point is in the default mode (round to nearest even, subnormals kept).
typedef void (*quern_launch_fn)(const quern_exec *exec, int64_t begin, int64_t end);

enum {
  QUERN_LAUNCH_SERIAL = 1, // one call with 0..units on the calling thread
};

// One step of an entry. A launch begins when the one before it is done.
typedef struct quern_launch {
  quern_launch_fn fn;
  int64_t units;   // >= 0; at the upper bounds where extents are dynamic: fn skips what is absent
  int64_t grain;   // >= 1: units handed out at a time
  uint32_t flags;  // QUERN_LAUNCH_*
  uint32_t kernel; // index into the metadata's list of kernels
} quern_launch;

// One variant of the model: a shape, or a phase such as prefill and decode.
typedef struct quern_entry {
  const char *name;
  const uint32_t *inputs;  // indices into the program's inputs
  const uint32_t *outputs; // indices into the program's outputs
  const quern_launch *launches;
  uint32_t input_count;
  uint32_t output_count;
  uint32_t launch_count;
  uint32_t flags; // 0
  uint64_t arena_bytes;
  uint64_t arena_align; // a power of two, 64 as a rule
} quern_entry;

// The model. Everything it points to is constant and in the same artifact.
struct quern_program {
  uint32_t abi_version;  // QUERN_ABI_VERSION
  uint32_t struct_bytes; // sizeof(quern_program)
  const char *name;
  uint32_t arch;              // quern_arch
  uint32_t threads_max;       // threads that the work is divided for; 0: any number
  uint64_t cpu_features;      // required: bits of quern/cpu.h for arch
  const quern_tensor *inputs; // of all entries
  const quern_tensor *outputs;
  const quern_state *states;
  const quern_entry *entries;
  const unsigned char *const *segments; // weights: the base of each segment, aligned to 64
  const uint64_t *segment_bytes;        // and its size
  const int64_t *extent_bounds;         // the upper bound of each dynamic extent
  const unsigned char *metadata;        // a FlatBuffer, schema/package.fbs
  uint64_t metadata_bytes;
  uint64_t stack_bytes;                 // the most that any launch uses
  const struct quern_program *fallback; // tried when the machine lacks cpu_features; or null
  uint32_t input_count;
  uint32_t output_count;
  uint32_t state_count;
  uint32_t entry_count;
  uint32_t segment_count;
  uint32_t extent_count;
};

// The model of an executable or a library: the compiler emits it as the symbol `quern_program`.
extern const struct quern_program quern_linked_program __asm__("quern_program");

QUERN_STATIC_ASSERT(sizeof(quern_exec) == 56, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_launch) == 32, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_entry) == 64, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_entry, input_count) == 32, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_entry, arena_bytes) == 48, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_program) == 144, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_program, cpu_features) == 24, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_program, segments) == 64, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_program, fallback) == 112, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_program, input_count) == 120, "layout of ABI version 1");

#ifdef __cplusplus
}
#endif

#endif // QUERN_PROGRAM_H
