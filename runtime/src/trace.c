// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --trace=FILE: when each launch, and each chunk of its units, ran and on which thread. The chunks
// are seen by a quern_parallel around the pool's. Row 0 of the trace has the launches, the others
// have one thread each.

#include "src/session.h"
#include "src/sys.h"

enum { TRACED_RUNS = 3, LAUNCH_ROW = 0 };

typedef struct event {
  uint64_t begin, end; // nanoseconds
  int64_t first, last; // units
  uint32_t launch;
  uint32_t thread; // its number in the system; LAUNCH_ROW: all of the launch
} event;

typedef struct trace {
  quern_session *session;
  quern_parallel parallel; // traced_for
  event *events;
  uint64_t capacity;
  uint64_t count;  // of events; grows on all threads
  uint32_t launch; // that runs
  int64_t caller;  // the thread that runs launches
  // Of the launch that runs:
  void (*body)(void *argument, int64_t begin, int64_t end);
  void *argument;
} trace;

static void record(trace *t, uint64_t begin, uint64_t end, int64_t first, int64_t last,
                   uint32_t thread) {
  uint64_t index = __atomic_fetch_add(&t->count, 1, __ATOMIC_RELAXED);
  if (index < t->capacity)
    t->events[index] = (event){begin, end, first, last, t->launch, thread};
}

static void traced_chunk(void *argument, int64_t first, int64_t last) {
  trace *t = argument;
  uint64_t begin = quern_nanoseconds();
  t->body(t->argument, first, last);
  uint64_t end = quern_nanoseconds();
  record(t, begin, end, first, last, (uint32_t)quern_thread_id());
}

static void traced_for(void *context, void (*body)(void *argument, int64_t begin, int64_t end),
                       void *argument, int64_t units, int64_t grain) {
  trace *t = context;
  t->body = body;
  t->argument = argument;
  const quern_parallel *pool = &t->session->parallel;
  pool->parallel_for(pool->context, traced_chunk, t, units, grain);
}

// Every launch is an event, and each of its chunks.
static uint64_t count_events(const quern_entry *entry) {
  uint64_t events = 0;
  for (uint32_t i = 0; i < entry->launch_count; i++) {
    const quern_launch *launch = &entry->launches[i];
    events += 2 + (uint64_t)(launch->units > 0 ? (launch->units - 1) / launch->grain : 0);
  }
  return events;
}

static int run_traced(trace *t) {
  const quern_session *session = t->session;
  quern_step step;
  quern_step_init(&step, session);
  if (session->parallel.parallel_for)
    step.call.parallel = &t->parallel;
  for (int run = 0; run < TRACED_RUNS; run++)
    for (t->launch = 0; t->launch < session->entry->launch_count; t->launch++) {
      const quern_launch *launch = &session->entry->launches[t->launch];
      uint64_t chunks = t->count, begin = quern_nanoseconds();
      quern_status status = quern_step_run(&step, session, t->launch);
      uint64_t end = quern_nanoseconds();
      if (status) {
        quern_put(&t->session->message, quern_status_text(status));
        return 0;
      }
      if (t->count == chunks) // not divided
        record(t, begin, end, 0, launch->units, (uint32_t)t->caller);
      record(t, begin, end, 0, launch->units, LAUNCH_ROW);
    }
  return 1;
}

static void put_event(quern_text *out, const event *e, uint64_t start) {
  quern_put(out, ",\n{\"name\": \"launch ");
  quern_put_unsigned(out, e->launch);
  quern_put(out, "\", \"ph\": \"X\", \"pid\": 1, \"tid\": ");
  quern_put_unsigned(out, e->thread);
  quern_put(out, ", \"ts\": ");
  quern_put_microseconds(out, e->begin - start);
  quern_put(out, ", \"dur\": ");
  quern_put_microseconds(out, e->end - e->begin);
  quern_put(out, ", \"args\": {\"launch\": ");
  quern_put_unsigned(out, e->launch);
  quern_put(out, ", \"first\": ");
  quern_put_signed(out, e->first);
  quern_put(out, ", \"last\": ");
  quern_put_signed(out, e->last);
  quern_put(out, "}}");
}

static void put_trace(const trace *t, quern_text *out) {
  uint64_t count = t->count < t->capacity ? t->count : t->capacity, start = UINT64_MAX;
  for (uint64_t i = 0; i < count; i++)
    start = t->events[i].begin < start ? t->events[i].begin : start;
  quern_put(out, "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n"
                 "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, \"args\": {\"name\": ");
  quern_put_json_string(out, t->session->program->name);
  quern_put(out, "}},\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": 0, "
                 "\"args\": {\"name\": \"launches\"}}");
  for (uint64_t i = 0; i < count; i++)
    put_event(out, &t->events[i], start);
  quern_put(out, "\n]}\n");
}

static int fail(const trace *t, int64_t error) {
  quern_put(&t->session->message, t->session->args.trace);
  quern_put_error(&t->session->message, error);
  return 0;
}

// Under a temporary name first, so that the file under its own name is whole.
static int write_trace(const trace *t) {
  const char *path = t->session->args.trace;
  quern_text temporary, out;
  quern_text_init(&temporary, -1);
  quern_put(&temporary, path);
  quern_put(&temporary, ".");
  quern_put_signed(&temporary, quern_process_id());
  int64_t file = quern_create_in(QUERN_CWD, temporary.data);
  if (file < 0)
    return fail(t, file);
  quern_text_init(&out, file);
  put_trace(t, &out);
  int64_t error = quern_flush(&out), closed = quern_close(file);
  error = error < 0 ? error : closed;
  if (error >= 0)
    error = quern_rename_in(QUERN_CWD, temporary.data, path);
  if (error >= 0)
    return 1;
  quern_remove_in(QUERN_CWD, temporary.data);
  return fail(t, error);
}

int quern_trace(quern_session *session) {
  trace t = {.session = session, .caller = quern_thread_id()};
  t.parallel = (quern_parallel){&t, traced_for};
  t.capacity = TRACED_RUNS * count_events(session->entry);
  t.events = quern_map_memory(t.capacity * sizeof(event), 16);
  if (!t.events) {
    quern_put(&session->message, "out of memory for the trace");
    return 0;
  }
  return run_traced(&t) && write_trace(&t);
}
