// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/Artifact.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace quern::artifact {

static const char *getTypeName(quern_type type) {
  static const char *const names[] = {"invalid", "f32", "f16",      "bf16",   "f64", "bool",
                                      "u8",      "s8",  "u16",      "s16",    "u32", "s32",
                                      "u64",     "s64", "f8e4m3fn", "f8e5m2", "u4",  "s4"};
  return type < std::size(names) ? names[type] : "invalid";
}

/// Text from the model inside a comment: no line breaks, nothing outside printable ASCII.
static std::string sanitize(llvm::StringRef text) {
  std::string result;
  for (char c : text)
    result += c >= ' ' && c < 127 && c != '\\' ? c : '?';
  return result;
}

/// Nine digits tell every single-precision number.
static std::string formatScale(float scale) { return llvm::formatv("{0:e8}", scale).str(); }

static void describe(llvm::raw_ostream &stream, const char *kind, llvm::ArrayRef<Tensor> tensors) {
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    stream << "//   " << kind << " " << index << ": " << sanitize(tensor.name) << ", "
           << getTypeName(tensor.type) << " [";
    llvm::interleaveComma(tensor.dims, stream);
    stream << "], " << tensor.bytes << " bytes, aligned to " << tensor.align << "\n";
    if (tensor.scale != 0)
      stream << "//     codes of real values: (code - " << tensor.zeroPoint << ") * "
             << formatScale(tensor.scale) << "\n";
  }
}

static std::string upper(llvm::StringRef prefix) {
  std::string result;
  for (char c : prefix)
    result += llvm::isAlnum(c) ? llvm::toUpper(c) : '_';
  return result;
}

/// The size of one input or output, and what its codes mean.
static void writeTensor(llvm::raw_ostream &stream, const Tensor &tensor, const std::string &name) {
  stream << "#define " << name << "_BYTES " << tensor.bytes << "\n";
  if (tensor.scale != 0)
    stream << "#define " << name << "_SCALE " << formatScale(tensor.scale) << "f\n#define " << name
           << "_ZERO_POINT " << tensor.zeroPoint << "\n";
}

static void writeConstants(llvm::raw_ostream &stream, const Program &program, uint64_t arenaBytes,
                           llvm::StringRef guard) {
  stream << "#define " << guard << "_INPUTS " << program.inputs.size() << "\n";
  for (auto [index, tensor] : llvm::enumerate(program.inputs))
    writeTensor(stream, tensor, guard.str() + "_INPUT_" + std::to_string(index));
  stream << "#define " << guard << "_OUTPUTS " << program.outputs.size() << "\n";
  for (auto [index, tensor] : llvm::enumerate(program.outputs))
    writeTensor(stream, tensor, guard.str() + "_OUTPUT_" + std::to_string(index));
  stream << "#define " << guard << "_ARENA_BYTES " << arenaBytes << "\n";
  stream << "#define " << guard << "_ARENA_ALIGN 64\n";
}

/// The functions of runtime/src/library.c, PREFIX standing for the artifact's.
static const char functions[] =
    R"(// The functions of quern/model.h for this model.
const quern_program *PREFIX_program(void);
quern_status PREFIX_check_cpu(void);
quern_status PREFIX_run(uint32_t entry, const void *const *inputs, void *const *outputs,
                        void *arena, size_t arena_bytes, const quern_parallel *parallel);
quern_status PREFIX_execute(const quern_call *call);
quern_status PREFIX_reset_state(uint32_t state, void *buffer);
uint32_t PREFIX_entry_count(void);
const char *PREFIX_entry_name(uint32_t entry);
uint32_t PREFIX_input_count(uint32_t entry);
uint32_t PREFIX_output_count(uint32_t entry);
const quern_tensor *PREFIX_input(uint32_t entry, uint32_t index);
const quern_tensor *PREFIX_output(uint32_t entry, uint32_t index);
uint32_t PREFIX_state_count(void);
const quern_state *PREFIX_state_info(uint32_t index);
size_t PREFIX_arena_bytes(uint32_t entry);
size_t PREFIX_arena_align(uint32_t entry);
size_t PREFIX_stack_bytes(void);
const char *PREFIX_status_text(quern_status status);
)";

std::string makeHeader(llvm::ArrayRef<Variant> variants, const Provenance &provenance) {
  const Program &program = variants.front().program; // inputs and outputs are those of all
  uint64_t arenaBytes = 0, segmentBytes = 0;
  for (const Variant &variant : variants) {
    arenaBytes = std::max(arenaBytes, variant.program.arenaBytes);
    segmentBytes += variant.program.segmentBytes;
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  std::string guard = upper(provenance.prefix);
  stream << "// The model '" << sanitize(provenance.name) << "', compiled by Quern for "
         << sanitize(provenance.target) << ". Generated, do not edit.\n//\n";
  describe(stream, "input", program.inputs);
  describe(stream, "output", program.outputs);
  stream << "//   arena: " << arenaBytes << " bytes, aligned to 64; weights: " << segmentBytes
         << " bytes\n//\n"
         << "// Call " << provenance.prefix << "_check_cpu once, then " << provenance.prefix
         << "_run with entry 0 as often as you like: it\n"
         << "// allocates nothing and starts no thread.\n\n"
         << "#ifndef " << guard << "_QUERN_H\n#define " << guard << "_QUERN_H\n\n"
         << "#include \"quern/model.h\"\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  writeConstants(stream, program, arenaBytes, guard);
  stream << '\n';
  llvm::StringRef rest = functions;
  while (!rest.empty()) {
    auto [before, after] = rest.split("PREFIX");
    stream << before << (before.size() == rest.size() ? "" : provenance.prefix);
    rest = after;
  }
  stream << "\n#ifdef __cplusplus\n}\n#endif\n\n#endif // " << guard << "_QUERN_H\n";
  return text;
}

} // namespace quern::artifact
