// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/export/OnnxExport.h"

#include "compiler/export/GraphPatch.h"
#include "compiler/frontend/onnx/TensorData.h"
#include "compiler/package/Artifact.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/checker.h>
#include <onnx/version_converter/convert.h>

#include <exception>

using llvm::Error;

namespace quern {

/// The operator set since which there are the codes and scales of a plan: scales per channel, and
/// codes of 4 bits and scales by blocks.
static int64_t getOldestOpset(const QuantizationPlan &plan) {
  return llvm::any_of(plan.weights,
                      [](const WeightQuantization &weight) {
                        return weight.group || weight.scheme->bits <= 4;
                      })
             ? 21
             : 13;
}
/// Protobuf counts sizes in int.
static constexpr uint64_t maxBytes = (uint64_t{1} << 31) - (uint64_t{1} << 20);

static Error readModel(llvm::StringRef path, onnx::ModelProto &model) {
  auto file = onnxfile::mapRegularFile(path);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<char> bytes = (*file)->bytes();
  google::protobuf::LogSilencer silence;
  if (bytes.size() > maxBytes ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return llvm::createStringError("not a readable onnx model of less than 2 GiB");
  return Error::success();
}

/// Takes in what lies in files beside the model: the result may go to another folder.
static Error takeExternalData(llvm::StringRef path, onnx::GraphProto &graph) {
  onnxfile::ExternalFiles files(path);
  uint64_t total = 0;
  for (onnx::TensorProto &tensor : *graph.mutable_initializer()) {
    if (!onnxfile::isExternal(tensor))
      continue;
    auto range = onnxfile::mapExternal(tensor, files);
    if (!range)
      return range.takeError();
    total += range->length;
    if (total > maxBytes)
      return llvm::createStringError(
          "the tensors beside the model are too large for one file: expected less than 2 GiB");
    onnxfile::embedBytes(tensor, range->bytes());
  }
  return Error::success();
}

static int64_t getOpset(const onnx::ModelProto &model) {
  for (const onnx::OperatorSetIdProto &import : model.opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx")
      return import.version();
  return 0;
}

static Error write(const onnx::ModelProto &model, llvm::StringRef output) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    if (!model.SerializeToCodedStream(&coded))
      return llvm::createStringError("the result cannot be written as one file");
  }
  return artifact::writeFile(output, [&](llvm::raw_ostream &stream) { stream << bytes; });
}

static Error exportModel(llvm::StringRef path, const QuantizationPlan &plan,
                         llvm::StringRef output) {
  onnx::ModelProto model;
  if (Error error = readModel(path, model))
    return error;
  if (Error error = takeExternalData(path, *model.mutable_graph()))
    return error;
  int64_t oldest = getOldestOpset(plan);
  if (getOpset(model) < oldest)
    model = onnx::version_conversion::ConvertVersion(model, static_cast<int>(oldest));
  // The file's format knows 4 bits since its version 10.
  if (oldest >= 21 && model.ir_version() < 10)
    model.set_ir_version(10);
  if (Error error = GraphPatch(*model.mutable_graph()).apply(plan))
    return error;
  onnx::checker::check_model(model);
  return write(model, output);
}

Error exportQuantized(llvm::StringRef model, const QuantizationPlan &plan, llvm::StringRef output) {
  // onnx throws where it finds something wrong.
  try {
    if (Error error = exportModel(model, plan, output))
      return llvm::createStringError("'" + model + "': " + llvm::toString(std::move(error)));
  } catch (const std::exception &problem) {
    return llvm::createStringError("'" + model +
                                   "': the quantized model cannot be written: " + problem.what());
  }
  return Error::success();
}

} // namespace quern
