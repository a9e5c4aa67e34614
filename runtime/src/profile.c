// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --profile: where the time of an entry goes. Each launch is called as an entry of its own, in the
// order of the model, so that caches are as warm or cold as they are in a run. Times are read from
// the processor's counter, which costs a few nanoseconds, and brought to the clock's at the end;
// what a call itself costs is measured on an entry without launches and taken off.

#include "arch/arch.h"
#include "src/session.h"
#include "src/sys.h"

typedef struct profile {
  quern_session *session;
  quern_step step;
  uint64_t *samples; // ticks of launch i in run r at r * launches + i
  uint64_t *column;  // one launch's, sorted; as long as there are runs
  uint64_t runs;
  uint64_t call_ticks; // of a call without launches
  double nanoseconds_per_tick;
} profile;

// What is reported of a launch, in nanoseconds.
typedef struct summary {
  uint64_t median, least;
} summary;

void quern_step_init(quern_step *step, const quern_session *session) {
  step->program = *session->program;
  step->entry = *session->entry;
  step->call = session->call;
  step->program.entries = &step->entry;
  step->program.entry_count = 1;
  step->entry.launch_count = 1;
  step->call.entry = 0;
}

quern_status quern_step_run(quern_step *step, const quern_session *session, uint32_t index) {
  step->entry.launches = &session->entry->launches[index];
  return quern_execute(&step->program, &step->call);
}

// One run, launch by launch.
static int run_launches(profile *p, uint64_t *ticks) {
  for (uint32_t i = 0; i < p->session->entry->launch_count; i++) {
    uint64_t start = quern_ticks();
    quern_status status = quern_step_run(&p->step, p->session, i);
    ticks[i] = quern_ticks() - start;
    if (status) {
      quern_put(&p->session->message, quern_status_text(status));
      return 0;
    }
  }
  return 1;
}

static void measure_call(profile *p) {
  quern_step empty;
  quern_step_init(&empty, p->session);
  empty.entry.launch_count = 0;
  p->call_ticks = UINT64_MAX;
  for (int i = 0; i < 1000; i++) {
    uint64_t start = quern_ticks();
    quern_execute(&empty.program, &empty.call);
    uint64_t ticks = quern_ticks() - start;
    p->call_ticks = ticks < p->call_ticks ? ticks : p->call_ticks;
  }
}

static summary summarize(const profile *p, uint32_t launch) {
  const uint32_t launches = p->session->entry->launch_count;
  for (uint64_t r = 0; r < p->runs; r++) {
    uint64_t ticks = p->samples[r * launches + launch];
    p->column[r] = ticks > p->call_ticks ? ticks - p->call_ticks : 0;
  }
  quern_sort(p->column, p->runs);
  uint64_t middle = (p->column[(p->runs - 1) / 2] + p->column[p->runs / 2]) / 2;
  return (summary){(uint64_t)((double)middle * p->nanoseconds_per_tick),
                   (uint64_t)((double)p->column[0] * p->nanoseconds_per_tick)};
}

static void put_launch(const profile *p, uint32_t index, summary time, uint64_t total) {
  quern_text *out = &p->session->output;
  const quern_launch *launch = &p->session->entry->launches[index];
  const int json = p->session->args.json;
  const uint64_t tenths = total ? time.median * 1000 / total : 0;
  quern_put(out, json ? (index ? ", {\"launch\": " : "{\"launch\": ") : "launch ");
  quern_put_unsigned(out, index);
  quern_put(out, json ? ", \"kernel\": " : " (kernel ");
  quern_put_unsigned(out, launch->kernel);
  quern_put(out, json ? ", \"units\": " : ", units ");
  quern_put_signed(out, launch->units);
  quern_put(out, json ? ", \"grain\": " : ", grain ");
  quern_put_signed(out, launch->grain);
  quern_put(out, json ? ", \"median_ms\": " : "): ");
  quern_put_milliseconds(out, time.median);
  quern_put(out, json ? ", \"min_ms\": " : " ms, least ");
  quern_put_milliseconds(out, time.least);
  quern_put(out, json ? ", \"percent\": " : " ms  ");
  quern_put_unsigned(out, tenths / 10);
  quern_put(out, ".");
  quern_put_unsigned(out, tenths % 10);
  quern_put(out, json ? "}" : " %\n");
}

static void report(const profile *p) {
  quern_text *out = &p->session->output;
  const int json = p->session->args.json;
  const uint32_t launches = p->session->entry->launch_count;
  uint64_t total = 0;
  for (uint32_t i = 0; i < launches; i++)
    total += summarize(p, i).median;
  if (json)
    quern_put(out, "{\"launches\": [");
  for (uint32_t i = 0; i < launches; i++)
    put_launch(p, i, summarize(p, i), total);
  quern_put(out, json ? "], \"iterations\": " : "all launches, medians of ");
  quern_put_unsigned(out, p->runs);
  quern_put(out, json ? ", \"threads\": " : " runs on ");
  quern_put_unsigned(out, p->session->pool.threads + 1);
  quern_put(out, json ? ", \"median_ms\": " : " threads: ");
  quern_put_milliseconds(out, total);
  quern_put(out, json ? "}\n" : " ms\n");
}

// As many runs as were asked for, or about a second of them.
static uint64_t choose_runs(const profile *p, uint64_t once) {
  const uint64_t second = 1000000000, most = 10000;
  uint64_t runs = p->session->args.iterations;
  if (!runs) {
    runs = second / (once + 1) + 1;
    runs = runs < 5 ? 5 : runs;
  }
  return runs < most ? runs : most;
}

static int allocate(profile *p) {
  const uint64_t launches = p->session->entry->launch_count;
  p->samples = quern_map_memory((p->runs * launches + launches) * sizeof(uint64_t), 16);
  p->column = quern_map_memory(p->runs * sizeof(uint64_t), 16);
  if (p->samples && p->column)
    return 1;
  quern_put(&p->session->message, "out of memory for the profile");
  return 0;
}

int quern_profile(quern_session *session) {
  profile p = {.session = session, .runs = 1};
  quern_step_init(&p.step, session);
  if (!allocate(&p) || !run_launches(&p, p.samples)) // loads pages
    return 0;
  uint64_t start = quern_nanoseconds();
  if (!run_launches(&p, p.samples))
    return 0;
  p.runs = choose_runs(&p, quern_nanoseconds() - start);
  if (!allocate(&p))
    return 0;
  measure_call(&p);
  start = quern_nanoseconds();
  const uint64_t first_tick = quern_ticks();
  for (uint64_t r = 0; r < p.runs; r++)
    if (!run_launches(&p, &p.samples[r * session->entry->launch_count]))
      return 0;
  const uint64_t ticks = quern_ticks() - first_tick;
  p.nanoseconds_per_tick = (double)(quern_nanoseconds() - start) / (double)(ticks + !ticks);
  report(&p);
  return !session->args.trace || quern_trace(session);
}
