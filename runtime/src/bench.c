// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --bench and --serve: latencies of whole calls on the wall clock.

#include "src/session.h"
#include "src/sys.h"

// One call; its nanoseconds, or 0 after a failure.
static int timed_call(quern_session *session, uint64_t *nanoseconds) {
  uint64_t start = quern_nanoseconds();
  quern_status status = quern_execute(session->program, &session->call);
  *nanoseconds = quern_nanoseconds() - start;
  if (status)
    quern_put(&session->message, quern_status_text(status));
  return !status;
}

static void sift_down(uint64_t *values, uint64_t root, uint64_t count) {
  for (uint64_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && values[child + 1] > values[child])
      child++;
    if (values[root] >= values[child])
      return;
    uint64_t value = values[root];
    values[root] = values[child];
    values[child] = value;
  }
}

// Heap sort: no recursion and no more memory, however many runs.
void quern_sort(uint64_t *values, uint64_t count) {
  for (uint64_t i = count / 2; i-- > 0;)
    sift_down(values, i, count);
  for (uint64_t i = count; i-- > 1;) {
    uint64_t largest = values[0];
    values[0] = values[i];
    values[i] = largest;
    sift_down(values, 0, i);
  }
}

// Runs until the weights and the arena are in place: a tenth of a second, at least twice.
static int warm_up(quern_session *session, uint64_t *least) {
  const uint64_t enough = 100000000;
  uint64_t sum = 0;
  *least = UINT64_MAX;
  for (int i = 0; i < 1000 && (i < 2 || sum < enough); i++) {
    uint64_t once;
    if (!timed_call(session, &once))
      return 0;
    sum += once;
    *least = once < *least ? once : *least;
  }
  return 1;
}

static void put_number(quern_text *out, int json, const char *name, uint64_t nanoseconds) {
  quern_put(out, json ? ", \"" : "  ");
  quern_put(out, name);
  quern_put(out, json ? "_ms\": " : " ");
  quern_put_milliseconds(out, nanoseconds);
  quern_put(out, json ? "" : " ms");
}

static void report(quern_session *session, uint64_t *times, uint64_t count) {
  quern_text *out = &session->output;
  int json = session->args.json;
  uint64_t sum = 0;
  for (uint64_t i = 0; i < count; i++)
    sum += times[i];
  quern_sort(times, count);
  quern_put(out, json ? "{\"model\": " : "");
  (json ? quern_put_json_string : quern_put)(out, session->program->name);
  quern_put(out, json ? ", \"iterations\": " : ": ");
  quern_put_unsigned(out, count);
  quern_put(out, json ? ", \"threads\": " : " runs on ");
  quern_put_unsigned(out, session->pool.threads + 1);
  quern_put(out, json ? "" : " threads:");
  put_number(out, json, "min", times[0]);
  put_number(out, json, "median", (times[(count - 1) / 2] + times[count / 2]) / 2);
  put_number(out, json, "mean", sum / count);
  put_number(out, json, "max", times[count - 1]);
  quern_put(out, json ? "}\n" : "\n");
}

static uint64_t *map_times(quern_session *session, uint64_t count) {
  uint64_t *times = quern_map_memory(count * sizeof(uint64_t), 16);
  if (!times)
    quern_put(&session->message, "out of memory for the latencies");
  return times;
}

int quern_bench(quern_session *session) {
  const uint64_t second = 1000000000, most = 1000000;
  uint64_t count = session->args.iterations, least;
  if (!warm_up(session, &least))
    return 0;
  if (!count) {
    count = second / (least + 1) + 1;
    count = count < 5 ? 5 : count > most ? most : count;
  }
  uint64_t *times = map_times(session, count);
  if (!times)
    return 0;
  for (uint64_t i = 0; i < count; i++)
    if (!timed_call(session, &times[i]))
      return 0;
  report(session, times, count);
  return 1;
}

// One line of standard input without its end: 1; 0 at the end of the input; -1 for a line that is
// too long or an error.
static int read_line(char *line, size_t capacity) {
  static char buffer[512];
  static size_t next, filled;
  size_t length = 0;
  for (;;) {
    if (next == filled) {
      int64_t got = quern_read(QUERN_STDIN, buffer, sizeof(buffer));
      if (got <= 0)
        return got < 0 ? -1 : length > 0;
      next = 0;
      filled = (size_t)got;
    }
    char c = buffer[next++];
    if (c == '\n')
      return 1;
    if (length + 1 == capacity)
      return -1;
    line[length++] = c;
    line[length] = 0;
  }
}

static int answer(quern_session *session, uint64_t count) {
  quern_text *out = &session->output;
  uint64_t once;
  for (uint64_t i = 0; i < count; i++) {
    if (!timed_call(session, &once))
      return 0;
    quern_put(out, i ? " " : "");
    quern_put_unsigned(out, once);
  }
  quern_put(out, "\n");
  return quern_flush(out) >= 0;
}

int quern_serve(quern_session *session) {
  const uint64_t most = 10000000;
  char line[32] = "";
  uint64_t count;
  int got;
  if (!timed_call(session, &count)) // loads pages and wakes the threads
    return 0;
  quern_put(&session->output, "ready\n");
  if (quern_flush(&session->output) < 0)
    return 1; // main reports it
  while ((got = read_line(line, sizeof(line))) > 0) {
    if (!quern_parse_number(line, most, &count)) {
      quern_put(&session->message, "expected a line with a number of runs, 0..10000000, found ");
      quern_put_quoted(&session->message, line);
      return 0;
    }
    if (!answer(session, count))
      return session->output.error < 0;
    line[0] = 0;
  }
  if (got < 0)
    quern_put(&session->message, "cannot read a number of runs from standard input");
  return got == 0;
}
