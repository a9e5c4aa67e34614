// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --profile: where the time of an entry goes. Each launch is called as an entry of its own, in the
// order of the model, so that caches are as warm or cold as they are in a run.

#include "src/session.h"
#include "src/sys.h"

typedef struct profile {
  quern_session *session;
  quern_program program; // the model with the one entry below
  quern_entry entry;     // the entry with one launch
  uint64_t *sums;        // nanoseconds of each launch
  uint64_t runs;
} profile;

// One run, launch by launch. A call's own checks count too: tens of nanoseconds.
static int run_launches(profile *p) {
  const quern_entry *whole = p->session->entry;
  for (uint32_t i = 0; i < whole->launch_count; i++) {
    p->entry.launches = &whole->launches[i];
    uint64_t start = quern_nanoseconds();
    quern_status status = quern_execute(&p->program, &p->session->call);
    p->sums[i] += quern_nanoseconds() - start;
    if (status) {
      quern_put(&p->session->message, quern_status_text(status));
      return 0;
    }
  }
  return 1;
}

static void put_launch(const profile *p, uint32_t index, uint64_t total) {
  quern_text *out = &p->session->output;
  const quern_launch *launch = &p->session->entry->launches[index];
  const int json = p->session->args.json;
  const uint64_t tenths = total ? p->sums[index] * 1000 / total : 0;
  quern_put(out, json ? (index ? ", {\"launch\": " : "{\"launch\": ") : "launch ");
  quern_put_unsigned(out, index);
  quern_put(out, json ? ", \"kernel\": " : " (kernel ");
  quern_put_unsigned(out, launch->kernel);
  quern_put(out, json ? ", \"units\": " : ", units ");
  quern_put_signed(out, launch->units);
  quern_put(out, json ? ", \"grain\": " : ", grain ");
  quern_put_signed(out, launch->grain);
  quern_put(out, json ? ", \"mean_ms\": " : "): ");
  quern_put_milliseconds(out, p->sums[index] / p->runs);
  quern_put(out, json ? ", \"percent\": " : " ms  ");
  quern_put_unsigned(out, tenths / 10);
  quern_put(out, ".");
  quern_put_unsigned(out, tenths % 10);
  quern_put(out, json ? "}" : " %\n");
}

static void report(const profile *p) {
  quern_text *out = &p->session->output;
  const int json = p->session->args.json;
  uint64_t total = 0;
  for (uint32_t i = 0; i < p->session->entry->launch_count; i++)
    total += p->sums[i];
  if (json)
    quern_put(out, "{\"launches\": [");
  for (uint32_t i = 0; i < p->session->entry->launch_count; i++)
    put_launch(p, i, total);
  quern_put(out, json ? "], \"iterations\": " : "all launches, mean of ");
  quern_put_unsigned(out, p->runs);
  quern_put(out, json ? ", \"mean_ms\": " : " runs: ");
  quern_put_milliseconds(out, total / p->runs);
  quern_put(out, json ? "}\n" : " ms\n");
}

int quern_profile(quern_session *session) {
  const uint64_t second = 1000000000, bytes = session->entry->launch_count * sizeof(uint64_t);
  profile p = {session, *session->program, *session->entry, quern_map_memory(bytes, 16), 0};
  if (!p.sums) {
    quern_put(&session->message, "out of memory for the profile");
    return 0;
  }
  p.program.entries = &p.entry;
  p.program.entry_count = 1;
  p.entry.launch_count = 1;
  session->call.entry = 0;
  if (!run_launches(&p)) // warms up
    return 0;
  for (uint32_t i = 0; i < session->entry->launch_count; i++)
    p.sums[i] = 0;
  const uint64_t start = quern_nanoseconds(), wanted = session->args.iterations;
  while (wanted ? p.runs < wanted : p.runs < 5 || quern_nanoseconds() - start < second) {
    if (!run_launches(&p))
      return 0;
    p.runs++;
  }
  report(&p);
  return 1;
}
