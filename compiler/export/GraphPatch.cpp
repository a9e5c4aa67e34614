// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/export/GraphPatch.h"

#include "llvm/ADT/STLExtras.h"

using llvm::Error;

namespace quern {

GraphPatch::GraphPatch(onnx::GraphProto &graph) : graph(graph) {
  for (const onnx::ValueInfoProto &input : graph.input())
    names.insert(input.name());
  for (const onnx::TensorProto &tensor : graph.initializer())
    names.insert(tensor.name());
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    names.insert(node.name());
    for (const std::string &output : node.output()) {
      names.insert(output);
      producers[output] = &node;
    }
  }
}

std::string GraphPatch::makeName(const std::string &wish) {
  std::string name = wish;
  for (unsigned number = 2; !names.insert(name).second; ++number)
    name = wish + "_" + std::to_string(number);
  return name;
}

std::string GraphPatch::addTensor(const std::string &wish, int32_t type,
                                  llvm::ArrayRef<int64_t> dims, const void *data, size_t bytes) {
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(makeName(wish));
  tensor->set_data_type(type);
  for (int64_t dim : dims)
    tensor->add_dims(dim);
  tensor->set_raw_data(data, bytes);
  return tensor->name();
}

onnx::NodeProto &GraphPatch::addNode(std::vector<onnx::NodeProto> &list, const char *type,
                                     const std::vector<std::string> &inputs,
                                     const std::string &output, std::optional<int64_t> axis,
                                     int64_t block) {
  onnx::NodeProto &node = list.emplace_back();
  node.set_op_type(type);
  node.set_name(makeName(output + "_" + type));
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(output);
  auto add = [&](const char *name, int64_t value) {
    onnx::AttributeProto *attribute = node.add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::AttributeProto::INT);
    attribute->set_i(value);
  };
  if (axis)
    add("axis", *axis);
  if (block)
    add("block_size", block);
  return node;
}

void GraphPatch::addActivation(const ActivationQuantization &activation) {
  const std::string &site = activation.site;
  const CodeParameters &parameters = activation.parameters;
  std::vector<int64_t> dims;
  if (parameters.axis)
    dims.push_back(static_cast<int64_t>(parameters.scales.size()));
  std::vector<uint8_t> zeros(parameters.scales.size(), static_cast<uint8_t>(parameters.zeroPoint));
  std::string scale = addTensor(site + "_scale", onnx::TensorProto::FLOAT, dims,
                                parameters.scales.data(), parameters.scales.size() * sizeof(float));
  std::string zero =
      addTensor(site + "_zero_point", onnx::TensorProto::UINT8, dims, zeros.data(), zeros.size());
  std::string codes = makeName(site + "_quantized"), reals = makeName(site + "_dequantized");
  std::vector<onnx::NodeProto> &list = followers[site];
  addNode(list, "QuantizeLinear", {site, scale, zero}, codes, parameters.axis);
  addNode(list, "DequantizeLinear", {codes, scale, zero}, reals, parameters.axis);
  replacements[site] = reals;
}

Error GraphPatch::replaceOperand(const ConstantUse &use, const std::string &name) {
  onnx::NodeProto *node = producers.lookup(use.node);
  if (!node)
    return llvm::createStringError("the file has no node with the output '" + use.node +
                                   "': a model with functions cannot be exported, only compiled");
  while (node->input_size() <= static_cast<int>(use.operand))
    node->add_input("");
  replaced.insert(node->input(static_cast<int>(use.operand)));
  node->set_input(static_cast<int>(use.operand), name);
  return Error::success();
}

/// ONNX's smallest type that holds a scheme's codes: 4 bits are the fewest that runtimes know.
static onnx::TensorProto::DataType getCodeType(const WeightScheme &scheme) {
  if (scheme.bits > 4)
    return scheme.isSigned ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8;
  return scheme.isSigned ? onnx::TensorProto::INT4 : onnx::TensorProto::UINT4;
}

/// Codes as ONNX stores them: of 4 bits two in a byte, the first one low.
static std::vector<int8_t> packCodes(llvm::ArrayRef<int8_t> codes, const WeightScheme &scheme) {
  if (scheme.bits > 4)
    return codes.vec();
  std::vector<int8_t> packed((codes.size() + 1) / 2);
  for (auto [index, code] : llvm::enumerate(codes)) {
    auto &byte = packed[index / 2];
    byte = static_cast<int8_t>(byte | (code & 15) << (index % 2 ? 4 : 0));
  }
  return packed;
}

Error GraphPatch::changeConstant(const ConstantChange &change) {
  std::string site = change.use.site.empty() ? change.use.node + "_bias" : change.use.site;
  return replaceOperand(change.use,
                        addTensor(site + "_changed", onnx::TensorProto::FLOAT, change.dims,
                                  change.values.data(), change.values.size() * sizeof(float)));
}

Error GraphPatch::addWeight(const WeightQuantization &weight) {
  const std::string &site = weight.use.site;
  std::vector<int64_t> scaleDims = weight.getScaleDims();
  std::vector<int8_t> points = weight.zeroPoints;
  points.resize(weight.scales.size());
  std::vector<int8_t> packed = packCodes(weight.codes, *weight.scheme),
                      zeros = packCodes(points, *weight.scheme);
  int32_t type = getCodeType(*weight.scheme);
  std::string codes =
      addTensor(site + "_quantized", type, weight.dims, packed.data(), packed.size());
  std::string scale = addTensor(site + "_scale", onnx::TensorProto::FLOAT, scaleDims,
                                weight.scales.data(), weight.scales.size() * sizeof(float));
  std::string zero = addTensor(site + "_zero_point", type, scaleDims, zeros.data(), zeros.size());
  std::string reals = makeName(site + "_dequantized");
  addNode(leaders, "DequantizeLinear", {codes, scale, zero}, reals,
          weight.group ? weight.groupAxis : weight.axis, weight.group);
  return replaceOperand(weight.use, reals);
}

Error GraphPatch::addBias(const BiasQuantization &bias) {
  std::string site = bias.use.site.empty() ? bias.use.node + "_bias" : bias.use.site;
  auto channels = static_cast<int64_t>(bias.scales.size());
  std::vector<int32_t> zeros(bias.scales.size());
  std::string codes = addTensor(site + "_quantized", onnx::TensorProto::INT32, channels,
                                bias.codes.data(), bias.codes.size() * sizeof(int32_t));
  std::string scale = addTensor(site + "_scale", onnx::TensorProto::FLOAT, channels,
                                bias.scales.data(), bias.scales.size() * sizeof(float));
  std::string zero = addTensor(site + "_zero_point", onnx::TensorProto::INT32, channels,
                               zeros.data(), zeros.size() * sizeof(int32_t));
  std::string reals = makeName(site + "_dequantized");
  addNode(leaders, "DequantizeLinear", {codes, scale, zero}, reals, 0);
  return replaceOperand(bias.use, reals);
}

Error GraphPatch::checkSites(const QuantizationPlan &plan) const {
  for (const ActivationQuantization &activation : plan.activations)
    if (!names.contains(activation.site))
      return llvm::createStringError("the file has no tensor '" + activation.site +
                                     "': a model with functions cannot be exported, only compiled");
  return Error::success();
}

/// Readers of a tensor that became codes read what the codes mean; outputs of the graph stay.
void GraphPatch::redirect(const QuantizationPlan &plan) {
  for (const ActivationQuantization &activation : plan.activations)
    addActivation(activation);
  for (onnx::NodeProto &node : *graph.mutable_node())
    for (std::string &input : *node.mutable_input())
      if (auto found = replacements.find(input); found != replacements.end())
        input = found->second;
}

/// Each added node right behind what it reads.
void GraphPatch::orderNodes() {
  google::protobuf::RepeatedPtrField<onnx::NodeProto> ordered;
  auto take = [&](std::vector<onnx::NodeProto> &list) {
    for (onnx::NodeProto &node : list)
      ordered.Add()->Swap(&node);
  };
  take(leaders);
  for (const onnx::ValueInfoProto &input : graph.input())
    if (auto found = followers.find(input.name()); found != followers.end())
      take(found->second);
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    std::vector<std::string> outputs(node.output().begin(), node.output().end());
    ordered.Add()->Swap(&node);
    for (const std::string &output : outputs)
      if (auto found = followers.find(output); found != followers.end())
        take(found->second);
  }
  graph.mutable_node()->Swap(&ordered);
}

/// Notes what a graph reads, the graphs inside of its nodes included.
static void collectReads(const onnx::GraphProto &graph, llvm::StringSet<> &reads) {
  for (const onnx::NodeProto &node : graph.node()) {
    for (const std::string &input : node.input())
      reads.insert(input);
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        collectReads(attribute.g(), reads);
      for (const onnx::GraphProto &inner : attribute.graphs())
        collectReads(inner, reads);
    }
  }
  for (const onnx::ValueInfoProto &output : graph.output())
    reads.insert(output.name());
}

/// Constants in float that nobody reads any more, because codes took their place.
void GraphPatch::dropUnused() {
  llvm::StringSet<> reads;
  collectReads(graph, reads);
  auto isUnused = [&](const std::string &name) {
    return replaced.contains(name) && !reads.contains(name);
  };
  google::protobuf::RepeatedPtrField<onnx::TensorProto> tensors;
  for (onnx::TensorProto &tensor : *graph.mutable_initializer())
    if (!isUnused(tensor.name()))
      tensors.Add()->Swap(&tensor);
  graph.mutable_initializer()->Swap(&tensors);
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  for (onnx::NodeProto &node : *graph.mutable_node())
    if (node.op_type() != "Constant" || !isUnused(node.output(0)))
      nodes.Add()->Swap(&node);
  graph.mutable_node()->Swap(&nodes);
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> inputs;
  for (onnx::ValueInfoProto &input : *graph.mutable_input())
    if (!isUnused(input.name()))
      inputs.Add()->Swap(&input);
  graph.mutable_input()->Swap(&inputs);
}

Error GraphPatch::apply(const QuantizationPlan &plan) {
  if (Error error = checkSites(plan))
    return error;
  for (const ConstantChange &change : plan.constants)
    if (Error error = changeConstant(change))
      return error;
  for (const WeightQuantization &weight : plan.weights)
    if (Error error = addWeight(weight))
      return error;
  for (const BiasQuantization &bias : plan.biases)
    if (Error error = addBias(bias))
      return error;
  redirect(plan);
  orderNodes();
  dropUnused();
  return Error::success();
}

} // namespace quern
