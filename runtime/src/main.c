// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An executable artifact from its first instruction to its exit status.

#include "arch/arch.h"
#include "quern/cpu.h"
#include "src/device.h"
#include "src/session.h"
#include "src/sys.h"

enum { EXIT_DONE = 0, EXIT_BAD_INPUT = 1, EXIT_USAGE = 2, EXIT_CPU = 3 };

static int fail(quern_session *session, int status) {
  quern_text errors;
  quern_text_init(&errors, QUERN_STDERR);
  quern_put(&errors, "error: ");
  quern_put_bytes(&errors, session->message.data, session->message.used);
  quern_put(&errors, "\n");
  if (status == EXIT_USAGE)
    quern_put(&errors, "note: --help prints the usage\n");
  quern_flush(&errors);
  return status;
}

// The first program of the chain that the machine can run; 0 with the reason if there is none.
static int choose_program(quern_session *session) {
  quern_status status = QUERN_BAD_ABI;
  const quern_program *program = &quern_linked_program, *last = program;
  for (; program; program = program->fallback) {
    status = quern_check_cpu(program);
    if (!status)
      break;
    last = program;
  }
  session->program = program ? program : last;
  if (status == QUERN_MISSING_CPU_FEATURE) {
    quern_put(&session->message, "this machine lacks ");
    quern_put_features(&session->message, last->arch, last->cpu_features & ~quern_cpu_features());
    quern_put(&session->message, ", which the model ");
    quern_put_quoted(&session->message, last->name);
    quern_put(&session->message, " was compiled for");
  } else if (status) {
    quern_put(&session->message, quern_status_text(status));
  }
  return status;
}

static int choose_entry(quern_session *session) {
  const quern_program *program = session->program;
  const char *wanted = session->args.entry;
  uint64_t number = 0;
  for (uint32_t i = 0; i < program->entry_count; i++) {
    session->entry = &program->entries[i];
    if (wanted ? quern_equal(wanted, session->entry->name) : quern_inputs_fit(session))
      return 1;
  }
  if (!wanted && program->entry_count) {
    session->entry = program->entries; // whose error is reported if a file does not fit
    return 1;
  }
  if (wanted && quern_parse_number(wanted, UINT32_MAX, &number) && number < program->entry_count) {
    session->entry = &program->entries[number];
    return 1;
  }
  quern_put(&session->message, "the model has no entry ");
  quern_put_quoted(&session->message, wanted ? wanted : "");
  quern_put(&session->message, "; --info lists them");
  return 0;
}

static int run_once(quern_session *session) {
  quern_status status = quern_execute(session->program, &session->call);
  if (status) {
    quern_put(&session->message, quern_status_text(status));
    return 0;
  }
  return quern_write_outputs(session);
}

// Whether the work is divided for as many threads as are asked for.
static int check_threads(quern_session *session) {
  uint32_t most = session->program->threads_max;
  if (!most || session->args.threads <= most)
    return 1;
  quern_put(&session->message, "expected --threads=1..");
  quern_put_unsigned(&session->message, most);
  quern_put(&session->message, ", found ");
  quern_put_unsigned(&session->message, session->args.threads);
  quern_put(&session->message, "; the model was compiled with --threads-max=");
  quern_put_unsigned(&session->message, most);
  return 0;
}

static int run_mode(quern_session *session) {
  if (!choose_entry(session) || !check_threads(session))
    return EXIT_USAGE;
  if (session->args.threads > 1) {
    quern_pool_start(&session->pool, session->args.threads - 1, session->program->stack_bytes);
    session->parallel = (quern_parallel){&session->pool, quern_pool_for};
  }
  if (!quern_prepare_call(session, session->args.mode != QUERN_MODE_RUN))
    return EXIT_BAD_INPUT;
  int done = session->args.mode == QUERN_MODE_RUN ? run_once(session)
             : session->args.mode == QUERN_MODE_BENCH
                 ? (session->args.profile ? quern_profile(session) : quern_bench(session))
                 : quern_serve(session);
  return done ? EXIT_DONE : EXIT_BAD_INPUT;
}

static int finish(quern_session *session) {
  int64_t error = quern_flush(&session->output);
  if (error >= 0)
    return EXIT_DONE;
  quern_put(&session->message, "cannot write to standard output");
  quern_put_error(&session->message, error);
  return fail(session, EXIT_BAD_INPUT);
}

// Models for a GPU bring their own (cuda.c), and an entry point that sets up the C library first.
__attribute__((weak)) int quern_device_start(const quern_program *program, quern_text *message) {
  (void)program;
  (void)message;
  return 1;
}

int quern_main(int argc, char **argv) {
  quern_session session;
  session.pool.threads = 0;
  quern_text_init(&session.message, -1);
  quern_text_init(&session.output, QUERN_STDOUT);
  if (!quern_parse_args(argc, argv, &session.args, &session.message))
    return fail(&session, EXIT_USAGE);
  if (session.args.mode == QUERN_MODE_HELP) {
    quern_put(&session.output, quern_usage);
    return finish(&session);
  }
  quern_status status = choose_program(&session);
  if (session.args.mode == QUERN_MODE_INFO && status != QUERN_BAD_ABI) {
    quern_info(&session);
    return finish(&session);
  }
  if (status)
    return fail(&session, status == QUERN_BAD_ABI ? EXIT_BAD_INPUT : EXIT_CPU);
  if (!quern_device_start(session.program, &session.message))
    return fail(&session, EXIT_CPU);
  int result = run_mode(&session);
  return result ? fail(&session, result) : finish(&session);
}

// The kernel's stack: argc, argv[argc], null.
__attribute__((noreturn)) static void start(int64_t *stack) {
  quern_exit(quern_main((int)stack[0], (char **)(stack + 1)));
}

__attribute__((naked, noreturn, used, weak)) void _start(void) {
  __asm__(QUERN_START_ASM : : QUERN_START_OPERAND(start));
}
