// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The command line of an executable artifact.

#ifndef QUERN_ARGS_H
#define QUERN_ARGS_H

#include "src/text.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum quern_mode {
  QUERN_MODE_RUN,
  QUERN_MODE_BENCH,
  QUERN_MODE_SERVE,
  QUERN_MODE_INFO,
  QUERN_MODE_HELP,
} quern_mode;

enum { QUERN_MAX_THREADS = 256 };

typedef struct quern_args {
  quern_mode mode;
  uint32_t threads;       // including the first; 1 unless asked for
  uint64_t iterations;    // of --bench; 0: about a second
  int profile;            // --bench times each launch
  const char *trace;      // the file for a trace of a profile, or null
  int json;               // --bench and --info print JSON
  const char *entry;      // name or number, or null: the first that the inputs fit
  const char *output_dir; // of a run
  char **inputs;          // NAME=FILE, in place of argv's first elements
  uint32_t input_count;
} quern_args;

// Reads argv[1..argc); the inputs it finds are moved to the front of argv. Returns 1, or 0 with
// what is wrong in `message`.
int quern_parse_args(int argc, char **argv, quern_args *args, quern_text *message);

// What --help prints.
extern const char quern_usage[];

#ifdef __cplusplus
}
#endif

#endif // QUERN_ARGS_H
