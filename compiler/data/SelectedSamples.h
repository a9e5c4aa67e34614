// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_SELECTEDSAMPLES_H
#define QUERN_COMPILER_DATA_SELECTEDSAMPLES_H

#include "passes/Interfaces/SampleSource.h"

#include <utility>
#include <vector>

namespace quern::data {

/// Some samples of a source, in an order of their own.
class SelectedSamples : public SampleSource {
public:
  SelectedSamples(SampleSource &source, std::vector<size_t> samples)
      : source(source), samples(std::move(samples)) {}
  size_t size() const override { return samples.size(); }
  llvm::Error read(size_t index, llvm::ArrayRef<char *> buffers) override {
    return source.read(samples[index], buffers);
  }

private:
  SampleSource &source;
  std::vector<size_t> samples;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_SELECTEDSAMPLES_H
