// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_PASSES_QUANTIZE_SAMPLESTORE_H
#define QUERN_PASSES_QUANTIZE_SAMPLESTORE_H

#include "passes/Interfaces/ModelRunner.h"

#include "llvm/Support/FileSystem.h"

namespace quern {

/// The values of some tensors in each run of a model, in a temporary file: what is in memory does
/// not grow with the number of samples. The file goes with the object.
class SampleStore {
public:
  static llvm::Expected<SampleStore> make(std::vector<TensorSlot> slots);
  SampleStore(SampleStore &&other) noexcept;
  SampleStore &operator=(SampleStore &&other) noexcept;
  ~SampleStore();

  llvm::ArrayRef<TensorSlot> getSlots() const { return slots; }
  /// The number of the slot of that name.
  std::optional<size_t> find(llvm::StringRef name) const;
  llvm::Error write(size_t run, size_t slot, const void *data);
  llvm::Error read(size_t run, size_t slot, void *data) const;

private:
  SampleStore() = default;
  uint64_t getOffset(size_t run, size_t slot) const { return run * stride + offsets[slot]; }

  std::vector<TensorSlot> slots;
  std::vector<uint64_t> offsets; ///< of each slot in a run
  uint64_t stride = 0;
  int file = -1;
};

} // namespace quern

#endif // QUERN_PASSES_QUANTIZE_SAMPLESTORE_H
