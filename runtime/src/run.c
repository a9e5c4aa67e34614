// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs one entry of a program: checks what the caller gave, then its launches in order.

#include "arch/arch.h"
#include "src/program.h"

static int is_aligned(const void *pointer, uint64_t align) {
  return align == 0 || ((uintptr_t)pointer & (align - 1)) == 0;
}

static quern_status check_buffer(const void *buffer, uint64_t bytes, uint64_t align) {
  if (!buffer)
    return bytes ? QUERN_NULL_BUFFER : QUERN_OK;
  return is_aligned(buffer, align) ? QUERN_OK : QUERN_MISALIGNED_BUFFER;
}

// The entry's inputs, or its outputs: `indices` picks them out of `tensors`.
static quern_status check_tensors(const quern_tensor *tensors, const uint32_t *indices,
                                  uint32_t count, const void *const *buffers, const size_t *sizes) {
  if (count && !buffers)
    return QUERN_NULL_BUFFER;
  for (uint32_t i = 0; i < count; i++) {
    const quern_tensor *tensor = &tensors[indices[i]];
    quern_status status = check_buffer(buffers[i], tensor->bytes, tensor->align);
    if (status)
      return status;
    if (sizes && sizes[i] != tensor->bytes)
      return QUERN_WRONG_SIZE;
  }
  return QUERN_OK;
}

static quern_status check_states(const quern_program *program, void *const *states) {
  if (program->state_count && !states)
    return QUERN_NULL_BUFFER;
  for (uint32_t i = 0; i < program->state_count; i++) {
    const quern_state *state = &program->states[i];
    quern_status status = check_buffer(states[i], state->bytes, state->align);
    if (status)
      return status;
  }
  return QUERN_OK;
}

static quern_status check_call(const quern_program *program, const quern_call *call) {
  if (!program || program->abi_version != QUERN_ABI_VERSION || !call ||
      call->struct_bytes < sizeof(quern_call))
    return QUERN_BAD_ABI;
  if (call->entry >= program->entry_count)
    return QUERN_BAD_ENTRY;
  const quern_entry *entry = &program->entries[call->entry];
  quern_status status = check_tensors(program->inputs, entry->inputs, entry->input_count,
                                      call->inputs, call->input_bytes);
  if (!status)
    status = check_tensors(program->outputs, entry->outputs, entry->output_count,
                           (const void *const *)call->outputs, call->output_bytes);
  if (!status)
    status = check_states(program, call->states);
  if (!status)
    status = check_buffer(call->arena, entry->arena_bytes, entry->arena_align);
  if (status)
    return status;
  if (call->arena_bytes < entry->arena_bytes)
    return QUERN_ARENA_TOO_SMALL;
  if (call->extents)
    for (uint32_t i = 0; i < program->extent_count; i++)
      if (call->extents[i] < 0 || call->extents[i] > program->extent_bounds[i])
        return QUERN_BAD_EXTENT;
  return QUERN_OK;
}

typedef struct chunk_argument {
  quern_launch_fn fn;
  const quern_exec *exec;
} chunk_argument;

// The caller's threads may flush subnormals; results must not depend on it.
static void run_chunk(void *argument, int64_t begin, int64_t end) {
  const chunk_argument *chunk = argument;
  uint32_t mode = quern_fp_mode();
  if (mode != QUERN_FP_DEFAULT)
    quern_set_fp_mode(QUERN_FP_DEFAULT);
  chunk->fn(chunk->exec, begin, end);
  if (mode != QUERN_FP_DEFAULT)
    quern_set_fp_mode(mode);
}

static void run_launch(const quern_launch *launch, const quern_exec *exec,
                       const quern_parallel *parallel) {
  chunk_argument argument = {launch->fn, exec};
  if (launch->units <= 0)
    return;
  if (!parallel || !parallel->parallel_for || launch->units <= launch->grain ||
      (launch->flags & QUERN_LAUNCH_SERIAL))
    run_chunk(&argument, 0, launch->units);
  else
    parallel->parallel_for(parallel->context, run_chunk, &argument, launch->units, launch->grain);
}

quern_status quern_execute(const quern_program *program, const quern_call *call) {
  quern_status status = check_call(program, call);
  if (status)
    return status;
  const quern_entry *entry = &program->entries[call->entry];
  const quern_exec exec = {
      .arena = call->arena,
      .segments = program->segments,
      .inputs = call->inputs,
      .outputs = call->outputs,
      .states = call->states,
      .extents = call->extents ? call->extents : program->extent_bounds,
      .program = program,
  };
  for (uint32_t i = 0; i < entry->launch_count; i++)
    run_launch(&entry->launches[i], &exec, call->parallel);
  return QUERN_OK;
}

quern_status quern_run(const quern_program *program, uint32_t entry, const void *const *inputs,
                       void *const *outputs, void *arena, size_t arena_bytes,
                       const quern_parallel *parallel) {
  const quern_call call = {
      .struct_bytes = sizeof(quern_call),
      .entry = entry,
      .inputs = inputs,
      .outputs = outputs,
      .arena = arena,
      .arena_bytes = arena_bytes,
      .parallel = parallel,
  };
  return quern_execute(program, &call);
}

quern_status quern_reset_state(const quern_program *program, uint32_t state, void *buffer) {
  if (!program || program->abi_version != QUERN_ABI_VERSION)
    return QUERN_BAD_ABI;
  if (state >= program->state_count)
    return QUERN_BAD_INDEX;
  const quern_state *info = &program->states[state];
  quern_status status = check_buffer(buffer, info->bytes, info->align);
  if (status)
    return status;
  if (info->initial)
    __builtin_memcpy(buffer, info->initial, info->bytes);
  else
    __builtin_memset(buffer, 0, info->bytes);
  return QUERN_OK;
}
