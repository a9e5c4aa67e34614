// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/Recipe.h"

#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/GlobPattern.h"

using llvm::Error;
using llvm::Expected;

namespace quern {

static std::vector<const AlgorithmInfo *> lookupAll(llvm::ArrayRef<llvm::StringRef> names) {
  std::vector<const AlgorithmInfo *> algorithms;
  for (llvm::StringRef name : names)
    algorithms.push_back(lookupAlgorithm(name));
  return algorithms;
}

Recipe getDefaultRecipe(const Precision &precision) {
  Recipe recipe;
  recipe.observer = lookupObserver("average");
  recipe.channelObserver = lookupObserver("minmax");
  recipe.weights = precision.weights;
  recipe.floatActivations = precision.floatActivations;
  if (precision.weights.scheme->bits < 8)
    recipe.algorithms = lookupAll({"refit", "gptq", "correct-bias"});
  else
    recipe.algorithms = lookupAll({"mse", "correct-bias"});
  return recipe;
}

static llvm::StringRef getNodeName(mlir::Operation *op) {
  auto name = llvm::dyn_cast<mlir::NameLoc>(op->getLoc());
  return name ? name.getName().getValue() : llvm::StringRef();
}

namespace {

/// The globs of a recipe, compiled.
class Resolver {
public:
  Resolver(mlir::func::FuncOp main, const Recipe &recipe) : main(main), recipe(recipe) {}
  Error compile();
  bool isExcluded(onnxir::NodeOp node) const;
  WeightChoice choose(WeightedNode &layer) const;

private:
  Expected<llvm::GlobPattern> compileGlob(const std::string &text);
  const LayerRule *findRule(onnxir::NodeOp node) const;

  mlir::func::FuncOp main;
  const Recipe &recipe;
  std::vector<llvm::GlobPattern> excluded, ruled;
};

} // namespace

Expected<llvm::GlobPattern> Resolver::compileGlob(const std::string &text) {
  auto glob = llvm::GlobPattern::create(text, /*MaxSubPatterns=*/1024);
  if (!glob)
    return llvm::createStringError("'" + text + "': " + llvm::toString(glob.takeError()));
  if (llvm::none_of(main.getOps<onnxir::NodeOp>(),
                    [&](onnxir::NodeOp node) { return glob->match(getNodeName(node)); }))
    return llvm::createStringError("'" + text + "' matches no node, expected one at least");
  return glob;
}

Error Resolver::compile() {
  for (const std::string &text : recipe.exclude) {
    auto glob = compileGlob(text);
    if (!glob)
      return glob.takeError();
    excluded.push_back(std::move(*glob));
  }
  for (const LayerRule &rule : recipe.layers) {
    auto glob = compileGlob(rule.nodes);
    if (!glob)
      return glob.takeError();
    ruled.push_back(std::move(*glob));
  }
  return Error::success();
}

const LayerRule *Resolver::findRule(onnxir::NodeOp node) const {
  for (size_t number = ruled.size(); number-- > 0;)
    if (ruled[number].match(getNodeName(node)))
      return &recipe.layers[number];
  return nullptr;
}

bool Resolver::isExcluded(onnxir::NodeOp node) const {
  const LayerRule *rule = findRule(node);
  return (rule && !rule->weights.scheme) ||
         llvm::any_of(excluded, [&](auto &glob) { return glob.match(getNodeName(node)); });
}

WeightChoice Resolver::choose(WeightedNode &layer) const {
  if (const LayerRule *rule = findRule(layer.node))
    return rule->weights;
  bool isSensitive = layer.node.is("Conv") &&
                     (layer.isDepthwise() || llvm::isa<mlir::BlockArgument>(layer.getInput()));
  if (isSensitive && recipe.weights.scheme->bits < 8)
    return {lookupWeightScheme("s8"), 0};
  return recipe.weights;
}

Expected<ResolvedRecipe> resolveRecipe(mlir::func::FuncOp main, const Recipe &recipe) {
  Resolver resolver(main, recipe);
  if (Error error = resolver.compile())
    return std::move(error);
  ResolvedRecipe resolved;
  resolved.placement =
      findPlacement(main, [&](onnxir::NodeOp node) { return resolver.isExcluded(node); });
  if (resolved.placement.weights.empty())
    return llvm::createStringError(
        "the model has no Conv, Gemm or MatMul with constant float32 weights to quantize");
  for (WeightedNode &layer : resolved.placement.weights) {
    WeightChoice choice = resolver.choose(layer);
    // A depthwise convolution has one input channel to group.
    if (layer.isDepthwise())
      choice.group = 0;
    resolved.choices.push_back(choice);
  }
  return std::move(resolved);
}

} // namespace quern
