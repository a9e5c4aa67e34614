// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the compiler emits for a GPU beside `quern_program`, and what runs it. On the host such a
// model has one launch, which calls quern_device_run.

#ifndef QUERN_DEVICE_H
#define QUERN_DEVICE_H

#include "src/program.h"
#include "src/text.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  QUERN_DEVICE_ARENA = 0,
  QUERN_DEVICE_SEGMENT = 1, // the weights
  QUERN_DEVICE_INPUT = 2,
  QUERN_DEVICE_OUTPUT = 3,
};

// Where an argument of a kernel lies on the device.
typedef struct quern_device_argument {
  uint32_t space; // QUERN_DEVICE_*
  uint32_t index; // of the input or output
  uint64_t offset;
} quern_device_argument;

// A kernel takes the addresses of its buffers, then the first unit, 0, and one past the last.
typedef struct quern_device_launch {
  const char *kernel;
  const quern_device_argument *arguments;
  uint32_t argument_count;
  uint32_t threads; // of a block
  uint32_t blocks_x, blocks_y;
  int64_t units;
} quern_device_launch;

typedef struct quern_device_program {
  const char *code; // PTX
  const char *chip; // what it was compiled for, in words
  // Compute capability, 10 * major + minor: the least that runs the code or, if `exact`, the one.
  uint32_t capability, exact;
  const quern_device_launch *launches;
  uint64_t arena_bytes;
  uint32_t launch_count, reserved;
} quern_device_program;

extern const quern_device_program quern_linked_device __asm__("quern_device");

QUERN_STATIC_ASSERT(sizeof(quern_device_argument) == 16, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_device_launch) == 40, "layout of ABI version 1");
QUERN_STATIC_ASSERT(sizeof(quern_device_program) == 48, "layout of ABI version 1");

// Finds the driver and a device, uploads the weights and captures the launches as one graph.
// Returns 1, or 0 with the reason in `message`. Executables for CPUs have one that does nothing.
int quern_device_start(const quern_program *program, quern_text *message);

// Copies the inputs to the device, runs the graph, copies the outputs back. An error of the device
// ends the process with status 1 and a message: what the outputs hold then is unknown.
void quern_device_run(const void *const *inputs, void *const *outputs);

// main.c: an executable's work once the process is set up; its exit status.
int quern_main(int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif // QUERN_DEVICE_H
