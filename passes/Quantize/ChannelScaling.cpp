// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/ChannelScaling.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/Segments.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using quern::onnxir::NodeOp;

namespace quern {

/// How many values lie between two with neighbouring indices of a dimension.
static int64_t getInner(llvm::ArrayRef<int64_t> dims, int64_t axis) {
  int64_t inner = 1;
  for (int64_t dim : dims.drop_front(axis + 1))
    inner *= dim;
  return inner;
}

std::vector<float> getRanges(NodeOp node, unsigned operand, int64_t axis) {
  mlir::Value constant = node.getInput(operand);
  auto dims = llvm::cast<mlir::RankedTensorType>(constant.getType()).getShape();
  std::vector<float> values = *readConstant<float>(constant), ranges(dims[axis]);
  int64_t inner = getInner(dims, axis);
  for (auto [index, value] : llvm::enumerate(values)) {
    float &range = ranges[static_cast<int64_t>(index) / inner % dims[axis]];
    range = std::max(range, std::abs(value));
  }
  return ranges;
}

void scaleConstant(QuantizationState &state, NodeOp node, unsigned operand, int64_t axis,
                   llvm::ArrayRef<float> factors) {
  qir::ConstantOp constant = getConstant(node.getInput(operand));
  auto type = llvm::cast<mlir::RankedTensorType>(constant.getType());
  std::vector<float> values = *readConstant<float>(constant);
  int64_t inner = getInner(type.getShape(), axis);
  for (auto [index, value] : llvm::enumerate(values))
    value *= factors[static_cast<int64_t>(index) / inner % type.getDimSize(axis)];
  mlir::OpBuilder builder(constant);
  qir::ConstantOp scaled = makeConstant<float>(builder, constant.getLoc(), type, values);
  scaled.setSiteAttr(constant.getSiteAttr());
  node->setOperand(operand, scaled);
  std::string name = node.getOutputName(0).str();
  llvm::erase_if(state.plan.constants, [&](const ConstantChange &change) {
    return change.use.node == name && change.use.operand == operand;
  });
  state.plan.constants.push_back(
      {{name, operand, getSite(constant).str()}, type.getShape().vec(), std::move(values)});
}

namespace {

/// Finds the constants by which the channels of a value can be scaled where it is made.
class ProducerSearch {
public:
  ProducerSearch(mlir::Value value, int64_t axis) : axis(axis), channels(dimOf(value, axis)) {}
  bool find(mlir::Value value);
  std::vector<ScalableGroup::Operand> found;

private:
  static int64_t dimOf(mlir::Value value, int64_t axis) {
    return llvm::cast<mlir::RankedTensorType>(value.getType()).getDimSize(axis);
  }
  bool takeVector(NodeOp node, unsigned operand);
  bool takeLayer(NodeOp node);
  bool findInSum(NodeOp node);
  bool findInProduct(NodeOp node);
  bool findAlone(mlir::Value value) { return value.hasOneUse() && find(value); }

  int64_t axis, channels;
};

} // namespace

/// A constant with a value for each channel.
bool ProducerSearch::takeVector(NodeOp node, unsigned operand) {
  if (!node.hasInput(operand) || !getConstant(node.getInput(operand)))
    return false;
  auto type = llvm::cast<mlir::RankedTensorType>(node.getInput(operand).getType());
  auto result = llvm::cast<mlir::RankedTensorType>(node.getResult(0).getType());
  int64_t place = axis - (result.getRank() - type.getRank());
  if (!type.getElementType().isF32() || place < 0 || type.getNumElements() != channels ||
      type.getDimSize(place) != channels)
    return false;
  found.push_back({node, operand, place});
  return true;
}

/// A product or convolution whose output channels these are.
bool ProducerSearch::takeLayer(NodeOp node) {
  if (!node.hasInput(1) || !getConstant(node.getInput(1)))
    return false;
  auto type = llvm::cast<mlir::RankedTensorType>(node.getInput(1).getType());
  bool isConv = node.is("Conv");
  int64_t place = isConv || node.getInt("transB", 0) ? 0 : 1;
  if (!type.getElementType().isF32() || type.getDimSize(place) != channels ||
      (!isConv && type.getRank() != 2))
    return false;
  found.push_back({node, 1, place});
  if (!node.hasInput(2))
    return true;
  auto bias = llvm::cast<mlir::RankedTensorType>(node.getInput(2).getType());
  if (!getConstant(node.getInput(2)) || bias.getShape() != llvm::ArrayRef(channels))
    return false;
  found.push_back({node, 2, 0});
  return true;
}

bool ProducerSearch::findInSum(NodeOp node) {
  for (unsigned constant : {1U, 0U})
    if (takeVector(node, constant))
      return findAlone(node.getInput(1 - constant));
  return false;
}

bool ProducerSearch::findInProduct(NodeOp node) {
  if (takeVector(node, 1) || takeVector(node, 0))
    return true;
  for (unsigned factor : {1U, 0U}) {
    mlir::Value value = node.getInput(factor);
    auto before = found;
    if (value.getType() == node.getResult(0).getType() && findAlone(value))
      return true;
    found = before;
  }
  return false;
}

bool ProducerSearch::find(mlir::Value value) {
  auto node = value.getDefiningOp<NodeOp>();
  if (!node || !node.getDomain().empty())
    return false;
  llvm::StringRef type = node.getOpType();
  if (type == "LayerNormalization" || type == "RMSNormalization")
    return takeVector(node, 1) && (!node.hasInput(2) || takeVector(node, 2));
  if (type == "Add")
    return findInSum(node);
  if (type == "Mul")
    return findInProduct(node);
  if (type == "Conv" || type == "MatMul" || type == "Gemm")
    return takeLayer(node);
  if (type == "Relu" || type == "LeakyRelu" || type == "Identity")
    return findAlone(node.getInput(0));
  return false;
}

/// The dimension of the layer's weights along which its input channels lie; none where they are
/// not all there.
static std::optional<int64_t> getInputAxis(WeightedNode &layer) {
  if (!layer.node.is("Conv"))
    return layer.axis == 0 ? 1 : 0;
  if (layer.node.getInt("group", 1) == 1)
    return 1;
  return std::nullopt;
}

std::vector<ScalableGroup> findScalableGroups(QuantizationState &state) {
  std::vector<ScalableGroup> groups;
  for (WeightedNode &layer : state.placement.weights) {
    mlir::Value input = layer.getInput();
    auto known =
        llvm::find_if(groups, [&](const ScalableGroup &group) { return group.input == input; });
    if (known == groups.end()) {
      int64_t rank = llvm::cast<mlir::RankedTensorType>(input.getType()).getRank();
      known =
          groups.insert(groups.end(), {input, layer.node.is("Conv") ? 1 : rank - 1, {}, {}, {}});
    }
    if (auto axis = getInputAxis(layer)) {
      known->layers.push_back(&layer);
      known->consumers.push_back({layer.node, layer.weightOperand, *axis});
    }
  }
  auto isScalable = [](ScalableGroup &group) {
    auto uses = static_cast<size_t>(std::distance(group.input.use_begin(), group.input.use_end()));
    ProducerSearch search(group.input, group.axis);
    if (uses != group.layers.size() || !search.find(group.input))
      return false;
    group.producers = std::move(search.found);
    return true;
  };
  llvm::erase_if(groups, [&](ScalableGroup &group) { return !isScalable(group); });
  llvm::sort(groups, [](const ScalableGroup &a, const ScalableGroup &b) {
    return isMadeBefore(a.input, b.input);
  });
  return groups;
}

void divideChannels(QuantizationState &state, const ScalableGroup &group,
                    llvm::ArrayRef<float> factors) {
  std::vector<float> inverse;
  for (float factor : factors)
    inverse.push_back(1 / factor);
  for (const ScalableGroup::Operand &producer : group.producers)
    scaleConstant(state, producer.node, producer.operand, producer.axis, inverse);
  for (const ScalableGroup::Operand &consumer : group.consumers)
    scaleConstant(state, consumer.node, consumer.operand, consumer.axis, factors);
}

} // namespace quern
