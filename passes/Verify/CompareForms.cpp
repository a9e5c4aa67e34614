// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Verify/CompareForms.h"

#include "dialects/Onnx/OnnxOps.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Calibrate/Sweep.h"
#include "passes/Verify/EdgeGraph.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>
#include <cstring>

using llvm::Error;
using llvm::Expected;
using mlir::ModuleOp;
using mlir::OwningOpRef;

namespace quern {

bool EdgeReport::arisesHere() const {
  constexpr double half = 3.01; // dB
  return sqnrAlone <= sqnr + half;
}

std::optional<size_t> findWorst(llvm::ArrayRef<EdgeReport> edges) {
  std::optional<size_t> worst;
  for (auto [number, edge] : llvm::enumerate(edges))
    if (!worst || edge.getDrop() > edges[*worst].getDrop())
      worst = number;
  return worst;
}

namespace {

/// Finds the float model's tensor that a tensor of the quantized model stands for.
class NameMatcher {
public:
  NameMatcher(ModuleOp quantized, ModuleOp real);
  /// The counterpart, or an empty name.
  std::string match(const Edge &edge) const;

private:
  bool fits(llvm::StringRef name, mlir::RankedTensorType type) const;

  llvm::StringMap<mlir::RankedTensorType> tensors;      ///< of the float model, f32 only
  llvm::StringMap<std::vector<std::string>> neighbours; ///< floats around a tensor of codes
};

/// The three models that are compared, and what they are off each other.
class FormComparison {
public:
  FormComparison(const ModelRunner &runner, SampleSource &source)
      : runner(runner), source(source) {}
  Error compile(ModuleOp quantized, ModuleOp real);
  Error measure(llvm::function_ref<void(size_t, size_t)> onProgress);
  FormReport report(ModuleOp real) const;

private:
  Error measureBatch(size_t begin, size_t end);
  void takeExact(const Sweep::Sample &sample, size_t slot);
  llvm::ArrayRef<float> getExact(size_t number, size_t slot) const;

  const ModelRunner &runner;
  SampleSource &source;
  std::optional<EdgeGraph> graph;
  std::vector<std::string> references; ///< for each edge, the float model's tensor
  std::vector<std::string> unmatched;
  std::unique_ptr<CompiledModel> realModel, wholeModel, forcedModel;
  std::optional<Sweep> realSweep, wholeSweep, forcedSweep;
  std::vector<std::pair<bool, size_t>> places; ///< in `realModel`, for each edge
  std::vector<SlotBuffer> exact;               ///< for each edge, of one batch
  std::vector<std::optional<CodeSteps>> codes;
  std::vector<EdgeError> errors;
};

} // namespace

NameMatcher::NameMatcher(ModuleOp quantized, ModuleOp real) {
  auto learn = [&](mlir::Value value) {
    auto type = llvm::dyn_cast<mlir::RankedTensorType>(value.getType());
    if (type && type.getElementType().isF32() && !getSite(value).empty())
      tensors[getSite(value)] = type;
  };
  mlir::func::FuncOp main = getMain(real);
  for (mlir::Value argument : main.getArguments())
    learn(argument);
  for (auto node : main.getOps<onnxir::NodeOp>())
    for (mlir::Value result : node.getResults())
      learn(result);
  for (auto node : getMain(quantized).getOps<onnxir::NodeOp>()) {
    llvm::StringRef type = node.getOpType();
    if (!type.contains("Quant") && type != "DequantizeLinear")
      continue;
    std::string output = node.getOutputName(0).str(), input = getSite(node.getInput(0)).str();
    if (type == "DequantizeLinear")
      neighbours[input].push_back(output);
    else
      neighbours[output].push_back(input);
  }
}

/// Whether one is the other with some dimensions but the last merged or 1 added: matrix products
/// are written with and without a batch.
static bool areAlike(mlir::RankedTensorType a, mlir::RankedTensorType b) {
  if (a.getShape() == b.getShape())
    return true;
  return a.getRank() && b.getRank() && a.getNumElements() == b.getNumElements() &&
         a.getShape().back() == b.getShape().back();
}

bool NameMatcher::fits(llvm::StringRef name, mlir::RankedTensorType type) const {
  auto found = tensors.find(name);
  return found != tensors.end() && areAlike(found->second, type);
}

std::string NameMatcher::match(const Edge &edge) const {
  auto type = llvm::cast<mlir::RankedTensorType>(edge.value.getType());
  std::vector<std::string> candidates = {edge.name};
  if (auto found = neighbours.find(edge.name); found != neighbours.end())
    llvm::append_range(candidates, found->second);
  // Tensors of codes and what they stand for, as ONNX Runtime and this compiler name them.
  static const llvm::StringLiteral endings[] = {"_QuantizeLinear_Output", "_QuantizeLinear",
                                                "_DequantizeLinear_Output", "_quantized",
                                                "_dequantized"};
  for (const std::string &candidate : candidates) {
    if (fits(candidate, type))
      return candidate;
    for (llvm::StringRef ending : endings)
      if (llvm::StringRef name = candidate; name.consume_back(ending) && fits(name, type))
        return name.str();
  }
  return {};
}

Error FormComparison::compile(ModuleOp quantized, ModuleOp real) {
  mlir::func::FuncOp main = getMain(real);
  std::vector<std::string> floats = getProductSites(main);
  auto made = EdgeGraph::make(quantized, floats);
  if (mlir::failed(made))
    return llvm::createStringError("");
  graph = std::move(*made);
  NameMatcher matcher(quantized, real);
  graph->filter([&](const Edge &edge) {
    std::string reference = matcher.match(edge);
    if (!reference.empty())
      references.push_back(reference);
    else if (edge.getQuantize())
      unmatched.push_back(edge.name);
    return !reference.empty();
  });
  if (references.empty())
    return llvm::createStringError(
        "no tensor of the quantized model has the name and shape of one of the float model");
  OwningOpRef<ModuleOp> tapped = real.clone();
  if (mlir::failed(tapSites(getMain(*tapped), references)))
    return llvm::createStringError("");
  OwningOpRef<ModuleOp> whole = graph->makeTapped(EdgeGraph::Show::Reals);
  OwningOpRef<ModuleOp> forced = graph->makeForced();
  for (auto [module, model] : {std::pair(*tapped, &realModel), std::pair(*whole, &wholeModel),
                               std::pair(*forced, &forcedModel)}) {
    auto compiled = compileModel(runner, module);
    if (!compiled)
      return compiled.takeError();
    *model = std::move(*compiled);
  }
  return Error::success();
}

/// The part of a batch's buffer that one sample has; all of it if the tensor has no batch.
static size_t getSampleOffset(size_t bytes, size_t sampleBytes, size_t slot) {
  return sampleBytes == bytes ? 0 : slot * sampleBytes;
}

void FormComparison::takeExact(const Sweep::Sample &sample, size_t slot) {
  for (auto [number, place] : llvm::enumerate(places)) {
    llvm::ArrayRef<char> bytes = (place.first ? sample.outputs : sample.inputs)[place.second];
    size_t whole = realSweep->getSlot(place).getBytes();
    std::memcpy(exact[number].data() + getSampleOffset(whole, bytes.size(), slot), bytes.data(),
                bytes.size());
  }
}

static llvm::ArrayRef<float> asFloats(llvm::ArrayRef<char> bytes) {
  return {reinterpret_cast<const float *>(bytes.data()), bytes.size() / sizeof(float)};
}

Error FormComparison::measureBatch(size_t begin, size_t end) {
  if (Error error = realSweep->run(begin, end, [&](const Sweep::Sample &sample) {
        takeExact(sample, sample.index - begin);
        return Error::success();
      }))
    return error;
  std::vector<std::vector<std::vector<char>>> wholes(end - begin);
  if (Error error = wholeSweep->run(begin, end, [&](const Sweep::Sample &sample) {
        for (llvm::ArrayRef<char> bytes : sample.outputs)
          wholes[sample.index - begin].push_back(bytes.vec());
        return Error::success();
      }))
    return error;
  return forcedSweep->run(begin, end, [&](const Sweep::Sample &sample) {
    size_t slot = sample.index - begin;
    for (auto [number, alone] : llvm::enumerate(sample.outputs)) {
      size_t bytes = wholeSweep->getSlot({true, number}).getBytes();
      llvm::ArrayRef<char> values(exact[number].data() + getSampleOffset(bytes, alone.size(), slot),
                                  alone.size());
      errors[number].add(asFloats(values), asFloats(wholes[slot][number]), asFloats(alone),
                         codes[number] ? &*codes[number] : nullptr);
    }
    return Error::success();
  });
}

Error FormComparison::measure(llvm::function_ref<void(size_t, size_t)> onProgress) {
  std::vector<const void *> fixed;
  for (const TensorSlot &slot : wholeModel->getOutputs()) {
    exact.emplace_back(slot.getBytes());
    fixed.push_back(exact.back().data());
  }
  for (auto [model, sweep, buffers] :
       {std::tuple(realModel.get(), &realSweep, std::vector<const void *>()),
        std::tuple(wholeModel.get(), &wholeSweep, std::vector<const void *>()),
        std::tuple(forcedModel.get(), &forcedSweep, fixed)}) {
    auto made = Sweep::make(*model, source, buffers);
    if (!made)
      return made.takeError();
    sweep->emplace(std::move(*made));
  }
  for (const std::string &name : references)
    places.push_back(*realSweep->find(name));
  for (const Edge &edge : graph->getEdges())
    codes.push_back(getCodeSteps(edge));
  errors.resize(references.size());
  size_t batch = realSweep->getBatch();
  for (size_t begin = 0; begin < source.size(); begin += batch) {
    size_t end = std::min(source.size(), begin + batch);
    if (Error error = measureBatch(begin, end))
      return error;
    if (onProgress)
      onProgress(end, source.size());
  }
  return Error::success();
}

/// The node of a float model that computes a tensor, as the report names it.
static void nameNode(ModuleOp real, EdgeReport &report) {
  mlir::Value value = findSite(getMain(real), report.name);
  auto node = value.getDefiningOp<onnxir::NodeOp>();
  if (!node)
    return;
  report.operation = node.getOpType().str();
  auto name = llvm::dyn_cast<mlir::NameLoc>(node.getLoc());
  report.node = name ? name.getName().str() : report.name;
}

FormReport FormComparison::report(ModuleOp real) const {
  FormReport result;
  result.unmatched = unmatched;
  for (auto [number, edge] : llvm::enumerate(graph->getEdges())) {
    const EdgeError &error = errors[number];
    EdgeReport report;
    report.name = references[number];
    nameNode(real, report);
    report.hasCodes = edge.getQuantize() != nullptr;
    report.sqnr = error.getSqnr();
    report.sqnrAlone = error.getSqnrAlone();
    report.sqnrOfInputs = cleanSqnr;
    for (size_t input : edge.inputs)
      report.sqnrOfInputs = std::min(report.sqnrOfInputs, errors[input].getSqnr());
    if (codes[number]) {
      report.maxSteps = error.getMaxSteps();
      report.clippedShare = error.getClippedShare();
    }
    result.edges.push_back(std::move(report));
  }
  return result;
}

Expected<FormReport> compareForms(ModuleOp quantized, ModuleOp real, const ModelRunner &runner,
                                  SampleSource &source,
                                  llvm::function_ref<void(size_t, size_t)> onProgress) {
  FormComparison comparison(runner, source);
  if (Error error = comparison.compile(quantized, real))
    return std::move(error);
  if (Error error = comparison.measure(onProgress))
    return std::move(error);
  return comparison.report(real);
}

} // namespace quern
