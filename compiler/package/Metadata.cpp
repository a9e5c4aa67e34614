// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/package/EmitProgram.h"

#include "cmake/Version.h"
#include "quern/cpu.h"
#include "runtime/package_generated.h"

#include "llvm/TargetParser/Triple.h"

namespace quern::artifact {

static std::vector<std::string> getFeatureNames(const TargetInfo &target) {
  struct Feature {
    unsigned bit;
    const char *name;
  };
  static const Feature x86[] = {
#define QUERN_FEATURE(name, bit, text, leaf, reg, at) {bit, text},
      QUERN_X86_FEATURES(QUERN_FEATURE)
#undef QUERN_FEATURE
  };
  static const Feature arm[] = {
#define QUERN_FEATURE(name, bit, text, word, at) {bit, text},
      QUERN_AARCH64_FEATURES(QUERN_FEATURE)
#undef QUERN_FEATURE
  };
  std::vector<std::string> names;
  bool isArm = llvm::Triple(target.triple).isAArch64();
  for (const Feature &feature : isArm ? llvm::ArrayRef<Feature>(arm) : llvm::ArrayRef<Feature>(x86))
    if (target.requiredCpuFeatures >> feature.bit & 1)
      names.push_back(feature.name);
  return names;
}

static std::vector<std::unique_ptr<package::TensorT>> makeTensors(llvm::ArrayRef<Tensor> tensors) {
  std::vector<std::unique_ptr<package::TensorT>> records;
  for (const Tensor &tensor : tensors) {
    auto &record = records.emplace_back(std::make_unique<package::TensorT>());
    record->name = tensor.name;
    record->type = static_cast<package::ElementType>(tensor.type);
    record->dims.assign(tensor.dims.begin(), tensor.dims.end());
    record->bytes = tensor.bytes;
    if (tensor.scale != 0) {
      record->quantization = std::make_unique<package::QuantizationT>();
      record->quantization->scales = {tensor.scale};
      record->quantization->zero_points = {tensor.zeroPoint};
    }
  }
  return records;
}

static std::unique_ptr<package::KernelT> makeKernel(const Launch &launch) {
  auto record = std::make_unique<package::KernelT>();
  record->name = launch.kernel;
  record->nodes.assign(launch.nodes.begin(), launch.nodes.end());
  record->form = launch.form;
  record->units = launch.units;
  record->macs = launch.macs;
  for (const Argument &argument : launch.arguments)
    (argument.written ? record->bytes_written : record->bytes_read) += argument.bytes;
  // The plan knows that a gather reads only what it picks.
  auto moved = static_cast<uint64_t>(launch.bytes);
  if (moved > record->bytes_written)
    record->bytes_read = std::min(record->bytes_read, moved - record->bytes_written);
  record->element = static_cast<package::ElementType>(launch.element);
  record->estimated_seconds = launch.seconds;
  return record;
}

static std::unique_ptr<package::EntryT> makeEntry(const Program &program) {
  auto entry = std::make_unique<package::EntryT>();
  entry->name = "main";
  for (uint32_t i = 0; i < program.inputs.size(); ++i)
    entry->inputs.push_back(i);
  for (uint32_t i = 0; i < program.outputs.size(); ++i)
    entry->outputs.push_back(i);
  for (uint32_t i = 0; i < program.launches.size(); ++i)
    entry->kernels.push_back(i);
  entry->arena_bytes = program.arenaBytes;
  entry->arena_align = 64;
  for (const ArenaBuffer &buffer : program.arena) {
    auto &record = entry->arena.emplace_back(std::make_unique<package::ArenaBufferT>());
    record->name = buffer.name;
    record->offset = buffer.offset;
    record->bytes = buffer.bytes;
    record->first_launch = buffer.firstLaunch;
    record->last_launch = buffer.lastLaunch;
  }
  return entry;
}

std::string buildMetadata(const Program &program, const Provenance &provenance,
                          const TargetInfo &target, const std::array<uint8_t, 32> &weightHash) {
  package::PackageT record;
  record.abi_version = QUERN_ABI_VERSION;
  record.name = provenance.name;
  record.target = provenance.target;
  record.triple = target.triple;
  record.cpu_features = getFeatureNames(target);
  record.compiler_version = QUERN_VERSION_STRING;
  record.model_sha256 = provenance.modelHash;
  record.options = provenance.options;
  record.board = provenance.board;
  // Zero would not be stored, and there would be no place for the stack once it is known.
  record.stack_bytes = unpatchedStackBytes;
  if (program.estimate.seconds > 0) {
    record.latency = std::make_unique<package::LatencyT>();
    record.latency->seconds = program.estimate.seconds;
    record.latency->threads = program.estimate.threads;
    record.latency->basis = program.estimate.basis;
  }
  record.inputs = makeTensors(program.inputs);
  record.outputs = makeTensors(program.outputs);
  record.entries.push_back(makeEntry(program));
  for (const Launch &launch : program.launches)
    record.kernels.push_back(makeKernel(launch));
  if (program.segmentBytes) {
    auto &segment = record.segments.emplace_back(std::make_unique<package::SegmentT>());
    segment->name = "weights";
    segment->bytes = program.segmentBytes;
    segment->sha256.assign(weightHash.begin(), weightHash.end());
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(package::Package::Pack(builder, &record), package::PackageIdentifier());
  return {reinterpret_cast<const char *>(builder.GetBufferPointer()), builder.GetSize()};
}

} // namespace quern::artifact
