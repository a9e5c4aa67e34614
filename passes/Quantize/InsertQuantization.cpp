// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/InsertQuantization.h"

#include "dialects/Onnx/OnnxOps.h"
#include "dialects/Quern/ConstantData.h"
#include "passes/Calibrate/Sites.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using quern::onnxir::NodeOp;

namespace quern {

/// The operator set in which the inserted nodes are meant; their meaning has not changed since.
static constexpr int64_t opset = 21;

namespace {

/// Writes one plan into one function.
class Inserter {
public:
  Inserter(func::FuncOp main, const QuantizationPlan &plan)
      : main(main), plan(plan), builder(main) {}
  LogicalResult run();

private:
  LogicalResult insertActivation(const ActivationQuantization &activation);
  LogicalResult insertWeight(const WeightQuantization &weight);
  LogicalResult insertBias(const BiasQuantization &bias);
  LogicalResult changeConstant(const ConstantChange &change);
  FailureOr<NodeOp> findNode(const ConstantUse &use);
  Value makeNode(Location location, llvm::StringRef type, ValueRange operands, Type result,
                 llvm::StringRef name, std::optional<int64_t> axis = std::nullopt,
                 int64_t block = 0);
  template <typename T>
  Value makeValue(Location location, ArrayRef<int64_t> dims, Type element, ArrayRef<T> values,
                  llvm::StringRef site);
  static void setOperand(NodeOp node, unsigned operand, Value value);

  func::FuncOp main;
  const QuantizationPlan &plan;
  OpBuilder builder;
  llvm::StringMap<NodeOp> nodes; ///< by their first output
};

} // namespace

Value Inserter::makeNode(Location location, llvm::StringRef type, ValueRange operands, Type result,
                         llvm::StringRef name, std::optional<int64_t> axis, int64_t block) {
  llvm::SmallVector<NamedAttribute> list;
  if (axis)
    list.push_back(builder.getNamedAttr("axis", builder.getI64IntegerAttr(*axis)));
  if (block)
    list.push_back(builder.getNamedAttr("block_size", builder.getI64IntegerAttr(block)));
  DictionaryAttr attributes = list.empty() ? DictionaryAttr() : builder.getDictionaryAttr(list);
  return NodeOp::create(builder, location, TypeRange{result}, builder.getStringAttr(type), operands,
                        builder.getStringAttr(""), builder.getI64IntegerAttr(opset),
                        builder.getStrArrayAttr({name}), attributes)
      .getResult(0);
}

template <typename T>
Value Inserter::makeValue(Location location, ArrayRef<int64_t> dims, Type element,
                          ArrayRef<T> values, llvm::StringRef site) {
  std::vector<char> bytes(reinterpret_cast<const char *>(values.data()),
                          reinterpret_cast<const char *>(values.data() + values.size()));
  qir::ConstantOp constant = makeConstantFromBytes(
      builder, location, RankedTensorType::get(dims, element), std::move(bytes));
  constant.setSiteAttr(builder.getStringAttr(site));
  return constant;
}

LogicalResult Inserter::insertActivation(const ActivationQuantization &activation) {
  Value value = findSite(main, activation.site);
  if (!value)
    return main.emitError("there is no tensor '") << activation.site << "' to quantize";
  SmallVector<OpOperand *> uses;
  for (OpOperand &use : value.getUses())
    if (!llvm::isa<func::ReturnOp>(use.getOwner()))
      uses.push_back(&use);
  builder.setInsertionPointAfterValue(value);
  Location location = value.getLoc();
  auto type = llvm::cast<RankedTensorType>(value.getType());
  Type code = builder.getIntegerType(8, /*isSigned=*/false);
  auto zero = static_cast<uint8_t>(activation.parameters.zeroPoint);
  const std::string &site = activation.site;
  const CodeParameters &parameters = activation.parameters;
  SmallVector<int64_t> dims;
  if (parameters.axis)
    dims.push_back(static_cast<int64_t>(parameters.scales.size()));
  Value scale =
      makeValue<float>(location, dims, builder.getF32Type(), parameters.scales, site + "_scale");
  std::vector<uint8_t> zeros(parameters.scales.size(), zero);
  Value point = makeValue<uint8_t>(location, dims, code, zeros, site + "_zero_point");
  Value codes =
      makeNode(location, "QuantizeLinear", {value, scale, point},
               RankedTensorType::get(type.getShape(), code), site + "_quantized", parameters.axis);
  Value result = makeNode(location, "DequantizeLinear", {codes, scale, point}, type,
                          site + "_dequantized", parameters.axis);
  for (OpOperand *use : uses)
    use->set(result);
  return success();
}

FailureOr<NodeOp> Inserter::findNode(const ConstantUse &use) {
  if (NodeOp node = nodes.lookup(use.node))
    return node;
  return main.emitError("there is no node with the output '") << use.node << "'", failure();
}

/// A bias may be added where there was none.
void Inserter::setOperand(NodeOp node, unsigned operand, Value value) {
  if (operand < node.getInputs().size())
    node->setOperand(operand, value);
  else
    node->insertOperands(operand, value);
}

LogicalResult Inserter::insertWeight(const WeightQuantization &weight) {
  FailureOr<NodeOp> node = findNode(weight.use);
  if (failed(node))
    return failure();
  builder.setInsertionPoint(*node);
  Location location = node->getLoc();
  const std::string &site = weight.use.site;
  Type code = builder.getIntegerType(weight.scheme->bits, weight.scheme->isSigned);
  std::vector<int64_t> scaleDims = weight.getScaleDims();
  llvm::SmallVector<Value> operands = {
      makeValue<int8_t>(location, weight.dims, code, weight.codes, site + "_quantized"),
      makeValue<float>(location, scaleDims, builder.getF32Type(), weight.scales, site + "_scale")};
  if (!weight.zeroPoints.empty())
    operands.push_back(
        makeValue<int8_t>(location, scaleDims, code, weight.zeroPoints, site + "_zero_point"));
  Value result =
      makeNode(location, "DequantizeLinear", operands,
               RankedTensorType::get(weight.dims, builder.getF32Type()), site + "_dequantized",
               weight.group ? weight.groupAxis : weight.axis, weight.group);
  setOperand(*node, weight.use.operand, result);
  return success();
}

LogicalResult Inserter::changeConstant(const ConstantChange &change) {
  FailureOr<NodeOp> node = findNode(change.use);
  if (failed(node))
    return failure();
  builder.setInsertionPoint(*node);
  Value value = makeValue<float>(node->getLoc(), change.dims, builder.getF32Type(), change.values,
                                 change.use.site);
  setOperand(*node, change.use.operand, value);
  return success();
}

LogicalResult Inserter::insertBias(const BiasQuantization &bias) {
  FailureOr<NodeOp> node = findNode(bias.use);
  if (failed(node))
    return failure();
  builder.setInsertionPoint(*node);
  Location location = node->getLoc();
  auto channels = static_cast<int64_t>(bias.scales.size());
  auto type = RankedTensorType::get(channels, builder.getF32Type());
  std::string site = bias.use.site.empty() ? bias.use.node + "_bias" : bias.use.site;
  Value codes = makeValue<int32_t>(location, {channels}, builder.getIntegerType(32, true),
                                   bias.codes, site + "_quantized");
  Value scale =
      makeValue<float>(location, {channels}, builder.getF32Type(), bias.scales, site + "_scale");
  Value result =
      makeNode(location, "DequantizeLinear", {codes, scale}, type, site + "_dequantized", 0);
  setOperand(*node, bias.use.operand, result);
  return success();
}

LogicalResult Inserter::run() {
  for (auto node : main.getOps<NodeOp>())
    nodes.try_emplace(node.getOutputName(0).getValue(), node);
  for (const ConstantChange &change : plan.constants)
    if (failed(changeConstant(change)))
      return failure();
  for (const WeightQuantization &weight : plan.weights)
    if (failed(insertWeight(weight)))
      return failure();
  for (const BiasQuantization &bias : plan.biases)
    if (failed(insertBias(bias)))
      return failure();
  for (const ActivationQuantization &activation : plan.activations)
    if (failed(insertActivation(activation)))
      return failure();
  return success();
}

LogicalResult insertQuantization(ModuleOp module, const QuantizationPlan &plan) {
  return Inserter(getMain(module), plan).run();
}

QuantizationPlan restrictPlan(const QuantizationPlan &plan, ModuleOp part) {
  func::FuncOp main = getMain(part);
  llvm::StringSet<> nodes;
  for (auto node : main.getOps<NodeOp>())
    nodes.insert(node.getOutputName(0).getValue());
  QuantizationPlan result;
  auto select = [&](const auto &from, auto &to) {
    for (const auto &item : from)
      if (nodes.contains(item.use.node))
        to.push_back(item);
  };
  select(plan.constants, result.constants);
  select(plan.weights, result.weights);
  select(plan.biases, result.biases);
  for (const ActivationQuantization &activation : plan.activations)
    if (findSite(main, activation.site))
      result.activations.push_back(activation);
  return result;
}

} // namespace quern
