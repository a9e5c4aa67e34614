// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/frontend/onnx/ImportSession.h"
#include "compiler/frontend/onnx/TensorData.h"

#include "llvm/ADT/STLExtras.h"

namespace quern::onnxfile {
namespace {

using llvm::Error;
using llvm::Expected;
using mlir::failure;
using mlir::LogicalResult;
using mlir::success;

class Hoister {
public:
  explicit Hoister(ImportSession &session) : session(session) {}

  LogicalResult run() {
    onnx::GraphProto &graph = *session.model.mutable_graph();
    if (failed(checkNodeTensors(graph)) || failed(checkFunctionTensors()))
      return failure();
    if (failed(hoistInitializers(graph)) || failed(hoistConstantNodes(graph)))
      return failure();
    removeConstantInputs(graph);
    for (const auto &entry : session.stored)
      addInput(graph, entry.getKey(), entry.getValue());
    // Initializers are not inputs any more, which IR version 3 would demand; what else later
    // versions brought is optional.
    if (session.model.ir_version() < 10)
      session.model.set_ir_version(10);
    if (graph.name().empty())
      graph.set_name("main");
    return success();
  }

private:
  /// Checks one tensor and takes its bytes away if they were cut out or are external and large.
  Expected<bool> store(onnx::TensorProto &tensor, const ByteRange *cut, StoredTensor &stored) {
    std::optional<uint64_t> payload;
    bool external = isExternal(tensor);
    if (external && (cut || tensor.has_raw_data()))
      return llvm::createStringError("expected data in the file or outside, found both");
    if (cut) {
      payload = cut->length;
      stored.payload = {session.file, cut->offset, cut->length};
    } else if (external) {
      Expected<MappedRange> range = mapExternal(tensor, session.externalFiles);
      if (!range)
        return range.takeError();
      payload = range->length;
      stored.payload = *range;
    }
    if (Error problem = checkTensor(tensor, payload))
      return std::move(problem);
    if (!payload)
      return false;
    if (*payload < WireLimits().keptBytes) {
      embedBytes(tensor, stored.payload.bytes());
      return false;
    }
    stored.dataType = tensor.data_type();
    stored.dims.assign(tensor.dims().begin(), tensor.dims().end());
    return true;
  }

  LogicalResult hoistInitializers(onnx::GraphProto &graph) {
    google::protobuf::RepeatedPtrField<onnx::TensorProto> kept;
    for (auto [index, tensor] : llvm::enumerate(*graph.mutable_initializer())) {
      constants.insert(tensor.name());
      auto cut = session.scan.initializers.find(index);
      StoredTensor stored;
      Expected<bool> taken =
          store(tensor, cut == session.scan.initializers.end() ? nullptr : &cut->second, stored);
      if (!taken)
        return session.fail(session.tensorLocation(tensor.name()), taken.takeError(),
                            "initializer '" + tensor.name() + "': ");
      if (*taken)
        session.stored[tensor.name()] = std::move(stored);
      else
        kept.Add()->Swap(&tensor);
    }
    graph.mutable_initializer()->Swap(&kept);
    return success();
  }

  LogicalResult hoistConstantNodes(onnx::GraphProto &graph) {
    google::protobuf::RepeatedPtrField<onnx::NodeProto> kept;
    for (auto [index, node] : llvm::enumerate(*graph.mutable_node())) {
      onnx::TensorProto *value = findConstantValue(node);
      auto cut = session.scan.constants.find(index);
      const ByteRange *range = cut == session.scan.constants.end() ? nullptr : &cut->second;
      StoredTensor stored;
      Expected<bool> taken = value ? store(*value, range, stored) : Expected<bool>(false);
      if (!taken)
        return session.fail(session.nodeLocation(node, index), taken.takeError(),
                            "attribute 'value': ");
      if (!value && range)
        return session.error(session.nodeLocation(node, index))
               << "expected one tensor 'value' and one output of Constant, found a malformed node";
      if (*taken)
        session.stored[node.output(0)] = std::move(stored);
      else
        kept.Add()->Swap(&node);
    }
    graph.mutable_node()->Swap(&kept);
    return success();
  }

  /// The tensor of a well-formed Constant; checking the others is left to onnx.
  static onnx::TensorProto *findConstantValue(onnx::NodeProto &node) {
    if (node.op_type() != "Constant" || !node.domain().empty() || node.output_size() != 1 ||
        node.output(0).empty() || node.attribute_size() != 1)
      return nullptr;
    onnx::AttributeProto &attribute = *node.mutable_attribute(0);
    return attribute.name() == "value" && attribute.has_t() ? attribute.mutable_t() : nullptr;
  }

  /// Tensors that the wire scan leaves in their nodes.
  LogicalResult checkNodeTensors(onnx::GraphProto &graph) {
    for (auto [index, node] : llvm::enumerate(*graph.mutable_node()))
      if (!findConstantValue(node) && !session.scan.constants.contains(index) &&
          failed(checkAttributes(node, index)))
        return failure();
    return success();
  }

  LogicalResult checkFunctionTensors() {
    for (const onnx::FunctionProto &function : session.model.functions())
      for (auto [index, node] : llvm::enumerate(function.node()))
        if (failed(checkAttributes(node, index)))
          return failure();
    return success();
  }

  LogicalResult checkAttributes(const onnx::NodeProto &node, unsigned index) {
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_sparse_tensor() || attribute.sparse_tensors_size() > 0 ||
          attribute.tensors_size() > 0)
        return session.error(session.nodeLocation(node, index))
               << "attribute '" << attribute.name()
               << "': expected at most one dense tensor, found a list or a sparse tensor, which is "
                  "not supported";
      if (!attribute.has_t())
        continue;
      if (isExternal(attribute.t()))
        return session.error(session.nodeLocation(node, index))
               << "attribute '" << attribute.name()
               << "': expected its tensor in the file, found external data, which is supported for "
                  "initializers and Constant";
      if (Error problem = checkTensor(attribute.t(), std::nullopt))
        return session.fail(session.nodeLocation(node, index), std::move(problem),
                            "attribute '" + attribute.name() + "': ");
    }
    return success();
  }

  /// Up to IR version 3 constants are listed as inputs; later that makes them overridable
  /// defaults, whose values onnx would not use in shape inference.
  void removeConstantInputs(onnx::GraphProto &graph) {
    google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> kept;
    for (onnx::ValueInfoProto &input : *graph.mutable_input())
      if (!constants.contains(input.name()))
        kept.Add()->Swap(&input);
    graph.mutable_input()->Swap(&kept);
  }

  static void addInput(onnx::GraphProto &graph, llvm::StringRef name, const StoredTensor &stored) {
    onnx::ValueInfoProto *input = graph.add_input();
    input->set_name(name.str());
    onnx::TypeProto_Tensor *type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(stored.dataType);
    type->mutable_shape();
    for (int64_t dim : stored.dims)
      type->mutable_shape()->add_dim()->set_dim_value(dim);
  }

  ImportSession &session;
  llvm::StringSet<> constants;
};

} // namespace

LogicalResult hoistConstants(ImportSession &session) { return Hoister(session).run(); }

} // namespace quern::onnxfile
