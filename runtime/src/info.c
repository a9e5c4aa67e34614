// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --info: what a model takes, gives and needs.

#include "quern/cpu.h"
#include "src/session.h"

const char *quern_type_name(uint32_t type) {
  static const char *const names[] = {"?",   "f32", "f16",      "bf16",   "f64", "bool",
                                      "u8",  "s8",  "u16",      "s16",    "u32", "s32",
                                      "u64", "s64", "f8e4m3fn", "f8e5m2", "u4",  "s4"};
  return type < sizeof(names) / sizeof(names[0]) ? names[type] : names[0];
}

void quern_put_features(quern_text *text, uint32_t arch, uint64_t bits) {
  int first = 1;
  for (uint32_t bit = 0; bit < 64; bit++) {
    if (!(bits >> bit & 1))
      continue;
    const char *name = quern_cpu_feature_name(arch, bit);
    quern_put(text, first ? "" : ", ");
    quern_put(text, name ? name : "feature ");
    if (!name)
      quern_put_unsigned(text, bit);
    first = 0;
  }
}

static void put_tensor(quern_text *out, const char *kind, const quern_tensor *tensor) {
  quern_put(out, kind);
  quern_put_quoted(out, tensor->name);
  quern_put(out, ": ");
  quern_put(out, quern_type_name(tensor->type));
  quern_put(out, " ");
  quern_put_shape(out, tensor->dims, tensor->rank);
  quern_put(out, ", ");
  quern_put_unsigned(out, tensor->bytes);
  quern_put(out, " bytes\n");
}

static uint64_t weight_bytes(const quern_program *program) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < program->segment_count; i++)
    sum += program->segment_bytes[i];
  return sum;
}

static void put_line(quern_text *out, const char *name, uint64_t value, const char *unit) {
  quern_put(out, name);
  quern_put_unsigned(out, value);
  quern_put(out, unit);
}

static void info_text(const quern_program *program, quern_text *out) {
  quern_put(out, "model ");
  quern_put_quoted(out, program->name);
  quern_put(out, "\n");
  for (uint32_t e = 0; e < program->entry_count; e++) {
    const quern_entry *entry = &program->entries[e];
    quern_put(out, "entry ");
    quern_put_quoted(out, entry->name);
    put_line(out, ": arena ", entry->arena_bytes, " bytes");
    put_line(out, ", ", entry->launch_count, " launches\n");
    for (uint32_t i = 0; i < entry->input_count; i++)
      put_tensor(out, "  input ", &program->inputs[entry->inputs[i]]);
    for (uint32_t i = 0; i < entry->output_count; i++)
      put_tensor(out, "  output ", &program->outputs[entry->outputs[i]]);
  }
  for (uint32_t i = 0; i < program->state_count; i++) {
    quern_put(out, "state ");
    quern_put_quoted(out, program->states[i].name);
    put_line(out, ": ", program->states[i].bytes, " bytes\n");
  }
  put_line(out, "weights: ", weight_bytes(program), " bytes\n");
  put_line(out, "stack: ", program->stack_bytes, " bytes\n");
  quern_put(out, "requires: ");
  quern_put(out, program->arch == QUERN_ARCH_X86_64 ? "x86-64" : "aarch64");
  quern_put(out, program->cpu_features ? ", " : "");
  quern_put_features(out, program->arch, program->cpu_features);
  uint64_t missing = program->cpu_features & ~quern_cpu_features();
  quern_put(out, missing ? "\nmissing: " : "\n");
  quern_put_features(out, program->arch, missing);
  quern_put(out, missing ? "\n" : "");
}

static void json_tensors(quern_text *out, const char *key, const quern_tensor *tensors,
                         const uint32_t *indices, uint32_t count) {
  quern_put(out, key);
  for (uint32_t i = 0; i < count; i++) {
    const quern_tensor *tensor = &tensors[indices[i]];
    quern_put(out, i ? ", {\"name\": " : "{\"name\": ");
    quern_put_json_string(out, tensor->name);
    quern_put(out, ", \"type\": \"");
    quern_put(out, quern_type_name(tensor->type));
    quern_put(out, "\", \"shape\": [");
    for (uint32_t d = 0; d < tensor->rank; d++) {
      quern_put(out, d ? ", " : "");
      quern_put_signed(out, tensor->dims[d]);
    }
    put_line(out, "], \"bytes\": ", tensor->bytes, "}");
  }
  quern_put(out, "]");
}

static void info_json(const quern_program *program, quern_text *out) {
  quern_put(out, "{\"model\": ");
  quern_put_json_string(out, program->name);
  quern_put(out, ", \"entries\": [");
  for (uint32_t e = 0; e < program->entry_count; e++) {
    const quern_entry *entry = &program->entries[e];
    quern_put(out, e ? ", {\"name\": " : "{\"name\": ");
    quern_put_json_string(out, entry->name);
    put_line(out, ", \"arena_bytes\": ", entry->arena_bytes, "");
    put_line(out, ", \"launches\": ", entry->launch_count, "");
    json_tensors(out, ", \"inputs\": [", program->inputs, entry->inputs, entry->input_count);
    json_tensors(out, ", \"outputs\": [", program->outputs, entry->outputs, entry->output_count);
    quern_put(out, "}");
  }
  put_line(out, "], \"states\": ", program->state_count, "");
  put_line(out, ", \"weight_bytes\": ", weight_bytes(program), "");
  put_line(out, ", \"stack_bytes\": ", program->stack_bytes, "");
  quern_put(out, ", \"requires\": \"");
  quern_put_features(out, program->arch, program->cpu_features);
  quern_put(out, "\", \"missing\": \"");
  quern_put_features(out, program->arch, program->cpu_features & ~quern_cpu_features());
  quern_put(out, "\"}\n");
}

void quern_info(quern_session *session) {
  (session->args.json ? info_json : info_text)(session->program, &session->output);
}
