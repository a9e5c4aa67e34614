// Part of Quern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef QUERN_COMPILER_DATA_FILESOURCE_H
#define QUERN_COMPILER_DATA_FILESOURCE_H

#include "passes/Interfaces/ModelRunner.h"
#include "passes/Interfaces/SampleSource.h"

#include <memory>

namespace quern::data {

/// One batch of a model's inputs, each a `.npy` file of the whole input's shape.
class FileSource : public SampleSource {
public:
  /// `files` are `NAME=FILE`, one for each input. Errors name the input or the file.
  static llvm::Expected<std::unique_ptr<FileSource>> open(llvm::ArrayRef<std::string> files,
                                                          llvm::ArrayRef<TensorSlot> inputs);
  size_t size() const override { return batch; }
  llvm::Error read(size_t index, llvm::ArrayRef<char *> buffers) override;

private:
  std::vector<std::vector<char>> values; ///< of each input
  size_t batch = 1;
};

} // namespace quern::data

#endif // QUERN_COMPILER_DATA_FILESOURCE_H
