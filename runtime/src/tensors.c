// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The memory of a call: inputs from files or from a pattern, outputs, states, arena.

#include "src/npy.h"
#include "src/session.h"
#include "src/sys.h"

static void *map_memory(quern_session *session, uint64_t bytes, uint64_t align, const char *use) {
  void *memory = quern_map_memory(bytes, align);
  if (!memory) {
    quern_put(&session->message, "out of memory: cannot map ");
    quern_put_unsigned(&session->message, bytes);
    quern_put(&session->message, " bytes for ");
    quern_put(&session->message, use);
  }
  return memory;
}

static const quern_tensor *input_of(const quern_session *session, uint32_t index) {
  return &session->program->inputs[session->entry->inputs[index]];
}
static const quern_tensor *output_of(const quern_session *session, uint32_t index) {
  return &session->program->outputs[session->entry->outputs[index]];
}

static int64_t read_integer(uint32_t type, const unsigned char *data, uint64_t index) {
  switch (type) {
  case QUERN_U8:
  case QUERN_BOOL:
    return data[index];
  case QUERN_S8:
    return ((const int8_t *)data)[index];
  case QUERN_U16:
    return ((const uint16_t *)data)[index];
  case QUERN_S16:
    return ((const int16_t *)data)[index];
  case QUERN_U32:
    return ((const uint32_t *)data)[index];
  case QUERN_S32:
    return ((const int32_t *)data)[index];
  default:
    return ((const int64_t *)data)[index];
  }
}

static int is_integer(uint32_t type) { return type >= QUERN_BOOL && type <= QUERN_S64; }

// Values that the model has no meaning for: an index past its table, a truth value of 2.
static int check_values(quern_session *session, const quern_tensor *tensor, const char *path,
                        const void *data) {
  int64_t low = tensor->low, high = tensor->high;
  if (tensor->type == QUERN_BOOL)
    low = 0, high = 1;
  if ((low == 0 && high == 0) || !is_integer(tensor->type))
    return 1;
  uint64_t count = 1;
  for (uint32_t i = 0; i < tensor->rank; i++)
    count *= (uint64_t)tensor->dims[i];
  for (uint64_t i = 0; i < count; i++) {
    int64_t value = read_integer(tensor->type, data, i);
    if (value >= low && value <= high)
      continue;
    quern_put(&session->message, path);
    quern_put(&session->message, ": expected values ");
    quern_put_signed(&session->message, low);
    quern_put(&session->message, "..");
    quern_put_signed(&session->message, high);
    quern_put(&session->message, " for input ");
    quern_put_quoted(&session->message, tensor->name);
    quern_put(&session->message, ", found ");
    quern_put_signed(&session->message, value);
    quern_put(&session->message, " at element ");
    quern_put_unsigned(&session->message, i);
    return 0;
  }
  return 1;
}

static int load_input(quern_session *session, const quern_tensor *tensor, const char *path,
                      const void **buffer) {
  const unsigned char *file;
  size_t size;
  quern_npy npy;
  quern_text *message = &session->message;
  int64_t error = quern_map_file(path, &file, &size);
  quern_put(message, path);
  if (error < 0) {
    quern_put_error(message, error);
    return 0;
  }
  quern_put(message, ": ");
  if (!quern_npy_parse(file, size, &npy, message) || !quern_npy_check(&npy, size, tensor, message))
    return 0;
  quern_text_init(message, message->file);
  const unsigned char *data = file + npy.data_offset;
  uint64_t align = tensor->align < 8 ? 8 : tensor->align;
  if ((uintptr_t)data % align) {
    // A header of unusual size; the elements must move.
    unsigned char *copy = map_memory(session, tensor->bytes, align, "an input");
    if (!copy)
      return 0;
    __builtin_memcpy(copy, data, tensor->bytes);
    data = copy;
  }
  *buffer = data;
  return check_values(session, tensor, path, data);
}

// The input that `--input NAME=FILE` means, its index and FILE. A name may contain '='.
static const char *match_input(const quern_session *session, const char *spec, uint32_t *index) {
  const char *path = 0;
  for (uint32_t i = 0; i < session->entry->input_count; i++) {
    const char *rest = quern_after_prefix(spec, input_of(session, i)->name);
    if (rest && *rest == '=' && rest + 1 > path) {
      path = rest + 1;
      *index = i;
    }
  }
  return path;
}

// Whether every --input is of session->entry, of its type and shape, and none is missing.
int quern_inputs_fit(const quern_session *session) {
  quern_text dropped;
  quern_text_init(&dropped, -1);
  for (uint32_t i = 0; i < session->args.input_count; i++) {
    uint32_t index = 0;
    const unsigned char *file;
    size_t size;
    quern_npy npy;
    const char *path = match_input(session, session->args.inputs[i], &index);
    if (!path || quern_map_file(path, &file, &size) < 0)
      return 0;
    int fits = quern_npy_parse(file, size, &npy, &dropped) &&
               quern_npy_check(&npy, size, input_of(session, index), &dropped);
    quern_unmap(file, size);
    if (!fits)
      return 0;
  }
  return session->args.input_count == session->entry->input_count;
}

static int list_inputs(quern_session *session, const char *spec) {
  quern_put(&session->message, "expected --input NAME=FILE with NAME one of ");
  for (uint32_t i = 0; i < session->entry->input_count; i++) {
    quern_put(&session->message, i ? ", " : "");
    quern_put_quoted(&session->message, input_of(session, i)->name);
  }
  quern_put(&session->message, ", found ");
  quern_put_quoted(&session->message, spec);
  return 0;
}

static int load_inputs(quern_session *session) {
  for (uint32_t i = 0; i < session->args.input_count; i++) {
    uint32_t index = 0;
    const char *path = match_input(session, session->args.inputs[i], &index);
    if (!path)
      return list_inputs(session, session->args.inputs[i]);
    if (session->inputs[index]) {
      quern_put(&session->message, "two files for input ");
      quern_put_quoted(&session->message, input_of(session, index)->name);
      return 0;
    }
    if (!load_input(session, input_of(session, index), path, &session->inputs[index]))
      return 0;
  }
  return 1;
}

static int fill_inputs(quern_session *session, int fill) {
  for (uint32_t i = 0; i < session->entry->input_count; i++) {
    const quern_tensor *tensor = input_of(session, i);
    if (session->inputs[i])
      continue;
    if (!fill) {
      quern_put(&session->message, "no file for input ");
      quern_put_quoted(&session->message, tensor->name);
      quern_put(&session->message, ": expected --input ");
      quern_put(&session->message, tensor->name);
      quern_put(&session->message, "=FILE.npy");
      return 0;
    }
    void *data = map_memory(session, tensor->bytes, tensor->align, "an input");
    if (!data)
      return 0;
    quern_fill_pattern(tensor, i + 1, data);
    session->inputs[i] = data;
  }
  return 1;
}

static int map_results(quern_session *session) {
  for (uint32_t i = 0; i < session->entry->output_count; i++) {
    const quern_tensor *tensor = output_of(session, i);
    session->outputs[i] = map_memory(session, tensor->bytes, tensor->align, "an output");
    if (!session->outputs[i])
      return 0;
  }
  for (uint32_t i = 0; i < session->program->state_count; i++) {
    const quern_state *state = &session->program->states[i];
    session->states[i] = map_memory(session, state->bytes, state->align, "a state");
    if (!session->states[i])
      return 0;
    // Fresh memory is zero already: touching it would only make it resident.
    if (state->initial)
      quern_reset_state(session->program, i, session->states[i]);
  }
  return 1;
}

int quern_prepare_call(quern_session *session, int fill) {
  const quern_entry *entry = session->entry;
  const uint64_t pointers =
      (uint64_t)entry->input_count + entry->output_count + session->program->state_count;
  session->inputs =
      (const void **)map_memory(session, pointers * sizeof(void *), 16, "the buffer list");
  if (!session->inputs)
    return 0;
  session->outputs = (void **)session->inputs + entry->input_count;
  session->states = session->outputs + entry->output_count;
  if (!load_inputs(session) || !fill_inputs(session, fill) || !map_results(session))
    return 0;
  void *arena = map_memory(session, entry->arena_bytes, entry->arena_align, "the arena");
  if (!arena)
    return 0;
  session->call = (quern_call){
      .struct_bytes = sizeof(quern_call),
      .entry = (uint32_t)(entry - session->program->entries),
      .inputs = session->inputs,
      .outputs = session->outputs,
      .states = session->states,
      .arena = arena,
      .arena_bytes = entry->arena_bytes,
      .parallel = session->pool.threads ? &session->parallel : 0,
  };
  return 1;
}
