// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See args.h.

#include "src/args.h"

const char quern_usage[] =
    "usage: MODEL --input NAME=FILE.npy [--input ...] --output-dir DIR   run once\n"
    "       MODEL --bench[=N]    time N runs, or about a second of them\n"
    "       MODEL --serve        print 'ready'; answer each line N with N latencies in ns\n"
    "       MODEL --info         what the model takes, gives and needs\n"
    "       MODEL --profile      as --bench, launch by launch; --trace=FILE also writes when each\n"
    "                            chunk ran, as JSON for Perfetto or chrome://tracing\n"
    "options: --threads=N  --json (with --bench, --info, --profile)\n"
    "         --entry=NAME or number; else the first entry that the inputs fit\n"
    "An input that --bench or --serve is not given is filled with a fixed pattern.\n"
    "exit status: 0 done, 1 bad input, 2 wrong usage, 3 a CPU feature is missing\n";

typedef struct state {
  char **argv;
  int argc, next; // the argument that is read next
  int has_mode;
  quern_args *args;
  quern_text *message;
} state;

static int complain(state *s, const char *text, const char *argument) {
  quern_put(s->message, text);
  if (argument)
    quern_put_quoted(s->message, argument);
  return 0;
}

// The value of `--name=VALUE` or `--name VALUE`: 1 and the value, 0 if `argument` is another
// option, -1 if the value is missing.
static int take_value(state *s, const char *argument, const char *name, const char **value) {
  const char *rest = quern_after_prefix(argument, name);
  if (!rest || (*rest && *rest != '='))
    return 0;
  if (*rest == '=') {
    *value = rest + 1;
    return 1;
  }
  if (s->next == s->argc) {
    complain(s, "expected a value after ", name);
    return -1;
  }
  *value = s->argv[s->next++];
  return 1;
}

static int set_mode(state *s, quern_mode mode) {
  if (s->has_mode && s->args->mode != mode)
    return complain(s, "--output-dir, --bench, --serve, --info and --help exclude each other", 0);
  s->has_mode = 1;
  s->args->mode = mode;
  return 1;
}

static int set_value(state *s, int option, const char *value) {
  uint64_t number = 0;
  switch (option) {
  case 0:
    s->args->inputs[s->args->input_count++] = (char *)value;
    return 1;
  case 1:
    if (!*value)
      return complain(s, "expected a folder after --output-dir", 0);
    s->args->output_dir = value;
    return set_mode(s, QUERN_MODE_RUN);
  case 2:
    if (!quern_parse_number(value, QUERN_MAX_THREADS, &number) || !number)
      return complain(s, "expected --threads=1..256, found ", value);
    s->args->threads = (uint32_t)number;
    return 1;
  case 3:
    s->args->entry = value;
    return 1;
  default:
    if (!*value)
      return complain(s, "expected a file after --trace", 0);
    s->args->trace = value;
    return (s->args->profile = 1) && set_mode(s, QUERN_MODE_BENCH);
  }
}

static int read_bench(state *s, const char *rest) {
  const uint64_t most = 10000000;
  if (*rest == '=' &&
      (!quern_parse_number(rest + 1, most, &s->args->iterations) || !s->args->iterations))
    return complain(s, "expected --bench=1..10000000, found ", rest + 1);
  return set_mode(s, QUERN_MODE_BENCH);
}

static int read_option(state *s, const char *argument) {
  static const char *const with_value[] = {"--input", "--output-dir", "--threads", "--entry",
                                           "--trace"};
  for (int i = 0; i < 5; i++) {
    const char *value = 0;
    int found = take_value(s, argument, with_value[i], &value);
    if (found)
      return found > 0 && set_value(s, i, value);
  }
  const char *rest = quern_after_prefix(argument, "--bench");
  if (rest && (!*rest || *rest == '='))
    return read_bench(s, rest);
  if (quern_equal(argument, "--profile"))
    return (s->args->profile = 1) && set_mode(s, QUERN_MODE_BENCH);
  if (quern_equal(argument, "--serve"))
    return set_mode(s, QUERN_MODE_SERVE);
  if (quern_equal(argument, "--info"))
    return set_mode(s, QUERN_MODE_INFO);
  if (quern_equal(argument, "--help") || quern_equal(argument, "-h"))
    return set_mode(s, QUERN_MODE_HELP);
  if (quern_equal(argument, "--json"))
    return s->args->json = 1;
  return complain(s, "unknown argument ", argument);
}

int quern_parse_args(int argc, char **argv, quern_args *args, quern_text *message) {
  *args = (quern_args){.mode = QUERN_MODE_RUN, .threads = 1, .inputs = argv};
  state s = {argv, argc, 1, 0, args, message};
  while (s.next < argc) {
    const char *argument = argv[s.next++];
    if (!read_option(&s, argument))
      return 0;
  }
  if (!s.has_mode)
    return complain(&s, "expected --output-dir, --bench, --serve, --info or --help", 0);
  return 1;
}
