// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/Quantize/ChannelMeans.h"

#include "llvm/ADT/STLExtras.h"

using llvm::Error;

namespace quern {

namespace {

/// The running sums of one site.
struct ChannelSums {
  std::pair<bool, size_t> place; ///< (is an output, number)
  int64_t outer = 1, inner = 1;  ///< of one sample
  std::vector<double> sums;
};

} // namespace

static llvm::Expected<ChannelSums> prepare(const Sweep &sweep, const ChannelSite &site) {
  auto place = sweep.find(site.name);
  if (!place)
    return llvm::createStringError("the compiled model does not show '" + site.name + "'");
  llvm::ArrayRef<int64_t> dims = sweep.getSlot(*place).type.getShape();
  auto axis = static_cast<size_t>(site.axis < 0 ? site.axis + dims.size() : site.axis);
  if (axis >= dims.size() || !sweep.getSlot(*place).type.getElementType().isF32())
    return llvm::createStringError("'" + site.name + "' has no channels at its dimension " +
                                   llvm::Twine(site.axis));
  ChannelSums sums = {*place, 1, 1, std::vector<double>(dims[axis])};
  for (size_t i = 1; i < dims.size(); ++i)
    if (i != axis)
      (i < axis ? sums.outer : sums.inner) *= dims[i];
  return sums;
}

static void add(ChannelSums &sums, llvm::ArrayRef<char> bytes) {
  const auto *values = reinterpret_cast<const float *>(bytes.data());
  auto channels = static_cast<int64_t>(sums.sums.size());
  for (int64_t o = 0; o < sums.outer; ++o)
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (int64_t i = 0; i < sums.inner; ++i)
        sum += *values++;
      sums.sums[c] += sum;
    }
}

llvm::Expected<std::vector<std::vector<double>>>
measureChannelMeans(const CompiledModel &model, SampleSource &source,
                    llvm::ArrayRef<ChannelSite> sites, std::vector<const void *> fixed,
                    llvm::function_ref<void(size_t)> onSample) {
  auto sweep = Sweep::make(model, source, std::move(fixed));
  if (!sweep)
    return sweep.takeError();
  std::vector<ChannelSums> all;
  for (const ChannelSite &site : sites) {
    auto sums = prepare(*sweep, site);
    if (!sums)
      return sums.takeError();
    all.push_back(std::move(*sums));
  }
  Error error = sweep->run(0, source.size(), [&](const Sweep::Sample &sample) {
    for (ChannelSums &sums : all)
      add(sums, (sums.place.first ? sample.outputs : sample.inputs)[sums.place.second]);
    if (onSample)
      onSample(sample.index + 1);
    return Error::success();
  });
  if (error)
    return std::move(error);
  std::vector<std::vector<double>> means;
  for (ChannelSums &sums : all) {
    double count = static_cast<double>(source.size()) * static_cast<double>(sums.outer) *
                   static_cast<double>(sums.inner);
    for (double &sum : sums.sums)
      sum /= count;
    means.push_back(std::move(sums.sums));
  }
  return means;
}

} // namespace quern
