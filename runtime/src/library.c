// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of a library artifact. The compiler renames `quern_api_X` to `<prefix>_X` and
// keeps everything else inside.

#include "src/program.h"

#define API __attribute__((used, visibility("default")))

// The first program of the chain that this machine can run, else the last. Asking the CPU is slow,
// so the answer is kept; threads that ask at the same time find the same one.
API const quern_program *quern_api_program(void) {
  static const quern_program *chosen;
  const quern_program *program = __atomic_load_n(&chosen, __ATOMIC_RELAXED);
  if (program)
    return program;
  for (program = &quern_linked_program; program->fallback; program = program->fallback)
    if (quern_check_cpu(program) != QUERN_MISSING_CPU_FEATURE)
      break;
  __atomic_store_n(&chosen, program, __ATOMIC_RELAXED);
  return program;
}

API quern_status quern_api_check_cpu(void) { return quern_check_cpu(quern_api_program()); }

API quern_status quern_api_run(uint32_t entry, const void *const *inputs, void *const *outputs,
                               void *arena, size_t arena_bytes, const quern_parallel *parallel) {
  return quern_run(quern_api_program(), entry, inputs, outputs, arena, arena_bytes, parallel);
}

API quern_status quern_api_execute(const quern_call *call) {
  return quern_execute(quern_api_program(), call);
}

API quern_status quern_api_reset_state(uint32_t state, void *buffer) {
  return quern_reset_state(quern_api_program(), state, buffer);
}

API uint32_t quern_api_entry_count(void) { return quern_entry_count(quern_api_program()); }
API const char *quern_api_entry_name(uint32_t entry) {
  return quern_entry_name(quern_api_program(), entry);
}
API uint32_t quern_api_input_count(uint32_t entry) {
  return quern_input_count(quern_api_program(), entry);
}
API uint32_t quern_api_output_count(uint32_t entry) {
  return quern_output_count(quern_api_program(), entry);
}
API const quern_tensor *quern_api_input(uint32_t entry, uint32_t index) {
  return quern_input(quern_api_program(), entry, index);
}
API const quern_tensor *quern_api_output(uint32_t entry, uint32_t index) {
  return quern_output(quern_api_program(), entry, index);
}
API uint32_t quern_api_state_count(void) { return quern_state_count(quern_api_program()); }
API const quern_state *quern_api_state_info(uint32_t index) {
  return quern_state_info(quern_api_program(), index);
}
API size_t quern_api_arena_bytes(uint32_t entry) {
  return quern_arena_bytes(quern_api_program(), entry);
}
API size_t quern_api_arena_align(uint32_t entry) {
  return quern_arena_align(quern_api_program(), entry);
}
API size_t quern_api_stack_bytes(void) { return quern_stack_bytes(quern_api_program()); }
API const char *quern_api_status_text(quern_status status) { return quern_status_text(status); }
