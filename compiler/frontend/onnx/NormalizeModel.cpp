// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ImportSession.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <onnx/checker.h>
#include <onnx/defs/schema.h>
#include <onnx/inliner/inliner.h>
#include <onnx/shape_inference/implementation.h>
#include <onnx/version_converter/convert.h>

#include <exception>

namespace quern::onnxfile {
namespace {

using mlir::failure;
using mlir::LogicalResult;
using mlir::success;

/// onnx's messages have several lines, capitals and full stops.
std::string tidy(llvm::StringRef message) {
  std::string text;
  for (llvm::StringRef line : llvm::split(message.trim(), '\n'))
    if (!line.trim().empty())
      text += (text.empty() ? "" : " ") + line.trim().str();
  while (!text.empty() && text.back() == '.')
    text.pop_back();
  if (text.size() > 1 && llvm::isLower(text[1]))
    text[0] = llvm::toLower(text[0]);
  return text.substr(0, 2000);
}

/// The node whose name or first output onnx's message mentions, so that the diagnostic can stand
/// at it; else the file.
mlir::Location findLocation(const ImportSession &session, llvm::StringRef message) {
  llvm::StringRef name = message;
  for (llvm::StringRef mark : {"node name: ", "Name: "}) {
    auto [before, after] = message.split(mark);
    if (after.empty())
      continue;
    name = after.take_until([](char c) { return c == ')' || c == '\n' || c == ' '; });
    for (auto [index, node] : llvm::enumerate(session.model.graph().node()))
      if (!name.empty() && node.name() == name)
        return session.nodeLocation(node, index);
  }
  return session.fileLocation();
}

LogicalResult reject(const ImportSession &session, llvm::StringRef what, llvm::StringRef message) {
  return session.error(findLocation(session, message)) << what << ": " << tidy(message);
}

/// onnx's checker. It insists that graph outputs have a shape, which exporters leave out and which
/// inference finds, so it sees a copy where they have one.
void runChecker(onnx::ModelProto copy) {
  for (onnx::ValueInfoProto &output : *copy.mutable_graph()->mutable_output()) {
    onnx::TypeProto &type = *output.mutable_type();
    if (type.value_case() == onnx::TypeProto::VALUE_NOT_SET)
      type.mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    if (type.has_tensor_type())
      type.mutable_tensor_type()->mutable_shape();
  }
  onnx::checker::check_model(copy);
}

LogicalResult checkByOnnx(ImportSession &session) {
  try {
    runChecker(session.model);
  } catch (const std::exception &problem) {
    return reject(session, "the model breaks the onnx specification", problem.what());
  }
  return success();
}

LogicalResult inlineFunctions(ImportSession &session) {
  if (session.model.functions_size() == 0)
    return success();
  try {
    onnx::inliner::InlineLocalFunctions(session.model, /*convert_version=*/true);
  } catch (const std::exception &problem) {
    return reject(session, "a function of the file cannot be expanded", problem.what());
  }
  if (session.model.functions_size() == 0)
    return success();
  const onnx::FunctionProto &left = session.model.functions(0);
  return session.error(session.tensorLocation(left.name()))
         << "expected functions over the operator sets that the model imports, found '"
         << left.name() << "' with other ones";
}

int64_t getOpset(const onnx::ModelProto &model) {
  for (const onnx::OperatorSetIdProto &import : model.opset_import())
    if (import.domain().empty())
      return import.version();
  return 0;
}

/// Converts to `targetOpset`. Where onnx's converter gives up (it knows no adapter, or needs shapes
/// that are not there) the model stays as it is: Legalize knows the older forms of most operators.
void convertVersion(ImportSession &session) {
  int64_t opset = getOpset(session.model);
  if (opset == 0 || opset >= targetOpset)
    return;
  try {
    onnx::ModelProto converted =
        onnx::version_conversion::ConvertVersion(session.model, static_cast<int>(targetOpset));
    runChecker(converted);
    session.model.Swap(&converted);
  } catch (const std::exception &) {
    return;
  }
}

bool hasForeignNodes(const onnx::ModelProto &model) {
  return llvm::any_of(model.graph().node(),
                      [](const onnx::NodeProto &node) { return !isOnnxDomain(node.domain()); });
}

/// Infers into a copy; empty text if that went well.
std::string tryInference(ImportSession &session, onnx::ModelProto copy, bool strict) {
  try {
    onnx::ShapeInferenceOptions options(/*check_type_val=*/strict, /*strict_mode_val=*/strict,
                                        /*data_prop_val=*/true);
    onnx::shape_inference::InferShapes(copy, onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception &problem) {
    return problem.what()[0] ? problem.what() : "unknown reason";
  }
  session.model.Swap(&copy);
  return "";
}

/// Shapes that the file records for inner tensors may be stale (exporters keep those of another
/// batch size), so what contradicts them is tried without.
LogicalResult inferShapes(ImportSession &session) {
  // Foreign operators leave types unknown, which strict inference calls an error.
  bool strict = !hasForeignNodes(session.model);
  std::string message = tryInference(session, session.model, strict);
  if (message.empty())
    return success();
  onnx::ModelProto plain = session.model;
  plain.mutable_graph()->clear_value_info();
  for (onnx::ValueInfoProto &output : *plain.mutable_graph()->mutable_output())
    if (output.type().has_tensor_type())
      output.mutable_type()->mutable_tensor_type()->clear_shape();
  if (tryInference(session, std::move(plain), strict).empty())
    return success();
  return reject(session, "types and shapes do not fit", message);
}

} // namespace

LogicalResult normalizeModel(ImportSession &session) {
  if (failed(checkByOnnx(session)) || failed(inlineFunctions(session)))
    return failure();
  convertVersion(session);
  return inferShapes(session);
}

} // namespace quern::onnxfile
