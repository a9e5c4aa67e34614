// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_CHANNELMEANS_H
#define QUERN_PASSES_QUANTIZE_CHANNELMEANS_H

#include "passes/Calibrate/Sweep.h"

#include <string>
#include <vector>

namespace quern {

/// An input or output of a model whose channels lie at dimension `axis`.
struct ChannelSite {
  std::string name;
  int64_t axis = 1;
};

/// The mean of each channel over all samples and positions, for each site (an input or
/// output of the model).
/// `fixed` are the inputs that the source does not feed.
llvm::Expected<std::vector<std::vector<double>>>
measureChannelMeans(const CompiledModel &model, SampleSource &source,
                    llvm::ArrayRef<ChannelSite> sites, std::vector<const void *> fixed = {},
                    llvm::function_ref<void(size_t)> onSample = nullptr);

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_CHANNELMEANS_H
