// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/board/Units.h"
#include "compiler/driver/ArtifactRecord.h"
#include "compiler/driver/Commands.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace quern::driver {

using Package = package::Package;

static std::string makeHex(const flatbuffers::Vector<uint8_t> *bytes) {
  return bytes ? llvm::toHex(llvm::ArrayRef<uint8_t>(bytes->data(), bytes->size()), true) : "";
}

template <typename T> static llvm::iterator_range<typename T::const_iterator> all(const T *vector) {
  static const typename T::const_iterator none(nullptr, 0);
  return vector ? llvm::make_range(vector->begin(), vector->end()) : llvm::make_range(none, none);
}

static std::string text(const flatbuffers::String *string) { return string ? string->str() : ""; }

/// The first element, or 0: tensors of the interface have one scale.
template <typename T> static T first(const flatbuffers::Vector<T> *vector) {
  return vector && vector->size() ? vector->Get(0) : T(0);
}

static std::string describe(const package::Tensor *tensor) {
  std::string result = text(tensor->name()) + ": ";
  result += llvm::StringRef(package::EnumNameElementType(tensor->type())).lower() + " [";
  if (tensor->dims())
    for (size_t i = 0; i < tensor->dims()->size(); ++i)
      result += (i ? ", " : "") + std::to_string(tensor->dims()->Get(i));
  result += "], " + std::to_string(tensor->bytes()) + " bytes";
  if (const auto *codes = tensor->quantization())
    result += llvm::formatv(", codes of scale {0:e8} and zero point {1}", first(codes->scales()),
                            first(codes->zero_points()))
                  .str();
  return result;
}

static void printText(const Package &package, size_t fileBytes) {
  llvm::raw_ostream &out = llvm::outs();
  out << "model:        " << text(package.name())
      << "\nmodel sha256: " << makeHex(package.model_sha256()) << "\ncompiler:     quern "
      << text(package.compiler_version()) << "\ntarget:       " << text(package.target()) << " ("
      << text(package.triple()) << ")\ncpu features: ";
  llvm::interleave(
      all(package.cpu_features()), out, [&](const auto *name) { out << name->str(); }, " ");
  out << "\nfile:         " << fileBytes << " bytes\n";
  if (package.stack_bytes())
    out << "stack:        " << package.stack_bytes() << " bytes\n";
  if (const auto *latency = package.latency())
    out << "latency:      " << formatSeconds(latency->seconds()) << " estimated, "
        << latency->threads() << (latency->threads() == 1 ? " thread" : " threads") << " ("
        << text(latency->basis()) << ")\n";
  if (package.board() && package.board()->size())
    out << "board:        " << text(package.board()) << '\n';
  for (const auto *tensor : all(package.inputs()))
    out << "input:        " << describe(tensor) << '\n';
  for (const auto *tensor : all(package.outputs()))
    out << "output:       " << describe(tensor) << '\n';
  for (const auto *segment : all(package.segments()))
    out << "weights:      " << segment->bytes() << " bytes, sha256 " << makeHex(segment->sha256())
        << '\n';
  for (const auto *entry : all(package.entries())) {
    out << "entry:        " << text(entry->name()) << ", arena " << entry->arena_bytes()
        << " bytes, " << (entry->kernels() ? entry->kernels()->size() : 0) << " launches\n";
    for (const auto *buffer : all(entry->arena()))
      out << llvm::formatv("  arena {0,10} +{1,-10} launches {2}..{3} {4}\n", buffer->offset(),
                           buffer->bytes(), buffer->first_launch(), buffer->last_launch(),
                           text(buffer->name()));
  }
  for (const auto *kernel : all(package.kernels())) {
    out << llvm::formatv("kernel:       {0,-20} units {1}, macs {2}, {3}", text(kernel->name()),
                         kernel->units(), kernel->macs(), text(kernel->form()));
    if (kernel->estimated_seconds() > 0)
      out << ", estimated " << formatSeconds(kernel->estimated_seconds());
    for (const auto *node : all(kernel->nodes()))
      out << ' ' << node->str();
    out << '\n';
  }
}

static void printTensors(llvm::json::OStream &json, llvm::StringRef name,
                         const flatbuffers::Vector<flatbuffers::Offset<package::Tensor>> *tensors) {
  json.attributeArray(name, [&] {
    for (const auto *tensor : all(tensors))
      json.object([&] {
        json.attribute("name", llvm::json::fixUTF8(text(tensor->name())));
        json.attribute("type",
                       llvm::StringRef(package::EnumNameElementType(tensor->type())).lower());
        json.attributeArray("dims", [&] {
          if (tensor->dims())
            for (int64_t dim : *tensor->dims())
              json.value(dim);
        });
        json.attribute("bytes", static_cast<int64_t>(tensor->bytes()));
        if (const auto *codes = tensor->quantization()) {
          json.attribute("scale", first(codes->scales()));
          json.attribute("zero_point", first(codes->zero_points()));
        }
      });
  });
}

static void printEntries(llvm::json::OStream &json, const Package &package) {
  json.attributeArray("entries", [&] {
    for (const auto *entry : all(package.entries()))
      json.object([&] {
        json.attribute("name", llvm::json::fixUTF8(text(entry->name())));
        json.attribute("arena_bytes", static_cast<int64_t>(entry->arena_bytes()));
        json.attributeArray("arena", [&] {
          for (const auto *buffer : all(entry->arena()))
            json.object([&] {
              json.attribute("name", llvm::json::fixUTF8(text(buffer->name())));
              json.attribute("offset", static_cast<int64_t>(buffer->offset()));
              json.attribute("bytes", static_cast<int64_t>(buffer->bytes()));
              json.attribute("first_launch", static_cast<int64_t>(buffer->first_launch()));
              json.attribute("last_launch", static_cast<int64_t>(buffer->last_launch()));
            });
        });
      });
  });
}

static void printKernels(llvm::json::OStream &json, const Package &package) {
  json.attributeArray("kernels", [&] {
    for (const auto *kernel : all(package.kernels()))
      json.object([&] {
        json.attribute("name", text(kernel->name()));
        json.attributeArray("nodes", [&] {
          for (const auto *node : all(kernel->nodes()))
            json.value(llvm::json::fixUTF8(node->str()));
        });
        json.attribute("form", text(kernel->form()));
        json.attribute("units", static_cast<int64_t>(kernel->units()));
        json.attribute("macs", static_cast<int64_t>(kernel->macs()));
        json.attribute("bytes_read", static_cast<int64_t>(kernel->bytes_read()));
        json.attribute("bytes_written", static_cast<int64_t>(kernel->bytes_written()));
        json.attribute("estimated_seconds", kernel->estimated_seconds());
      });
  });
}

static void printJson(const Package &package, size_t fileBytes) {
  llvm::json::OStream json(llvm::outs(), 1);
  json.object([&] {
    json.attribute("model", llvm::json::fixUTF8(text(package.name())));
    json.attribute("model_sha256", makeHex(package.model_sha256()));
    json.attribute("compiler_version", text(package.compiler_version()));
    json.attribute("target", text(package.target()));
    json.attribute("triple", text(package.triple()));
    json.attribute("file_bytes", static_cast<int64_t>(fileBytes));
    json.attribute("stack_bytes", static_cast<int64_t>(package.stack_bytes()));
    json.attribute("board", llvm::json::fixUTF8(text(package.board())));
    if (const auto *latency = package.latency())
      json.attributeObject("latency", [&] {
        json.attribute("estimated_seconds", latency->seconds());
        json.attribute("threads", static_cast<int64_t>(latency->threads()));
        json.attribute("basis", text(latency->basis()));
      });
    json.attributeArray("cpu_features", [&] {
      for (const auto *name : all(package.cpu_features()))
        json.value(name->str());
    });
    printTensors(json, "inputs", package.inputs());
    printTensors(json, "outputs", package.outputs());
    json.attributeArray("segments", [&] {
      for (const auto *segment : all(package.segments()))
        json.object([&] {
          json.attribute("name", text(segment->name()));
          json.attribute("bytes", static_cast<int64_t>(segment->bytes()));
          json.attribute("sha256", makeHex(segment->sha256()));
        });
    });
    printEntries(json, package);
    printKernels(json, package);
  });
  llvm::outs() << '\n';
}

int runInspect(const InspectOptions &options) {
  auto record = readArtifactRecord(options.artifact);
  if (!record) {
    llvm::errs() << "error: " << llvm::toString(record.takeError()) << '\n';
    return ExitFailed;
  }
  (options.json ? printJson : printText)(*record->package, record->fileBytes);
  return ExitDone;
}

} // namespace quern::driver
