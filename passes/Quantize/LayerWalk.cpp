// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/LayerWalk.h"

#include "dialects/Quern/ConstantData.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/ActivationChain.h"
#include "passes/Quantize/InsertQuantization.h"
#include "passes/Quantize/LayerTask.h"
#include "passes/Quantize/Segments.h"

#include "llvm/ADT/StringMap.h"

#include <cmath>
#include <limits>

using llvm::Error;
using llvm::Expected;

namespace quern {

using Needs = AlgorithmInfo::Needs;

namespace {

/// Layers that read the same tensor.
struct LayerGroup {
  mlir::Value input;
  std::vector<size_t> layers; ///< numbers in the placement
};

class LayerWalk {
public:
  LayerWalk(QuantizationState &state, llvm::ArrayRef<const AlgorithmInfo *> algorithms);
  Error run();

private:
  Error walk();
  std::vector<LayerGroup> findGroups();
  Error advance(ActivationChain &original, ActivationChain &quantized, const GraphCut &cut);
  Error quantizeGroup(const LayerGroup &group, const ActivationChain &original,
                      const ActivationChain &quantized);
  Expected<std::vector<InputMoments>> measure(WeightedNode &layer, const PatchGeometry &geometry,
                                              const ActivationChain &original,
                                              const ActivationChain &quantized);
  void roundInput(std::vector<float> &values, mlir::Value input);
  Error quantizeLayer(size_t number, std::vector<InputMoments> inputs);
  std::vector<RealRange> findClamps(WeightedNode &layer);
  void planWeights(const LayerTask &task);
  void planBias(const LayerTask &task);

  QuantizationState &state;
  llvm::ArrayRef<const AlgorithmInfo *> algorithms;
  Needs needs = Needs::Nothing;
  llvm::StringMap<const CodeParameters *> parameters; ///< of activations
  size_t done = 0;
};

} // namespace

LayerWalk::LayerWalk(QuantizationState &state, llvm::ArrayRef<const AlgorithmInfo *> algorithms)
    : state(state), algorithms(algorithms) {
  for (const AlgorithmInfo *algorithm : algorithms)
    needs = std::max(needs, algorithm->needs);
  for (const ActivationQuantization &activation : state.plan.activations)
    parameters[activation.site] = &activation.parameters;
}

static std::string getNodeKey(WeightedNode &layer) { return layer.node.getOutputName(0).str(); }

void LayerWalk::planWeights(const LayerTask &task) {
  WeightQuantization weight;
  weight.use = {getNodeKey(task.layer), task.layer.weightOperand,
                getSite(task.layer.getWeight()).str()};
  weight.dims = task.layout.dims;
  weight.axis = task.layout.axis;
  weight.scales = task.grid.getScales();
  weight.codes = task.layout.scatter(task.codes);
  weight.scheme = &task.grid.getScheme();
  weight.zeroPoints = task.grid.getZeroPoints();
  if (auto axis = task.grid.getGroupAxis()) {
    weight.groupAxis = *axis;
    weight.group = task.grid.getGroupSize();
  }
  state.plan.weights.push_back(std::move(weight));
}

/// The bounds of a Relu or Clip; none of another node, or if they are not constant.
static std::optional<RealRange> getBounds(onnxir::NodeOp node) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (node.is("Relu"))
    return RealRange{0, infinity};
  if (!node.is("Clip"))
    return std::nullopt;
  RealRange bounds = {node.getFloat("min", -std::numeric_limits<float>::infinity()),
                      node.getFloat("max", std::numeric_limits<float>::infinity())};
  for (unsigned operand : {1U, 2U})
    if (node.hasInput(operand)) {
      auto bound = readScalarConstant<double>(node.getInput(operand));
      if (!bound)
        return std::nullopt;
      (operand == 1 ? bounds.low : bounds.high) = *bound;
    }
  return bounds;
}

/// From the layer's result on, as long as one node reads it: its Add, then a Relu or Clip, then
/// perhaps codes.
std::vector<RealRange> LayerWalk::findClamps(WeightedNode &layer) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  mlir::Value value = (layer.adder ? layer.adder : layer.node).getResult(0);
  std::vector<RealRange> clamps(layer.channels, {-infinity, infinity});
  if (value.hasOneUse())
    if (auto node = llvm::dyn_cast<onnxir::NodeOp>(*value.user_begin()))
      if (auto bounds = getBounds(node)) {
        clamps.assign(layer.channels, *bounds);
        value = node.getResult(0);
      }
  const CodeParameters *codes = parameters.lookup(getSite(value));
  if (!codes)
    return clamps;
  for (auto [channel, clamp] : llvm::enumerate(clamps)) {
    double scale = codes->getScale(channel);
    clamp.low = std::max(clamp.low, -scale * codes->zeroPoint);
    clamp.high = std::min(clamp.high, scale * (255 - codes->zeroPoint));
  }
  return clamps;
}

/// A bias becomes codes with the scale of the products where these have one; else it changes only
/// if it was corrected.
void LayerWalk::planBias(const LayerTask &task) {
  WeightedNode &layer = task.layer;
  if (!task.inputScales.empty()) {
    BiasQuantization bias;
    qir::ConstantOp constant = layer.getBias();
    bias.use = {getNodeKey(layer), *layer.biasOperand, constant ? getSite(constant).str() : ""};
    for (auto [row, scale] : llvm::enumerate(task.inputScales))
      bias.scales.push_back(task.grid.getScale(static_cast<int64_t>(row), 0) * scale);
    bias.codes = makeBiasCodes(task.bias, bias.scales);
    state.plan.biases.push_back(std::move(bias));
    return;
  }
  bool isCorrected = llvm::any_of(algorithms, [](const AlgorithmInfo *algorithm) {
    return algorithm->phase == Phase::Correct;
  });
  auto use = layer.getBiasUse();
  if (!isCorrected || !use || task.bias.empty())
    return;
  std::vector<float> values(task.bias.begin(), task.bias.end());
  state.plan.constants.push_back({*use, layer.getBiasDims(), std::move(values)});
}

Error LayerWalk::quantizeLayer(size_t number, std::vector<InputMoments> inputs) {
  WeightedNode &layer = state.placement.weights[number];
  LayerTask task(layer, state.choices[number], std::move(inputs));
  const CodeParameters *input = parameters.lookup(getSite(layer.getInput()));
  if (!state.floatActivations && !input)
    return llvm::createStringError("node with the output '" + getNodeKey(layer) +
                                   "': expected quantized inputs");
  task.bias = layer.readBias();
  task.clamps = findClamps(layer);
  if (layer.biasOperand && input && !state.choices[number].group)
    for (int64_t channel = 0; channel < layer.channels; ++channel)
      task.inputScales.push_back(input->getScale(channel));
  for (Phase phase : {Phase::Fit, Phase::Weights, Phase::Adjust, Phase::Correct})
    for (const AlgorithmInfo *algorithm : algorithms)
      if (algorithm->phase == phase && (phase != Phase::Correct || !task.bias.empty()))
        if (Error error = algorithm->apply(task))
          return error;
  planWeights(task);
  planBias(task);
  if (state.onProgress)
    state.onProgress("quantizing layers", ++done, state.placement.weights.size());
  return Error::success();
}

std::vector<LayerGroup> LayerWalk::findGroups() {
  std::vector<LayerGroup> groups;
  for (auto [number, layer] : llvm::enumerate(state.placement.weights)) {
    auto found = llvm::find_if(
        groups, [&](const LayerGroup &group) { return group.input == layer.getInput(); });
    if (found == groups.end())
      found = groups.insert(groups.end(), {layer.getInput(), {}});
    found->layers.push_back(number);
  }
  llvm::sort(groups, [](const LayerGroup &a, const LayerGroup &b) {
    return isMadeBefore(a.input, b.input);
  });
  return groups;
}

/// What the layer reads in the quantized model.
void LayerWalk::roundInput(std::vector<float> &values, mlir::Value input) {
  const CodeParameters *codes = parameters.lookup(getSite(input));
  if (!codes)
    return;
  size_t inner = values.size();
  if (codes->axis) {
    auto shape = llvm::cast<mlir::RankedTensorType>(input.getType()).getShape();
    inner = 1;
    for (int64_t dim : shape.drop_front(*codes->axis + 1))
      inner *= dim;
  }
  size_t channels = codes->scales.size();
  auto zero = static_cast<float>(codes->zeroPoint);
  for (size_t begin = 0; begin < values.size(); begin += inner) {
    float scale = codes->getScale(begin / inner % channels), inverse = 1 / scale;
    for (float &value : llvm::MutableArrayRef(values).slice(begin, inner))
      value = (std::clamp(std::nearbyint(value * inverse) + zero, 0.0F, 255.0F) - zero) * scale;
  }
}

Expected<std::vector<InputMoments>> LayerWalk::measure(WeightedNode &layer,
                                                       const PatchGeometry &geometry,
                                                       const ActivationChain &original,
                                                       const ActivationChain &quantized) {
  mlir::Value input = layer.getInput();
  std::string site = getSite(input).str();
  MomentSums sums(geometry, original.getRuns(), needs == Needs::Moments);
  std::vector<float> first(llvm::cast<mlir::RankedTensorType>(input.getType()).getNumElements());
  std::vector<float> second(first.size());
  for (size_t run = 0; run < original.getRuns(); ++run) {
    const SampleStore &a = original.getStore(), &b = quantized.getStore();
    if (Error error = a.read(run, *a.find(site), first.data()))
      return std::move(error);
    if (Error error = b.read(run, *b.find(site), second.data()))
      return std::move(error);
    roundInput(second, input);
    sums.add(first.data(), second.data());
  }
  bool centered = layer.getBiasUse() && llvm::any_of(algorithms, [](const AlgorithmInfo *info) {
                    return info->phase == Phase::Correct;
                  });
  return sums.finish(centered);
}

Error LayerWalk::quantizeGroup(const LayerGroup &group, const ActivationChain &original,
                               const ActivationChain &quantized) {
  std::optional<PatchGeometry> known;
  bool knownBias = false;
  std::vector<InputMoments> moments;
  for (size_t number : group.layers) {
    WeightedNode &layer = state.placement.weights[number];
    PatchGeometry geometry = PatchGeometry::of(layer);
    bool hasBias = layer.getBiasUse().has_value();
    if (!known || !(*known == geometry) || knownBias != hasBias) {
      auto measured = measure(layer, geometry, original, quantized);
      if (!measured)
        return measured.takeError();
      moments = std::move(*measured);
      known = geometry;
      knownBias = hasBias;
    }
    if (Error error = quantizeLayer(number, moments))
      return error;
  }
  return Error::success();
}

Error LayerWalk::advance(ActivationChain &original, ActivationChain &quantized,
                         const GraphCut &cut) {
  if (Error error =
          original.advance(state.module, cut.live, [](mlir::ModuleOp) { return mlir::success(); }))
    return error;
  return quantized.advance(state.module, cut.live, [&](mlir::ModuleOp segment) {
    return insertQuantization(segment, restrictPlan(state.plan, segment));
  });
}

Error LayerWalk::walk() {
  mlir::func::FuncOp main = getMain(state.module);
  std::vector<TensorSlot> inputs = getInputSlots(state.module);
  auto original = ActivationChain::start(state.runner, inputs, state.source);
  if (!original)
    return original.takeError();
  auto quantized = ActivationChain::start(state.runner, inputs, state.source);
  if (!quantized)
    return quantized.takeError();
  std::vector<LayerGroup> groups = findGroups();
  std::vector<mlir::Value> wanted;
  wanted.reserve(groups.size());
  for (const LayerGroup &group : groups)
    wanted.push_back(group.input);
  std::vector<GraphCut> cuts = cutGraph(main, wanted);
  for (auto [group, cut] : llvm::zip_equal(groups, cuts)) {
    if (Error error = advance(*original, *quantized, cut))
      return error;
    if (Error error = quantizeGroup(group, *original, *quantized))
      return error;
  }
  return Error::success();
}

Error LayerWalk::run() {
  if (needs != Needs::Nothing)
    return walk();
  for (size_t number = 0; number < state.placement.weights.size(); ++number)
    if (Error error = quantizeLayer(number, {}))
      return error;
  return Error::success();
}

Error quantizeLayers(QuantizationState &state, llvm::ArrayRef<const AlgorithmInfo *> algorithms) {
  return LayerWalk(state, algorithms).run();
}

} // namespace quern
