// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program says of itself.

#include "src/program.h"

static const quern_entry *entry_of(const quern_program *program, uint32_t entry) {
  return program && entry < program->entry_count ? &program->entries[entry] : 0;
}

uint32_t quern_entry_count(const quern_program *program) {
  return program ? program->entry_count : 0;
}

const char *quern_entry_name(const quern_program *program, uint32_t entry) {
  const quern_entry *found = entry_of(program, entry);
  return found ? found->name : 0;
}

uint32_t quern_input_count(const quern_program *program, uint32_t entry) {
  const quern_entry *found = entry_of(program, entry);
  return found ? found->input_count : 0;
}

uint32_t quern_output_count(const quern_program *program, uint32_t entry) {
  const quern_entry *found = entry_of(program, entry);
  return found ? found->output_count : 0;
}

const quern_tensor *quern_input(const quern_program *program, uint32_t entry, uint32_t index) {
  const quern_entry *found = entry_of(program, entry);
  return found && index < found->input_count ? &program->inputs[found->inputs[index]] : 0;
}

const quern_tensor *quern_output(const quern_program *program, uint32_t entry, uint32_t index) {
  const quern_entry *found = entry_of(program, entry);
  return found && index < found->output_count ? &program->outputs[found->outputs[index]] : 0;
}

uint32_t quern_state_count(const quern_program *program) {
  return program ? program->state_count : 0;
}

const quern_state *quern_state_info(const quern_program *program, uint32_t index) {
  return program && index < program->state_count ? &program->states[index] : 0;
}

size_t quern_arena_bytes(const quern_program *program, uint32_t entry) {
  const quern_entry *found = entry_of(program, entry);
  return found ? found->arena_bytes : 0;
}

size_t quern_arena_align(const quern_program *program, uint32_t entry) {
  const quern_entry *found = entry_of(program, entry);
  return found ? found->arena_align : 0;
}

size_t quern_stack_bytes(const quern_program *program) {
  return program ? program->stack_bytes : 0;
}

const char *quern_status_text(quern_status status) {
  switch (status) {
  case QUERN_OK:
    return "done";
  case QUERN_BAD_ABI:
    return "the model was compiled for another version of the runtime's interface";
  case QUERN_MISSING_CPU_FEATURE:
    return "the machine lacks a CPU feature that the model needs";
  case QUERN_BAD_ENTRY:
    return "the model has no such entry";
  case QUERN_NULL_BUFFER:
    return "a buffer is null";
  case QUERN_MISALIGNED_BUFFER:
    return "a buffer is not aligned as its tensor needs";
  case QUERN_WRONG_SIZE:
    return "a buffer's size is not its tensor's";
  case QUERN_ARENA_TOO_SMALL:
    return "the arena is smaller than the entry needs";
  case QUERN_BAD_EXTENT:
    return "a dynamic extent is negative or larger than its bound";
  case QUERN_BAD_INDEX:
    return "the model has no such state";
  }
  return "unknown status";
}
