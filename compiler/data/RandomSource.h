// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_RANDOMSOURCE_H
#define QUERN_COMPILER_DATA_RANDOMSOURCE_H

#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

namespace quern::data {

/// Samples made up for a model's inputs: floats of the standard normal distribution, bytes of the
/// whole range, other whole numbers among those that the input takes, from 0 to 99 where it takes
/// any. The same seed gives the same samples on every machine.
class RandomSource : public SampleSource {
public:
  RandomSource(llvm::ArrayRef<TensorSlot> inputs, size_t count, uint64_t seed)
      : inputs(inputs), count(count), seed(seed) {}
  size_t size() const override { return count; }
  llvm::Error read(size_t index, llvm::ArrayRef<char *> buffers) override;

private:
  std::vector<TensorSlot> inputs;
  size_t count;
  uint64_t seed;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_RANDOMSOURCE_H
