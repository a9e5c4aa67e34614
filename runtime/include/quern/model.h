// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ABI of a compiled model, version 1: what a program that embeds one needs. Plain C, C++-safe.
//
// A model is one constant object, `quern_program`, and code that reads it. It owns no memory,
// starts no thread and keeps nothing between calls: the caller gives every buffer, and several
// threads may run one program at the same time as long as each brings its own arena, outputs and
// states.
//
// A library artifact exports the functions below under its own prefix (`quern_run` of the model
// `ears` is `ears_run`) and without their first parameter; the header that the compiler writes
// beside the library declares them.

#ifndef QUERN_MODEL_H
#define QUERN_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define QUERN_STATIC_ASSERT(condition, text) static_assert(condition, text)
extern "C" {
#else
#define QUERN_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

// The layout of every structure here and in src/program.h, and the meaning of every number.
#define QUERN_ABI_VERSION 1u

// What a call came to. Zero is success; a failed call has written to no output.
typedef enum quern_status {
  QUERN_OK = 0,
  QUERN_BAD_ABI = 1,             // the program was compiled for another ABI version
  QUERN_MISSING_CPU_FEATURE = 2, // the machine lacks instructions that the program uses
  QUERN_BAD_ENTRY = 3,           // no such entry
  QUERN_NULL_BUFFER = 4,         // a buffer, or the array that lists them, is null
  QUERN_MISALIGNED_BUFFER = 5,   // a buffer does not have its tensor's alignment
  QUERN_WRONG_SIZE = 6,          // a buffer's stated size is not its tensor's
  QUERN_ARENA_TOO_SMALL = 7,     // fewer bytes than quern_arena_bytes
  QUERN_BAD_EXTENT = 8,          // a dynamic extent is negative or past its bound
  QUERN_BAD_INDEX = 9,           // no such state
} quern_status;

// Element types. Sub-byte types are packed, the first element in the lowest bits.
typedef enum quern_type {
  QUERN_INVALID = 0,
  QUERN_F32 = 1,
  QUERN_F16 = 2,
  QUERN_BF16 = 3,
  QUERN_F64 = 4,
  QUERN_BOOL = 5, // one byte, 0 or 1
  QUERN_U8 = 6,
  QUERN_S8 = 7,
  QUERN_U16 = 8,
  QUERN_S16 = 9,
  QUERN_U32 = 10,
  QUERN_S32 = 11,
  QUERN_U64 = 12,
  QUERN_S64 = 13,
  QUERN_F8E4M3FN = 14,
  QUERN_F8E5M2 = 15,
  QUERN_U4 = 16,
  QUERN_S4 = 17,
} quern_type;

// An input or output: dense, row-major, little-endian.
typedef struct quern_tensor {
  const char *name;       // the ONNX tensor's name, UTF-8
  const int64_t *dims;    // rank numbers; the upper bound where the extent is dynamic
  const int32_t *extents; // per dimension the index of its dynamic extent, or -1; null: all static
  uint64_t bytes;         // of the whole buffer, at the upper bounds
  uint32_t type;          // quern_type
  uint32_t rank;          // 0 for a scalar
  uint32_t align;         // of the caller's buffer, in bytes, a power of two
  uint32_t flags;         // 0
  int64_t low;            // integer types: the values the model takes, low..high (an index must
  int64_t high;           //   stay in its table); both 0: any value
} quern_tensor;

// Memory that outlives a call (a key-value cache, a recurrent state): the caller's, one buffer for
// each state of the program, set by quern_reset_state before the first call.
typedef struct quern_state {
  const char *name;
  const unsigned char *initial; // `bytes` bytes, or null for zeros
  uint64_t bytes;
  uint32_t align;
  uint32_t flags; // 0
} quern_state;

// How the caller splits work: calls body(arg, begin, end) so that the calls cover 0..units exactly
// once, in any order, on any threads, each call at most `grain` units, and returns when all are
// done. body uses at most quern_stack_bytes of stack.
typedef struct quern_parallel {
  void *context;
  void (*parallel_for)(void *context, void (*body)(void *arg, int64_t begin, int64_t end),
                       void *arg, int64_t units, int64_t grain);
} quern_parallel;

// One call. Fill with zeros first: what is added later is 0 when absent.
typedef struct quern_call {
  uint32_t struct_bytes;      // sizeof(quern_call)
  uint32_t entry;             // which variant, from 0
  const void *const *inputs;  // in the entry's order
  void *const *outputs;       // in the entry's order
  void *const *states;        // in the program's order; null if it has none
  const int64_t *extents;     // each dynamic extent; null: the upper bounds
  const size_t *input_bytes;  // sizes to check, or null
  const size_t *output_bytes; // sizes to check, or null
  void *arena;                // aligned to quern_arena_align
  size_t arena_bytes;
  const quern_parallel *parallel; // null: all on the calling thread
} quern_call;

// The compiled model (src/program.h); opaque to callers.
typedef struct quern_program quern_program;

// QUERN_OK if this machine can run the program. Call it once, before the first call: a program run
// without it may hit an illegal instruction. QUERN_BAD_ABI or QUERN_MISSING_CPU_FEATURE otherwise.
quern_status quern_check_cpu(const quern_program *program);

// Runs one entry of a program that has no states and no dynamic extents.
quern_status quern_run(const quern_program *program, uint32_t entry, const void *const *inputs,
                       void *const *outputs, void *arena, size_t arena_bytes,
                       const quern_parallel *parallel);

// Runs one entry; all of a call's members. Checks every pointer, alignment and size it is given
// before it computes anything.
quern_status quern_execute(const quern_program *program, const quern_call *call);

// Sets a state's buffer to its initial contents.
quern_status quern_reset_state(const quern_program *program, uint32_t state, void *buffer);

// What an entry takes. Null or 0 where the index is out of range.
uint32_t quern_entry_count(const quern_program *program);
const char *quern_entry_name(const quern_program *program, uint32_t entry);
uint32_t quern_input_count(const quern_program *program, uint32_t entry);
uint32_t quern_output_count(const quern_program *program, uint32_t entry);
const quern_tensor *quern_input(const quern_program *program, uint32_t entry, uint32_t index);
const quern_tensor *quern_output(const quern_program *program, uint32_t entry, uint32_t index);
uint32_t quern_state_count(const quern_program *program);
const quern_state *quern_state_info(const quern_program *program, uint32_t index);

// The arena of one call of the entry, in bytes, and its alignment. Its contents before and after a
// call mean nothing.
size_t quern_arena_bytes(const quern_program *program, uint32_t entry);
size_t quern_arena_align(const quern_program *program, uint32_t entry);

// An upper bound on the stack that a call uses, in bytes.
size_t quern_stack_bytes(const quern_program *program);

// A status in words: lower case, no final period. Never null.
const char *quern_status_text(quern_status status);

QUERN_STATIC_ASSERT(sizeof(void *) == 8, "version 1 of the ABI is for 64-bit machines");
QUERN_STATIC_ASSERT(sizeof(quern_tensor) == 64, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_tensor, bytes) == 24, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_tensor, type) == 32, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_tensor, low) == 48, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_state) == 32, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_parallel) == 16, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_call) == 80, "layout of ABI version 1");
QUERN_STATIC_ASSERT(offsetof(quern_call, arena) == 56, "layout of ABI version 1");

#ifdef __cplusplus
}
#endif

#endif // QUERN_MODEL_H
