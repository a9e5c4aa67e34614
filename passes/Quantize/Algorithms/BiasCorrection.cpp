// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/Algorithm.h"
#include "passes/Quantize/ChannelMeans.h"
#include "passes/Quantize/InsertQuantization.h"

#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

/// The quantized model runs this often. The first run is nearly exact; the others settle what
/// clipping (ReLU6, the codes' range) makes of corrected inputs.
static constexpr unsigned rounds = 3;

namespace {

using Means = std::vector<double>;

/// A layer whose bias is corrected.
struct CorrectedLayer {
  size_t output, input; ///< numbers of its sites
  int64_t inputs = 1;   ///< channels that an output channel reads
  int64_t outputsPerGroup = 1;
  std::vector<float> sums; ///< [outputs, inputs]: quantized weights summed over the kernel
};

/// Takes from each bias what the mean of its channel is off in the quantized model (Nagel et al.
/// 2019, section 4.2, measured on data), in all layers at once: what a layer's output is off
/// because its input is, W·(E[x] - E[x~]), is left to the layers before it.
class BiasCorrector {
public:
  explicit BiasCorrector(QuantizationState &state) : state(state) {}
  Error run();

private:
  void addLayers();
  size_t addSite(llvm::StringRef name);
  Expected<std::unique_ptr<CompiledModel>> compile(bool quantized);
  Error correctOnce(const CompiledModel &quantized, llvm::ArrayRef<Means> wanted, unsigned round);
  static Means explainByInput(const CorrectedLayer &layer, llvm::ArrayRef<Means> wanted,
                              llvm::ArrayRef<Means> found);

  QuantizationState &state;
  std::vector<CorrectedLayer> layers; ///< one for each bias of the plan
  std::vector<ChannelSite> sites;
  llvm::StringMap<size_t> siteNumbers;
};

} // namespace

size_t BiasCorrector::addSite(llvm::StringRef name) {
  auto [entry, isNew] = siteNumbers.try_emplace(name, sites.size());
  // Conv has its channels second, Gemm last, which is the same.
  if (isNew)
    sites.push_back({name.str(), 1});
  return entry->second;
}

/// The weights as the codes have them, summed over the kernel, as [outputs, inputs].
static std::vector<float> sumKernels(const WeightQuantization &weight, int64_t inputs) {
  auto outputs = static_cast<int64_t>(weight.scales.size());
  std::vector<float> sums(outputs * inputs);
  int64_t kernel = static_cast<int64_t>(weight.codes.size()) / (outputs * inputs);
  for (auto [index, code] : llvm::enumerate(weight.codes)) {
    // [outputs, inputs, kernel…], or a Gemm's [inputs, outputs].
    int64_t at = static_cast<int64_t>(index) / kernel;
    int64_t o = weight.axis == 0 ? at / inputs : at % outputs;
    int64_t i = weight.axis == 0 ? at % inputs : at / outputs;
    sums[o * inputs + i] += static_cast<float>(code) * weight.scales[o];
  }
  return sums;
}

void BiasCorrector::addLayers() {
  llvm::StringMap<const WeightQuantization *> weights;
  for (const WeightQuantization &weight : state.plan.weights)
    weights[weight.use.node] = &weight;
  for (WeightedNode &weighted : state.placement.weights) {
    if (!weighted.biasOperand)
      continue;
    llvm::StringRef node = weighted.node.getOutputName(0).getValue();
    const WeightQuantization &weight = *weights.lookup(node);
    CorrectedLayer layer;
    layer.output = addSite(node);
    layer.input = addSite(getSite(weighted.getInput()));
    layer.inputs = weight.dims[weight.axis == 0 ? 1 : 0];
    layer.outputsPerGroup = weighted.channels / weighted.node.getInt("group", 1);
    layer.sums = sumKernels(weight, layer.inputs);
    layers.push_back(std::move(layer));
  }
}

Expected<std::unique_ptr<CompiledModel>> BiasCorrector::compile(bool quantized) {
  mlir::OwningOpRef<mlir::ModuleOp> module = state.module.clone();
  std::vector<std::string> names;
  for (const ChannelSite &site : sites)
    names.push_back(site.name);
  if (mlir::failed(tapSites(getMain(*module), names)))
    return llvm::createStringError("");
  if (quantized &&
      mlir::failed(insertQuantization(*module, state.plan, /*biasesAsArguments=*/true)))
    return llvm::createStringError("");
  auto model = state.runner.compile(*module);
  if (mlir::failed(model))
    return llvm::createStringError("");
  return std::move(*model);
}

/// What the outputs' means are off because the inputs' are.
Means BiasCorrector::explainByInput(const CorrectedLayer &layer, llvm::ArrayRef<Means> wanted,
                                    llvm::ArrayRef<Means> found) {
  const Means &inputWanted = wanted[layer.input], &inputFound = found[layer.input];
  Means shift(wanted[layer.output].size());
  for (auto [o, sum] : llvm::enumerate(shift)) {
    size_t first = o / layer.outputsPerGroup * layer.inputs;
    for (int64_t i = 0; i < layer.inputs; ++i)
      sum += layer.sums[o * layer.inputs + i] * (inputWanted[first + i] - inputFound[first + i]);
  }
  return shift;
}

Error BiasCorrector::correctOnce(const CompiledModel &quantized, llvm::ArrayRef<Means> wanted,
                                 unsigned round) {
  std::vector<SlotBuffer> buffers;
  std::vector<const void *> fixed;
  for (const BiasQuantization &bias : state.plan.biases) {
    buffers.emplace_back(bias.codes.size() * sizeof(float));
    auto *values = reinterpret_cast<float *>(buffers.back().data());
    for (size_t c = 0; c < bias.codes.size(); ++c)
      values[c] = static_cast<float>(bias.codes[c]) * bias.scales[c];
    fixed.push_back(values);
  }
  size_t samples = state.source.size();
  auto found = measureChannelMeans(quantized, state.source, sites, fixed, [&](size_t done) {
    if (state.onProgress)
      state.onProgress("correcting biases", round * samples + done, rounds * samples);
  });
  if (!found)
    return found.takeError();
  for (auto [layer, bias, values] : llvm::zip_equal(layers, state.plan.biases, state.biases)) {
    Means explained = explainByInput(layer, wanted, *found);
    for (size_t c = 0; c < values.size(); ++c)
      values[c] += wanted[layer.output][c] - (*found)[layer.output][c] - explained[c];
    bias.codes = makeBiasCodes(values, bias.scales);
  }
  return Error::success();
}

Error BiasCorrector::run() {
  addLayers();
  if (layers.empty())
    return Error::success();
  auto original = compile(/*quantized=*/false);
  if (!original)
    return original.takeError();
  auto wanted = measureChannelMeans(**original, state.source, sites);
  if (!wanted)
    return wanted.takeError();
  auto quantized = compile(/*quantized=*/true);
  if (!quantized)
    return quantized.takeError();
  for (unsigned round = 0; round < rounds; ++round)
    if (Error error = correctOnce(**quantized, *wanted, round))
      return error;
  return Error::success();
}

Error correctBiases(QuantizationState &state) { return BiasCorrector(state).run(); }

} // namespace quern
