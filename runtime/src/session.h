// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One executable at work: its model, what the command line asked for, and the memory of a call.

#ifndef QUERN_SESSION_H
#define QUERN_SESSION_H

#include "src/args.h"
#include "src/pool.h"
#include "src/program.h"

typedef struct quern_session {
  const quern_program *program;
  const quern_entry *entry;
  quern_args args;
  const void **inputs;
  void **outputs;
  void **states;
  quern_call call;
  quern_pool pool;
  quern_parallel parallel;
  quern_text message; // what went wrong
  quern_text output;  // standard output
} quern_session;

// All return 1, or 0 with the reason in session->message.

// tensors.c: maps or makes the inputs, the outputs, the states and the arena. A missing input is
// an error unless `fill`; then it gets a pattern.
int quern_prepare_call(quern_session *session, int fill);
int quern_inputs_fit(const quern_session *session);
// outputs.c: writes every output to --output-dir: all of them or none.
int quern_write_outputs(quern_session *session);
// bench.c
int quern_bench(quern_session *session);
int quern_serve(quern_session *session);
// Ascending, in place.
void quern_sort(uint64_t *values, uint64_t count);
// profile.c: the time of each launch of an entry, over about a second.
int quern_profile(quern_session *session);

// An entry of one launch, so that launches can be run one by one as parts of the same call.
typedef struct quern_step {
  quern_program program; // the session's, with the one entry below
  quern_entry entry;     // the session's, with one launch
  quern_call call;
} quern_step;
void quern_step_init(quern_step *step, const quern_session *session);
// Runs launch `index` of the session's entry.
quern_status quern_step_run(quern_step *step, const quern_session *session, uint32_t index);

// trace.c: runs the entry a few times and writes to --trace=FILE when each launch and each chunk
// of it ran and on which thread, in Chrome's JSON format.
int quern_trace(quern_session *session);
// info.c: to session->output.
void quern_info(quern_session *session);
const char *quern_type_name(uint32_t type);
// The CPU features of `bits` by name, separated by ", ".
void quern_put_features(quern_text *text, uint32_t arch, uint64_t bits);

// pattern.c: the same values for the same tensor and seed on every machine: -1..1 for floats, the
// whole range of an 8-bit type, low..high where the tensor has one, otherwise 0 or 1.
void quern_fill_pattern(const quern_tensor *tensor, uint64_t seed, void *data);

#endif // QUERN_SESSION_H
