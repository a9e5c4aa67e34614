// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Precision/PrecisionSearch.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

/// The rules of thumb that a search must beat.
namespace quern {

using Mix = std::vector<size_t>;

static std::optional<size_t> findOption(const PrecisionTensor &tensor, llvm::StringRef name) {
  for (auto [index, option] : llvm::enumerate(tensor.options))
    if (option.name == name)
      return index;
  return std::nullopt;
}

static size_t findLargest(const PrecisionTensor &tensor) {
  return llvm::max_element(
             tensor.options,
             [](const PrecisionOption &a, const PrecisionOption &b) { return a.bytes < b.bytes; }) -
         tensor.options.begin();
}

/// Nothing if a tensor has no such option.
static std::optional<Mix> makeUniform(const PrecisionProblem &problem, llvm::StringRef name) {
  Mix mix;
  for (const PrecisionTensor &tensor : problem.tensors) {
    auto option = tensor.options.size() == 1 ? std::optional<size_t>(0) : findOption(tensor, name);
    if (!option)
      return std::nullopt;
    mix.push_back(*option);
  }
  return mix;
}

/// From the smallest mix on, that tensor gets its next larger option whose weights are furthest
/// off, as long as it fits.
static Mix makeGreedy(const PrecisionProblem &problem, int64_t bytes) {
  std::vector<std::vector<size_t>> ladders; // each tensor's options by bytes
  Mix rungs, mix;
  for (const PrecisionTensor &tensor : problem.tensors) {
    std::vector<size_t> &ladder = ladders.emplace_back();
    for (size_t option = 0; option < tensor.options.size(); ++option)
      ladder.push_back(option);
    llvm::sort(ladder, [&](size_t a, size_t b) {
      return std::pair(tensor.options[a].bytes, a) < std::pair(tensor.options[b].bytes, b);
    });
    rungs.push_back(0);
    mix.push_back(ladder[0]);
  }
  while (true) {
    std::optional<size_t> next;
    for (size_t i = 0; i < mix.size(); ++i) {
      if (rungs[i] + 1 == ladders[i].size())
        continue;
      Mix larger = mix;
      larger[i] = ladders[i][rungs[i] + 1];
      auto error = [&](size_t tensor) {
        return problem.tensors[tensor].options[mix[tensor]].weightError;
      };
      if (countBytes(problem, larger) <= bytes && (!next || error(i) > error(*next)))
        next = i;
    }
    if (!next)
      return mix;
    mix[*next] = ladders[*next][++rungs[*next]];
  }
}

std::vector<std::pair<std::string, Mix>> makeUniformMixes(const PrecisionProblem &problem) {
  std::vector<std::pair<std::string, Mix>> mixes;
  auto open = llvm::find_if(
      problem.tensors, [](const PrecisionTensor &tensor) { return tensor.options.size() > 1; });
  if (open == problem.tensors.end())
    return mixes;
  for (const PrecisionOption &option : open->options)
    if (auto mix = makeUniform(problem, option.name))
      mixes.emplace_back("uniform " + option.name, std::move(*mix));
  return mixes;
}

std::vector<std::pair<std::string, Mix>> makeSimpleMixes(const PrecisionProblem &problem,
                                                         int64_t bytes) {
  std::vector<std::pair<std::string, Mix>> mixes;
  auto add = [&](std::string origin, Mix mix) {
    if (countBytes(problem, mix) <= bytes)
      mixes.emplace_back(std::move(origin), std::move(mix));
  };
  // Of the uniform mixes that fit only the largest counts; so does each with large ends.
  std::optional<Mix> uniform, ends;
  std::string uniformName, endsName;
  auto keepLarger = [&](std::optional<Mix> &kept, std::string &keptName, const Mix &mix,
                        const std::string &name) {
    int64_t size = countBytes(problem, mix);
    if (size <= bytes && (!kept || size > countBytes(problem, *kept))) {
      kept = mix;
      keptName = name;
    }
  };
  for (auto &[name, mix] : makeUniformMixes(problem)) {
    keepLarger(uniform, uniformName, mix, name);
    Mix large = mix;
    large.front() = findLargest(problem.tensors.front());
    large.back() = findLargest(problem.tensors.back());
    keepLarger(ends, endsName, large, "first and last large, rest " + name);
  }
  if (uniform)
    add(uniformName, *uniform);
  if (ends)
    add(endsName, *ends);
  Mix greedy = makeGreedy(problem, bytes);
  add("greedy by weight error", std::move(greedy));
  return mixes;
}

} // namespace quern
