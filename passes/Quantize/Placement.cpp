// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Placement.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Calibrate/Sites.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using quern::onnxir::NodeOp;

namespace quern {

static bool isFloatTensor(Value value) {
  auto type = value ? llvm::dyn_cast<RankedTensorType>(value.getType()) : RankedTensorType();
  return type && type.hasStaticShape() && type.getElementType().isF32();
}

qir::ConstantOp WeightedNode::getWeight() { return getConstant(node.getInput(weightOperand)); }

RankedTensorType WeightedNode::getWeightType() {
  return llvm::cast<RankedTensorType>(node.getInput(weightOperand).getType());
}

qir::ConstantOp WeightedNode::getBias() {
  if (adder)
    return getConstant(adder.getInput(adderOperand));
  return biasOperand && node.hasInput(*biasOperand) ? getConstant(node.getInput(*biasOperand))
                                                    : qir::ConstantOp();
}

std::optional<ConstantUse> WeightedNode::getBiasUse() {
  qir::ConstantOp bias = getBias();
  std::string site = bias ? getSite(bias).str() : "";
  if (adder)
    return ConstantUse{adder.getOutputName(0).str(), adderOperand, site};
  if (biasOperand)
    return ConstantUse{node.getOutputName(0).str(), *biasOperand, site};
  return std::nullopt;
}

std::vector<int64_t> WeightedNode::getBiasDims() {
  if (qir::ConstantOp bias = getBias())
    return llvm::cast<RankedTensorType>(bias.getType()).getShape().vec();
  return {channels};
}

std::vector<double> WeightedNode::readBias() {
  if (qir::ConstantOp bias = getBias())
    return *readConstant<double>(bias);
  return std::vector<double>(getBiasUse() ? channels : 0);
}

bool WeightedNode::isDepthwise() {
  return node.is("Conv") && node.getInt("group", 1) == channels && channels > 1 &&
         getWeightType().getDimSize(1) == 1;
}

static bool isPlain(NodeOp node, llvm::StringRef type) {
  return node.getDomain().empty() && node.getOpType() == type;
}

/// A Gemm that is a plain product: alpha = beta = 1, left operand as it is.
static bool isPlainGemm(NodeOp node) {
  return isPlain(node, "Gemm") && node.getFloat("alpha", 1) == 1 && node.getFloat("beta", 1) == 1 &&
         node.getInt("transA", 0) == 0;
}

static std::optional<int64_t> getChannelAxis(NodeOp node, RankedTensorType weight) {
  if (isPlain(node, "Conv"))
    return 0;
  if (isPlainGemm(node) && weight.getRank() == 2)
    return node.getInt("transB", 0) ? 0 : 1;
  if (isPlain(node, "MatMul") && weight.getRank() == 2)
    return 1;
  return std::nullopt;
}

/// Finds the Add that gives a product its bias.
static void findAdder(WeightedNode &weighted) {
  Value product = weighted.node.getResult(0);
  if (!product.hasOneUse())
    return;
  auto adder = llvm::dyn_cast<NodeOp>(*product.user_begin());
  if (!adder || !isPlain(adder, "Add"))
    return;
  unsigned operand = adder.getInput(0) == product ? 1 : 0;
  Value bias = adder.getInput(operand);
  if (!isFloatTensor(bias) || !getConstant(bias))
    return;
  auto type = llvm::cast<RankedTensorType>(bias.getType());
  if (type.getNumElements() != weighted.channels || type.getRank() == 0 ||
      type.getShape().back() != weighted.channels)
    return;
  weighted.adder = adder;
  weighted.adderOperand = operand;
}

static std::optional<WeightedNode> matchWeights(NodeOp node) {
  if (!isFloatTensor(node.getInput(0)) || !isFloatTensor(node.getInput(1)) ||
      !getConstant(node.getInput(1)) || getConstant(node.getInput(0)))
    return std::nullopt;
  auto type = llvm::cast<RankedTensorType>(node.getInput(1).getType());
  auto axis = getChannelAxis(node, type);
  if (!axis || type.getNumElements() == 0)
    return std::nullopt;
  WeightedNode weighted = {node, 1, *axis, type.getDimSize(*axis), std::nullopt, {}, 0};
  if (isPlain(node, "MatMul")) {
    findAdder(weighted);
    return weighted;
  }
  if (node.hasInput(2)) {
    auto bias = llvm::dyn_cast<RankedTensorType>(node.getInput(2).getType());
    if (!getConstant(node.getInput(2)) || !isFloatTensor(node.getInput(2)) ||
        bias.getShape() != llvm::ArrayRef(weighted.channels))
      return weighted;
  }
  weighted.biasOperand = 2;
  return weighted;
}

namespace {

/// Decides which values become codes, from the graph's end to its start.
class Placer {
public:
  Placer(func::FuncOp main, llvm::function_ref<bool(NodeOp)> isExcluded)
      : main(main), isExcluded(isExcluded) {}
  Placement run();

private:
  bool wantsCodes(OpOperand &use);
  std::optional<WeightedNode> matchIncluded(NodeOp node) {
    return isExcluded && isExcluded(node) ? std::nullopt : matchWeights(node);
  }
  static bool isMover(NodeOp node);
  bool feedsDepthwiseOnly(Value value);
  bool isAddOfTensors(NodeOp node);
  void visit(Value value);
  void addTensor(Value value);

  func::FuncOp main;
  llvm::function_ref<bool(NodeOp)> isExcluded;
  llvm::DenseSet<Value> coded;
  llvm::DenseMap<Value, std::string> sources;
  Placement placement;
};

} // namespace

/// Whether the node's first result holds values of its first operand and no others.
bool Placer::isMover(NodeOp node) {
  static const llvm::StringSet<> movers = {"MaxPool", "Reshape",   "Flatten",      "Transpose",
                                           "Squeeze", "Unsqueeze", "Slice",        "Split",
                                           "Gather",  "Identity",  "DepthToSpace", "SpaceToDepth",
                                           "Expand",  "Tile",      "Dropout",      "GlobalMaxPool"};
  return node.getDomain().empty() && movers.contains(node.getOpType());
}

/// The sum of two feature maps; adding constants or scalars is left to the compiler's fusion.
bool Placer::isAddOfTensors(NodeOp node) {
  return isPlain(node, "Add") && llvm::all_of(node.getInputs(), [](Value input) {
           return isFloatTensor(input) && !getConstant(input) &&
                  llvm::cast<RankedTensorType>(input.getType()).getRank() >= 2;
         });
}

bool Placer::wantsCodes(OpOperand &use) {
  auto node = llvm::dyn_cast<NodeOp>(use.getOwner());
  if (!node || (isExcluded && isExcluded(node)))
    return false;
  unsigned operand = use.getOperandNumber();
  if (matchWeights(node))
    return operand == 0;
  if (isPlain(node, "MatMul"))
    return isFloatTensor(node.getInput(0)) && isFloatTensor(node.getInput(1));
  if (isAddOfTensors(node) || isPlain(node, "Concat"))
    return true;
  if (isPlain(node, "GlobalAveragePool") || isPlain(node, "AveragePool"))
    return true;
  return isMover(node) && operand == 0 &&
         llvm::any_of(node.getResults(), [&](Value result) { return coded.contains(result); });
}

void Placer::visit(Value value) {
  if (!isFloatTensor(value) || getSite(value).empty())
    return;
  if (llvm::any_of(value.getUses(), [&](OpOperand &use) { return wantsCodes(use); }))
    coded.insert(value);
}

bool Placer::feedsDepthwiseOnly(Value value) {
  return llvm::all_of(value.getUses(), [&](OpOperand &use) {
    if (llvm::isa<func::ReturnOp>(use.getOwner()))
      return true; // an output stays float
    auto node = llvm::dyn_cast<NodeOp>(use.getOwner());
    auto weighted = node ? matchIncluded(node) : std::nullopt;
    return weighted && use.getOperandNumber() == 0 && weighted->isDepthwise();
  });
}

void Placer::addTensor(Value value) {
  if (!coded.contains(value))
    return;
  std::string site = getSite(value).str();
  std::string source = site;
  auto node = value.getDefiningOp<NodeOp>();
  if (node && isMover(node))
    if (auto known = sources.find(node.getInput(0)); known != sources.end())
      source = known->second;
  sources[value] = source;
  QuantizedTensor tensor = {value, site, source, std::nullopt};
  if (source == site && feedsDepthwiseOnly(value))
    tensor.axis = 1;
  placement.tensors.push_back(std::move(tensor));
}

Placement Placer::run() {
  Block &body = main.getBody().front();
  for (Operation &op : llvm::reverse(body))
    if (auto node = llvm::dyn_cast<NodeOp>(op))
      for (Value result : node.getResults())
        visit(result);
  for (BlockArgument argument : main.getArguments()) {
    visit(argument);
    addTensor(argument);
  }
  for (auto node : main.getOps<NodeOp>()) {
    for (Value result : node.getResults())
      addTensor(result);
    if (auto weighted = matchIncluded(node))
      placement.weights.push_back(*weighted);
  }
  return std::move(placement);
}

std::vector<ObservedSite> Placement::getSources() const {
  std::vector<ObservedSite> result;
  llvm::StringSet<> seen;
  for (const QuantizedTensor &tensor : tensors)
    if (seen.insert(tensor.source).second)
      result.push_back({tensor.source, tensor.axis});
  return result;
}

Placement findPlacement(func::FuncOp main, llvm::function_ref<bool(NodeOp)> isExcluded) {
  return Placer(main, isExcluded).run();
}

} // namespace quern
