// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_CALIBRATE_SWEEP_H
#define QUERN_PASSES_CALIBRATE_SWEEP_H

#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>

namespace quern {

/// Memory of one input or output, aligned as models want it.
class SlotBuffer {
public:
  explicit SlotBuffer(size_t bytes);
  char *data() const { return bytes.get(); }

private:
  struct Free {
    void operator()(char *memory) const;
  };
  std::unique_ptr<char, Free> bytes;
};

/// Runs a compiled model over samples, as many at a time as its batch takes. A last batch that is
/// not full is filled up with its last sample, whose results are not shown.
class Sweep {
public:
  /// One sample's values of each input and output, in the model's order: a slot's size without the
  /// batch dimension. An output whose first dimension is not the batch is shown whole.
  struct Sample {
    size_t index;
    llvm::ArrayRef<llvm::ArrayRef<char>> inputs, outputs;
  };

  /// The source feeds the first inputs of the model; `fixed` are the buffers of the others.
  /// Fails if the inputs that are fed have different first dimensions.
  static llvm::Expected<Sweep> make(const CompiledModel &model, SampleSource &source,
                                    std::vector<const void *> fixed = {});

  /// Runs the samples from `begin` to before `end`.
  llvm::Error run(size_t begin, size_t end, llvm::function_ref<llvm::Error(const Sample &)> visit);
  int64_t getBatch() const { return batch; }
  /// The input or output of that name: (is an output, number).
  std::optional<std::pair<bool, size_t>> find(llvm::StringRef name) const;
  const TensorSlot &getSlot(std::pair<bool, size_t> place) const;

private:
  Sweep(const CompiledModel &model, SampleSource &source) : model(&model), source(&source) {}
  llvm::Error fill(size_t begin, size_t count);
  llvm::ArrayRef<char> slice(const TensorSlot &slot, const SlotBuffer &buffer, size_t sample) const;

  const CompiledModel *model;
  SampleSource *source;
  int64_t batch = 1;
  std::vector<SlotBuffer> inputs, outputs; ///< inputs: those that are fed
  std::vector<const void *> inputPointers;
  std::vector<void *> outputPointers;
};

/// A sample's values as floats: f32 as they are, others converted into `storage`.
llvm::ArrayRef<float> asFloats(llvm::ArrayRef<char> bytes, mlir::Type element,
                               std::vector<float> &storage);

} // namespace quern

#endif // QUERN_PASSES_CALIBRATE_SWEEP_H
