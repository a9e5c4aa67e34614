// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/PlanWeights.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/WeightScales.h"

#include "llvm/ADT/StringMap.h"

using llvm::Error;

namespace quern {

/// Codes are -127 .. 127: without -128 their range is symmetric.
static constexpr int highCode = 127;

namespace {

/// Plans the weights of one model.
class WeightPlanner {
public:
  WeightPlanner(QuantizationState &state, float (*choose)(llvm::ArrayRef<float>, int))
      : state(state), choose(choose) {}
  Error run();

private:
  Error planNode(WeightedNode &weighted);
  static std::vector<double> readBias(WeightedNode &weighted);

  QuantizationState &state;
  float (*choose)(llvm::ArrayRef<float>, int);
  llvm::StringMap<const CodeParameters *> inputs;
};

} // namespace

/// Zeros where there is no bias.
std::vector<double> WeightPlanner::readBias(WeightedNode &weighted) {
  if (qir::ConstantOp bias = weighted.getBias())
    return *readConstant<double>(bias);
  return std::vector<double>(weighted.channels);
}

Error WeightPlanner::planNode(WeightedNode &weighted) {
  auto values = readConstant<float>(weighted.getWeight());
  std::string node = weighted.node.getOutputName(0).str();
  const CodeParameters *input = inputs.lookup(getSite(weighted.getInput()));
  if (!values || !input)
    return llvm::createStringError("node with the output '" + node +
                                   "': expected constant weights and quantized inputs");
  std::vector<double> bias;
  if (weighted.biasOperand)
    bias = readBias(weighted);
  llvm::ArrayRef<int64_t> dims = weighted.getWeightType().getShape();
  WeightView view = WeightView::along(*values, dims, weighted.axis);
  WeightQuantization weight;
  weight.use = {node, weighted.weightOperand, getSite(weighted.getWeight()).str()};
  weight.dims = dims.vec();
  weight.axis = weighted.axis;
  weight.scales = chooseScales(view, highCode, choose, bias,
                               [&](size_t channel) { return input->getScale(channel); });
  weight.codes = makeWeightCodes(view, weight.scales, highCode);
  if (weighted.biasOperand) {
    BiasQuantization quantized;
    qir::ConstantOp constant = weighted.getBias();
    quantized.use = {node, *weighted.biasOperand, constant ? getSite(constant).str() : ""};
    for (auto [channel, scale] : llvm::enumerate(weight.scales))
      quantized.scales.push_back(scale * input->getScale(channel));
    quantized.codes = makeBiasCodes(bias, quantized.scales);
    state.plan.biases.push_back(std::move(quantized));
    state.biases.push_back(std::move(bias));
  }
  state.plan.weights.push_back(std::move(weight));
  return Error::success();
}

Error WeightPlanner::run() {
  for (const ActivationQuantization &activation : state.plan.activations)
    inputs[activation.site] = &activation.parameters;
  for (WeightedNode &weighted : state.placement.weights)
    if (Error error = planNode(weighted))
      return error;
  return Error::success();
}

Error planWeights(QuantizationState &state, float (*choose)(llvm::ArrayRef<float>, int)) {
  return WeightPlanner(state, choose).run();
}

} // namespace quern
