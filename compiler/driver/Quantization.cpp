// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "compiler/driver/Quantization.h"

#include "compiler/data/DataSet.h"
#include "compiler/data/JsonReader.h"
#include "compiler/driver/PrecisionChoice.h"
#include "compiler/driver/ProgressLine.h"
#include "compiler/package/Artifact.h"
#include "compiler/runner/InProcessRunner.h"
#include "passes/Calibrate/Sites.h"
#include "passes/Quantize/ActivationChain.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

#include <chrono>

using llvm::Error;
using llvm::Expected;

namespace quern::driver {

static void takeObserver(data::ObjectReader &reader, llvm::StringRef key,
                         const ObserverInfo *&observer) {
  std::string name = observer->name.str();
  reader.take(key, name);
  if (const ObserverInfo *found = lookupObserver(name))
    observer = found;
  else
    reader.fail(key, "unknown observer '" + name + "'");
}

/// The words of a recipe, as registry rows.
static void takeAlgorithms(data::ObjectReader &reader, Recipe &recipe) {
  std::vector<std::string> names;
  reader.take("algorithms", names);
  if (names.empty())
    return;
  recipe.algorithms.clear();
  unsigned makers = 0;
  for (const std::string &name : names) {
    const AlgorithmInfo *info = lookupAlgorithm(name);
    if (!info) {
      std::string known = llvm::join(
          llvm::map_range(getAlgorithms(), [](const AlgorithmInfo &row) { return row.name.str(); }),
          ", ");
      return reader.fail("algorithms", llvm::Twine("unknown algorithm '") + name +
                                           "', expected some of " + known);
    }
    makers += info->phase == Phase::Weights;
    recipe.algorithms.push_back(info);
  }
  if (makers != 1)
    reader.fail("algorithms",
                "expected one algorithm that makes weights, found " + llvm::Twine(makers));
}

/// The scheme's name and group of a recipe or one of its entries; "float" where `canBeFloat`.
static void takeWeights(data::ObjectReader &reader, WeightChoice &choice, bool canBeFloat) {
  std::string name = choice.scheme ? choice.scheme->name.str() : "float";
  reader.take("weights", name);
  choice.scheme = lookupWeightScheme(name);
  if (!choice.scheme && !(canBeFloat && name == "float")) {
    std::string known = llvm::join(
        llvm::map_range(getWeightSchemes(), [](const WeightScheme &row) { return row.name.str(); }),
        ", ");
    reader.fail("weights", "unknown weights '" + name + "', expected one of " + known +
                               (canBeFloat ? ", float" : ""));
  }
  reader.take("group", choice.group, 0, INT64_MAX);
  if (!llvm::is_contained(getGroupSizes(), choice.group))
    reader.fail("group", "'group': expected 32, 64 or 128, or 0 for a scale for each channel");
}

static void takeLayers(data::ObjectReader &reader, Recipe &recipe) {
  reader.takeObjectList("layers", [&](data::ObjectReader &entry) {
    LayerRule rule;
    rule.weights = {recipe.weights.scheme, 0};
    if (!entry.has("nodes"))
      entry.fail("", "expected 'nodes', a glob on node names");
    entry.take("nodes", rule.nodes);
    takeWeights(entry, rule.weights, /*canBeFloat=*/true);
    recipe.layers.push_back(std::move(rule));
  });
}

/// "s4" or "s4/32".
static void takeCandidates(data::ObjectReader &reader, std::vector<WeightChoice> &candidates) {
  std::vector<std::string> names;
  reader.take("candidates", names);
  if (names.empty())
    return;
  candidates.clear();
  for (llvm::StringRef text : names) {
    auto [name, group] = text.split('/');
    WeightChoice choice = {lookupWeightScheme(name), 0};
    bool isNumber = text == name || !group.getAsInteger(10, choice.group);
    if (!choice.scheme || !isNumber || !llvm::is_contained(getGroupSizes(), choice.group))
      return reader.fail("candidates", "unknown weights '" + text +
                                           "', expected a scheme, or SCHEME/32, /64 or /128");
    candidates.push_back(choice);
  }
}

Expected<Recipe> Quantization::makeRecipe() {
  bool isSearched = options.precision == "auto";
  Recipe recipe = getDefaultRecipe(*parsePrecision(isSearched ? "w4a8" : options.precision));
  if (isSearched)
    candidates = getDefaultCandidates();
  if (!options.recipe.empty()) {
    auto file = data::JsonFile::read(options.recipe);
    if (!file)
      return file.takeError();
    data::ObjectReader reader(*file, "", file->getRoot());
    takeObserver(reader, "observer", recipe.observer);
    takeObserver(reader, "channel_observer", recipe.channelObserver);
    takeAlgorithms(reader, recipe);
    takeWeights(reader, recipe.weights, /*canBeFloat=*/false);
    unsigned activations = recipe.floatActivations ? 1 : 0;
    reader.takeWord("activations", activations, {"u8", "float"});
    recipe.floatActivations = activations == 1;
    takeLayers(reader, recipe);
    if (isSearched)
      takeCandidates(reader, candidates);
    reader.take("exclude", recipe.exclude);
    if (Error error = reader.finish())
      return std::move(error);
  }
  if (!options.observer.empty())
    recipe.observer = lookupObserver(options.observer);
  return recipe;
}

/// What statistics depend on: the model, the data, and what is done before observing.
std::string Quantization::identify(const std::string &dataHash, const Recipe &recipe) const {
  llvm::SHA256 sha;
  if (auto buffer = llvm::MemoryBuffer::getFile(model, false, false))
    sha.update((*buffer)->getBuffer());
  sha.update(dataHash);
  for (const AlgorithmInfo *algorithm : recipe.algorithms)
    if (algorithm->phase == Phase::Prepare)
      sha.update(algorithm->name);
  for (const std::string &glob : recipe.exclude)
    sha.update(glob);
  for (const LayerRule &rule : recipe.layers)
    if (!rule.weights.scheme)
      sha.update(rule.nodes);
  std::array<uint8_t, 32> digest = sha.final();
  return llvm::toHex(digest, /*LowerCase=*/true);
}

Expected<std::optional<llvm::json::Value>>
Quantization::readStatistics(const std::string &identity) const {
  using Result = std::optional<llvm::json::Value>;
  if (options.statistics.empty() || !llvm::sys::fs::exists(options.statistics))
    return Result();
  auto file = data::JsonFile::read(options.statistics);
  if (!file)
    return file.takeError();
  const llvm::json::Object *object = file->getRoot().getAsObject();
  auto owner = object ? object->getString("identity") : std::nullopt;
  const llvm::json::Value *statistics = object ? object->get("statistics") : nullptr;
  if (!owner || !statistics)
    return llvm::createStringError("'" + options.statistics +
                                   "': expected a statistics file of quern, found another one");
  if (*owner != identity)
    return llvm::createStringError(
        "'" + options.statistics +
        "': the statistics are of another model, data set or recipe; remove the file or name "
        "another one");
  return Result(*statistics);
}

Error Quantization::writeStatistics(const Statistics &statistics,
                                    const std::string &identity) const {
  if (options.statistics.empty())
    return Error::success();
  llvm::json::Value whole =
      llvm::json::Object{{"identity", identity}, {"statistics", statistics.save()}};
  return artifact::writeFile(options.statistics,
                             [&](llvm::raw_ostream &stream) { stream << whole << '\n'; });
}

Error Quantization::quantize(mlir::ModuleOp module) {
  auto recipe = makeRecipe();
  if (!recipe)
    return recipe.takeError();
  auto set = data::DataSet::open(options.data, getInputSlots(module));
  if (!set)
    return set.takeError();
  for (const std::string &warning : (*set)->getWarnings())
    llvm::errs() << "warning: " << warning << '\n';
  std::string identity = identify((*set)->getHash(), *recipe);
  auto earlier = readStatistics(identity);
  if (!earlier)
    return earlier.takeError();
  ProgressLine progress;
  auto saved = std::chrono::steady_clock::now();
  QuantizationHooks hooks;
  hooks.resume = *earlier ? &**earlier : nullptr;
  hooks.onProgress = [&](llvm::StringRef step, size_t done, size_t total) {
    progress.show(step, done, total);
  };
  hooks.onBatch = [&](const Statistics &statistics, size_t total) -> Error {
    progress.show("calibrating", statistics.samples, total);
    auto now = std::chrono::steady_clock::now();
    if (statistics.samples < total && now - saved < std::chrono::seconds(2))
      return Error::success();
    saved = now;
    return writeStatistics(statistics, identity);
  };
  InProcessRunner runner(*lookupTargetBackend("native"));
  if (PrecisionChoice::isWanted(options)) {
    auto chosen = PrecisionChoice(options, model, module, runner, **set).run(*recipe, candidates);
    if (!chosen)
      return chosen.takeError();
    recipe = std::move(*chosen);
  }
  auto made = quantizeModel(module, *recipe, runner, **set, hooks);
  if (!made)
    return made.takeError();
  plan = std::move(*made);
  return Error::success();
}

mlir::LogicalResult Quantization::run(mlir::ModuleOp module) {
  Error error = quantize(module);
  if (!error)
    return mlir::success();
  // Where the text is empty, a diagnostic has said it.
  if (std::string message = llvm::toString(std::move(error)); !message.empty())
    module.emitError() << message;
  return mlir::failure();
}

} // namespace quern::driver
